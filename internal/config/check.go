package config

import (
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/robfig/cron/v3"

	"subtally/billing/register"
)

var (
	accountForm  = regexp.MustCompile(`^AC[0-9a-fA-F]{32}$`)
	usernameForm = regexp.MustCompile(`^(AC|SK)[0-9a-fA-F]{32}$`)
	envForm      = regexp.MustCompile(`^[A-Z_][A-Z0-9_]*$`)
)

// secretHint is where a value that looks like a secret belongs instead of the
// mapping at path; empty for a key that does not look like one.
func secretHint(path, key string) string {
	key = strings.ToLower(key)
	looks := path == "twilio" && (key == "account_sid" || key == "sid")
	for _, word := range []string{"token", "password", "passwd", "secret", "api_key"} {
		looks = looks || strings.Contains(key, word)
	}
	switch {
	case !looks:
		return ""
	case strings.HasPrefix(path, "twilio.credentials"):
		return "secrets come from the environment only: put the name of the variable that holds it in password_env"
	case path == "clickhouse":
		return "secrets come from the environment only: set " + envClickHousePassword
	}
	return "secrets come from the environment only: set " + envAccountSID + " and " + envAuthToken
}

// checkFile checks what subtally.yaml says itself.
func (l *loader) checkFile(f *file) {
	bad := l.main.problem
	l.checkTwilio(&f.Twilio)
	l.checkClickHouse(f)

	if f.Seller.Name == "" {
		bad("seller.name", "the seller's name is missing: invoices print it")
	}

	b := &f.Billing
	if b.Start.IsZero() {
		bad("billing.start", "the first day to bill is missing: give the first day of a month, such as 2026-10-01")
	} else if b.Start.Day != 1 {
		bad("billing.start", "%s is not the first day of a month", b.Start)
	}
	if b.TimeZone == "" {
		bad("billing.time_zone", "the time zone of statements is missing: give an IANA name such as America/New_York")
	} else if _, err := loadZone(b.TimeZone); err != nil {
		bad("billing.time_zone", "%v", err)
	}
	for _, days := range []struct {
		path string
		n    int
	}{{"billing.grace_days", b.GraceDays}, {"billing.settle_days", b.SettleDays}, {"billing.payment_days", b.PaymentDays}} {
		if days.n < 0 || days.n > 365 {
			bad(days.path, "%d is not a number of days from 0 to 365", days.n)
		}
	}
	l.checkSellers(f)

	if err := checkCron(f.Schedule.Cron); err != nil {
		bad("schedule.cron", "%v", err)
	}
	if f.Schedule.TimeZone != "" {
		if _, err := loadZone(f.Schedule.TimeZone); err != nil {
			bad("schedule.time_zone", "%v", err)
		}
	}
	l.checkDir("output_dir", f.OutputDir)
}

// checkSellers checks every seller's number formats, and that no number can be
// given twice: by two sellers, or to an invoice and a credit note.
func (l *loader) checkSellers(f *file) {
	type place struct{ path, format string }
	places := []place{{"billing.number_format", f.Billing.NumberFormat}, {"billing.credit_note_format", f.Billing.CreditNoteFormat}}
	for _, id := range slices.Sorted(maps.Keys(f.Sellers)) {
		at, s := join("sellers", id), f.Sellers[id]
		if !tenantForm.MatchString(id) {
			l.main.problem(at, "%q is not a seller's id: it needs 1 to 64 of a to z, 0 to 9, '.', '_' and '-', the first a letter or digit", id)
		}
		if s.Name == "" {
			l.main.problem(at+".name", "seller %q needs a name: invoices print it", id)
		}
		places = append(places, place{at + ".number_format", s.NumberFormat}, place{at + ".credit_note_format", s.CreditNoteFormat})
	}
	var right []place
	for _, p := range places {
		if err := register.CheckFormat(p.format); err != nil {
			l.main.problem(p.path, "%v", err)
			continue
		}
		for _, before := range right {
			if register.Overlap(before.format, p.format) {
				l.main.problem(p.path, "%q and %s, %q, can make the same number: let them begin differently", p.format, before.path, before.format)
				break
			}
		}
		right = append(right, p)
	}
}

func (l *loader) checkTwilio(t *twilioSection) {
	bad := l.main.problem
	if err := checkBaseURL(t.BaseURL); err != nil {
		bad("twilio.base_url", "%v", err)
	}
	if t.Concurrency < 1 || t.Concurrency > 100 {
		bad("twilio.concurrency", "%d is not a number of requests from 1 to 100", t.Concurrency)
	}
	first := map[string]int{}
	for i, own := range t.Credentials {
		at := fmt.Sprintf("twilio.credentials[%d]", i)
		if !accountForm.MatchString(own.Account) {
			bad(at+".account", "%q is not an account sid: AC and 32 hexadecimal digits", own.Account)
		} else if line, dup := first[own.Account]; dup {
			bad(at+".account", "account %s already has credentials on line %d; keep one", own.Account, line)
		} else {
			first[own.Account] = l.main.line(at + ".account")
		}
		// What stands here may be the secret itself by mistake: not repeated.
		if own.Username != "" && !usernameForm.MatchString(own.Username) {
			bad(at+".username", "must be an account sid (AC...) or the sid of an API key (SK...)")
		}
		if !envForm.MatchString(own.PasswordEnv) {
			bad(at+".password_env", "must be the name of an environment variable in capitals, such as ACME_AUTH_TOKEN, not the password itself")
		}
	}
}

// checkBaseURL keeps the auth token off unencrypted networks.
func checkBaseURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return fmt.Errorf("must be a URL such as https://api.twilio.com")
	}
	if u.User != nil {
		return fmt.Errorf("must not hold a user name or password: set %s and %s in the environment", envAccountSID, envAuthToken)
	}
	if strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("%q must end after the host: Subtally adds the path", text)
	}
	if u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname()) {
		return nil
	}
	return fmt.Errorf("%q must start with https:// (http:// is for this machine only, such as http://127.0.0.1:8080)", text)
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

func (l *loader) checkClickHouse(f *file) {
	bad := l.main.problem
	c := &f.ClickHouse
	if c.Port < 0 || c.Port > 65535 {
		bad("clickhouse.port", "%d is not a port from 0 to 65535", c.Port)
	}
	l.checkDir("clickhouse.data_dir", c.DataDir)
	if c.DataDir != "" && l.resolve(c.DataDir) == l.resolve(f.OutputDir) {
		bad("output_dir", "%q is the data_dir of clickhouse too: the engine needs a folder of its own", f.OutputDir)
	}
	if c.DSN == "" {
		return
	}
	// The driver hides passwords in its errors.
	if options, err := clickhouse.ParseDSN(c.DSN); err != nil {
		bad("clickhouse.dsn", "must be an address such as clickhouse://subtally@host:9000/subtally: %v", err)
	} else if options.Auth.Password != "" {
		bad("clickhouse.dsn", "must not hold a password: set %s in the environment", envClickHousePassword)
	} else if !strings.HasPrefix(c.DSN, "clickhouse://") {
		bad("clickhouse.dsn", "must start with clickhouse://")
	}
}

func (l *loader) checkDir(at, dir string) {
	if dir == "" {
		l.main.problem(at, "must name a folder")
	} else if info, err := os.Stat(l.resolve(dir)); err == nil && !info.IsDir() {
		l.main.problem(at, "%q is a file, not a folder", dir)
	}
}

// loadZone loads a time zone by its IANA name. Go takes "Local" too, which is
// another zone on each machine.
func loadZone(name string) (*time.Location, error) {
	if name == "" || name == "Local" {
		return nil, fmt.Errorf("%q is not a time zone; give an IANA name such as Europe/Berlin", name)
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("%q is not a time zone; give an IANA name such as Europe/Berlin", name)
	}
	return loc, nil
}

func checkCron(spec string) error {
	if strings.Contains(spec, "TZ=") {
		return fmt.Errorf("%q names a time zone; that belongs in schedule.time_zone", spec)
	}
	schedule, err := cron.ParseStandard(spec)
	if err != nil {
		return fmt.Errorf("%q is not a schedule such as \"15 3 * * *\": %w", spec, err)
	}
	// Any instant does: a schedule that never fires has none after it.
	if schedule.Next(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return fmt.Errorf("%q names a day that no month has", spec)
	}
	return nil
}
