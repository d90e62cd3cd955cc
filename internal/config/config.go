// Package config reads and checks everything an operator writes: subtally.yaml
// and the plans, rate decks and tenants that it names.
//
// [Load] answers either a configuration that is right as a whole or every
// problem in it at once, each with file and line. It is strict: a key it does
// not know, a key that stands twice, a number that is not plainly one are
// problems, never guesses. Secrets come from environment variables only.
//
// The package never calls Twilio or ClickHouse and never writes a file.
package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	_ "time/tzdata" // time zones are part of the configuration; the machine may have none

	"subtally/billing"
	"subtally/pricing"
)

// Config is a checked configuration.
type Config struct {
	Dir        string // the folder of subtally.yaml
	Twilio     Twilio
	ClickHouse ClickHouse
	Seller     billing.Seller            // the default one; its formats are those of Billing
	Sellers    map[string]billing.Seller // others, by id
	Billing    Billing
	Schedule   Schedule
	OutputDir  string                   // joined to Dir where relative
	Plans      map[string]*pricing.Plan // by name
	Decks      map[string]*pricing.Deck // by name
	Rates      *pricing.ExchangeRates   // nil where none are configured
	Tenants    []billing.Tenant         // ordered by id
}

// Twilio is how to reach Twilio.
type Twilio struct {
	BaseURL     string // without a slash at its end
	Concurrency int    // requests at a time
	Main        MainAccount
	Accounts    map[string]Credentials // by the sid of a subaccount that has its own; others use Main
}

// MainAccount is the account that owns the subaccounts. Both values come from
// the environment, TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN, and may be empty;
// see [Config.NeedTwilio].
type MainAccount struct {
	AccountSID string
	AuthToken  Secret
}

// Credentials are a subaccount's own.
type Credentials struct {
	Username    string // the account's sid, or the sid of an API key
	PasswordEnv string // the environment variable that holds Password
	Password    Secret
}

// ClickHouse is where usage is stored: a server that DSN names, else an engine
// of Subtally's own.
type ClickHouse struct {
	DataDir  string `yaml:"data_dir"` // of the embedded engine; joined to the folder of subtally.yaml where relative
	Port     int    `yaml:"port"`     // of the embedded engine; any free port where 0
	DSN      string `yaml:"dsn"`      // such as clickhouse://subtally@host:9000/subtally; never holds a password
	Password Secret // from SUBTALLY_CLICKHOUSE_PASSWORD
	// SingleWriter says that only one process ever finalizes, which a server
	// without Keeper needs to know.
	SingleWriter bool `yaml:"single_writer"`
}

// Billing is how and when statements and invoices are made.
type Billing struct {
	Start               pricing.Date `yaml:"start"`                // first day billed, the first of a month; nothing earlier is pulled
	TimeZone            string       `yaml:"time_zone"`            // IANA name; of statements and billing dates
	GraceDays           int          `yaml:"grace_days"`           // days after a period before its invoices are finalized
	SettleDays          int          `yaml:"settle_days"`          // days for which Twilio may still change a record
	NumberFormat        string       `yaml:"number_format"`        // of invoice numbers, such as "INV-{year}-{seq:06}"
	CreditNoteFormat    string       `yaml:"credit_note_format"`   // of the numbers of credit notes, such as "CN-{year}-{seq:06}"
	PaymentDays         int          `yaml:"payment_days"`         // from issue date to due date
	PaymentInstructions []string     `yaml:"payment_instructions"` // printed line by line
}

// Schedule is when `subtally serve` runs the nightly job.
type Schedule struct {
	Cron     string `yaml:"cron"`      // five fields
	TimeZone string `yaml:"time_zone"` // IANA name
}

// file is subtally.yaml as written.
type file struct {
	Twilio     twilioSection             `yaml:"twilio"`
	ClickHouse ClickHouse                `yaml:"clickhouse"`
	Seller     billing.Party             `yaml:"seller"`  // printed on every invoice
	Sellers    map[string]billing.Seller `yaml:"sellers"` // others that invoice tenants, by the id that tenants name them by
	Billing    Billing                   `yaml:"billing"`
	Schedule   Schedule                  `yaml:"schedule"`
	OutputDir  string                    `yaml:"output_dir"`     // where documents are written; out where left out
	Plans      []string                  `yaml:"plans"`          // file names or patterns, such as plans/*.yaml; one plan in each file
	Decks      map[string]DeckFile       `yaml:"decks"`          // rate decks, by the name that plans call them by
	Rates      string                    `yaml:"exchange_rates"` // name of the file of exchange rates
	Tenants    string                    `yaml:"tenants"`        // name of the tenants file
}

// twilioSection is how to reach Twilio. The main account's credentials come
// from the environment: TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN.
type twilioSection struct {
	BaseURL     string              `yaml:"base_url"`    // https://api.twilio.com where left out
	Concurrency int                 `yaml:"concurrency"` // requests at a time, 1 to 100; 8 where left out
	Credentials []credentialSection `yaml:"credentials"` // of subaccounts that the main account's must not read
}

// credentialSection is a subaccount with credentials of its own.
type credentialSection struct {
	Account     string `yaml:"account"`      // sid of the subaccount
	Username    string `yaml:"username"`     // sid of the account or of an API key; the account's where left out
	PasswordEnv string `yaml:"password_env"` // name of the environment variable that holds the token or the key's secret
}

// DeckFile is a rate deck: its file, and what the file calls the columns of
// [pricing.DeckColumns] where it has other names for them. The file alone may
// stand for both.
type DeckFile struct {
	File    string            `yaml:"file"`
	Columns map[string]string `yaml:"columns"`
}

// UnmarshalText reads a deck that is written as its file.
func (d *DeckFile) UnmarshalText(text []byte) error {
	d.File = string(text)
	return nil
}

// tenantsFile is the tenants file as written.
type tenantsFile struct {
	Tenants []billing.Tenant `yaml:"tenants"` // the customers, each with its subaccounts
}

// defaults is what holds where subtally.yaml is silent.
func defaults() file {
	return file{
		Twilio:     twilioSection{BaseURL: "https://api.twilio.com", Concurrency: 8},
		ClickHouse: ClickHouse{DataDir: "data"},
		Billing:    Billing{GraceDays: 3, SettleDays: 15, NumberFormat: "INV-{year}-{seq:06}", CreditNoteFormat: "CN-{year}-{seq:06}", PaymentDays: 30},
		Schedule:   Schedule{Cron: "15 3 * * *"},
		OutputDir:  "out",
	}
}

// Names of the environment variables that hold secrets.
const (
	envAccountSID         = "TWILIO_ACCOUNT_SID"
	envAuthToken          = "TWILIO_AUTH_TOKEN"
	envClickHousePassword = "SUBTALLY_CLICKHOUSE_PASSWORD"
)

// Sizes beyond which a file is surely not what it is taken for. A tenant is a
// few hundred bytes.
const (
	maxFile    = 1 << 20
	maxTenants = 16 << 20
)

// Load reads the configuration file at path and every file that it names. env
// looks up an environment variable, as [os.LookupEnv] does. The error is a
// [*Problems] that lists everything wrong.
func Load(path string, env func(string) (string, bool)) (*Config, error) {
	l, f := open(path)
	if l.main == nil {
		return nil, l.problems.err()
	}
	l.checkFile(f)
	decks := l.loadDecks(f.Decks)
	var rates *pricing.ExchangeRates
	if l.main.has("exchange_rates") {
		var err error
		if rates, err = loadRates(l.resolve(f.Rates), &l.problems); err != nil {
			l.main.problem("exchange_rates", "exchange rates file %q: %v", f.Rates, err)
		}
	}
	plans := l.loadPlans(f.Plans, decks)
	tenants := l.loadTenants(f, plans)
	if err := l.problems.err(); err != nil {
		return nil, err
	}

	secret := func(name string) Secret {
		value, _ := env(name)
		return Secret(value)
	}
	sid, _ := env(envAccountSID)
	c := &Config{
		Dir: l.dir,
		Twilio: Twilio{
			BaseURL:     strings.TrimSuffix(f.Twilio.BaseURL, "/"),
			Concurrency: f.Twilio.Concurrency,
			Main:        MainAccount{AccountSID: sid, AuthToken: secret(envAuthToken)},
			Accounts:    map[string]Credentials{},
		},
		ClickHouse: f.ClickHouse,
		Seller:     billing.Seller{Party: f.Seller, NumberFormat: f.Billing.NumberFormat, CreditNoteFormat: f.Billing.CreditNoteFormat},
		Sellers:    f.Sellers,
		Billing:    f.Billing,
		Schedule:   f.Schedule,
		OutputDir:  l.resolve(f.OutputDir),
		Plans:      plans,
		Decks:      decks,
		Rates:      rates,
		Tenants:    tenants,
	}
	c.ClickHouse.DataDir = l.resolve(c.ClickHouse.DataDir)
	c.ClickHouse.Password = secret(envClickHousePassword)
	if c.Schedule.TimeZone == "" {
		c.Schedule.TimeZone = c.Billing.TimeZone
	}
	for _, own := range f.Twilio.Credentials {
		if own.Username == "" {
			own.Username = own.Account
		}
		c.Twilio.Accounts[own.Account] = Credentials{own.Username, own.PasswordEnv, secret(own.PasswordEnv)}
	}
	slices.SortFunc(c.Tenants, func(a, b billing.Tenant) int { return strings.Compare(a.ID, b.ID) })
	return c, nil
}

// NeedTwilio says which Twilio credentials are missing from the environment,
// for commands that call Twilio; nil when they are all there.
func (c *Config) NeedTwilio() error {
	var missing []string
	if c.Twilio.Main.AccountSID == "" {
		missing = append(missing, envAccountSID)
	}
	if c.Twilio.Main.AuthToken == "" {
		missing = append(missing, envAuthToken)
	}
	for _, sid := range slices.Sorted(maps.Keys(c.Twilio.Accounts)) {
		if own := c.Twilio.Accounts[sid]; own.Password == "" && !slices.Contains(missing, own.PasswordEnv) {
			missing = append(missing, own.PasswordEnv)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("twilio credentials are missing: set %s in the environment", strings.Join(missing, ", "))
	}
	if !accountForm.MatchString(c.Twilio.Main.AccountSID) {
		return fmt.Errorf("%s in the environment is not an account sid: AC and 32 hexadecimal digits", envAccountSID)
	}
	return nil
}

// loader gathers what the configuration file names, and all problems.
type loader struct {
	dir      string
	main     *document            // subtally.yaml
	docs     map[string]*document // the plan files, by the name of the plan
	lostPlan bool                 // a plan could not be read so far as its name
	problems Problems
}

// open parses the configuration file at path. The loader has no main document
// when nothing of it can be used.
func open(path string) (*loader, *file) {
	l := &loader{dir: filepath.Dir(path), docs: map[string]*document{}}
	f := defaults()
	data, err := readFile(path, maxFile)
	if err != nil {
		l.problems.add(Problem{File: path, Text: fmt.Sprintf("%v; `subtally init` writes an example", err)})
		return l, nil
	}
	l.main = parse(path, data, &f, &l.problems)
	return l, &f
}

// resolve is where a path in subtally.yaml points to.
func (l *loader) resolve(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(l.dir, path)
}

// Open opens a regular file: a folder is a mistake, and a pipe or device
// might never end. Its errors leave the path out: problems name the file.
func Open(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, withoutPath(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, withoutPath(err)
	}
	return f, nil
}

// readFile reads a whole file of at most limit bytes, with errors as
// [Open] has them.
func readFile(path string, limit int64) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, withoutPath(err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("larger than %d MiB, too large for a configuration file", limit>>20)
	}
	return data, nil
}

func withoutPath(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// loadDecks reads the rate decks. One with problems stays in the answer as
// nil, so that plans may still name it.
func (l *loader) loadDecks(sections map[string]DeckFile) map[string]*pricing.Deck {
	decks := map[string]*pricing.Deck{}
	for _, name := range slices.Sorted(maps.Keys(sections)) {
		at := join("decks", name)
		if name == "" {
			l.main.problem(at, "a rate deck needs a name")
			continue
		}
		decks[name] = nil
		section := sections[name]
		if !l.checkDeck(at, section) {
			continue
		}
		deck, err := loadDeck(name, DeckFile{l.resolve(section.File), section.Columns}, &l.problems)
		if err != nil {
			l.main.problem(at, "rate deck file %q: %v", section.File, err)
			continue
		}
		decks[name] = deck
	}
	return decks
}

// loadDeck reads one rate deck; nil where it has problems. The error is that of
// a file that cannot be read at all.
func loadDeck(name string, file DeckFile, problems *Problems) (deck *pricing.Deck, err error) {
	err = readTable(file.File, problems, func(f io.Reader) (wrong []pricing.Problem) {
		deck, wrong = pricing.ParseDeck(name, f, file.Columns)
		return wrong
	})
	return deck, err
}

// loadRates reads exchange rates, as loadDeck does a rate deck.
func loadRates(path string, problems *Problems) (rates *pricing.ExchangeRates, err error) {
	err = readTable(path, problems, func(f io.Reader) (wrong []pricing.Problem) {
		rates, wrong = pricing.ParseExchangeRates(f)
		return wrong
	})
	return rates, err
}

// readTable reads a CSV file.
func readTable(path string, problems *Problems, read func(io.Reader) []pricing.Problem) error {
	f, err := Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	problems.in(path, read(f))
	return nil
}

// checkDeck checks what subtally.yaml says about a rate deck, and answers
// whether its file can be read by that.
func (l *loader) checkDeck(at string, section DeckFile) bool {
	before := len(l.problems.List)
	if section.File == "" {
		l.main.problem(at, "name the file of the rate deck")
	}
	for _, column := range slices.Sorted(maps.Keys(section.Columns)) {
		at := join(at+".columns", column)
		if !slices.Contains(pricing.DeckColumns, column) {
			text := "known here: " + strings.Join(pricing.DeckColumns, ", ")
			if s := suggest(column, pricing.DeckColumns); s != "" {
				text = fmt.Sprintf("did you mean %q?", s)
			}
			l.main.problem(at, "a rate deck has no column %q; %s", column, text)
		} else if section.Columns[column] == "" {
			l.main.problem(at, "name the file's column that is the %s", column)
		}
	}
	return len(l.problems.List) == before && !l.main.damaged(at)
}

var globMeta = regexp.MustCompile(`[*?[\\]`)

// loadPlans reads the plan files, one plan in each.
func (l *loader) loadPlans(patterns []string, decks map[string]*pricing.Deck) map[string]*pricing.Plan {
	if len(patterns) == 0 {
		l.main.problem("plans", "name at least one plan file")
	}
	plans := map[string]*pricing.Plan{}
	read := map[string]bool{}
	for i, pattern := range patterns {
		at := fmt.Sprintf("plans[%d]", i)
		paths := []string{l.resolve(pattern)}
		if globMeta.MatchString(pattern) {
			full := pattern
			if !filepath.IsAbs(pattern) {
				full = filepath.Join(globMeta.ReplaceAllString(l.dir, `\$0`), pattern)
			}
			var err error
			if paths, err = filepath.Glob(full); err != nil {
				l.main.problem(at, "%q is not a file name pattern: %v", pattern, err)
			} else if len(paths) == 0 {
				l.main.problem(at, "no file matches %q", pattern)
			}
		}
		for _, path := range paths {
			if !read[path] {
				read[path] = true
				l.loadPlan(at, path, plans, decks)
			}
		}
	}
	return plans
}

func (l *loader) loadPlan(at, path string, plans map[string]*pricing.Plan, decks map[string]*pricing.Deck) {
	data, err := readFile(path, maxFile)
	if err != nil {
		l.lostPlan = true
		l.main.problem(at, "plan file %q: %v", path, err)
		return
	}
	plan, doc := decodePlan(path, data, decks, &l.problems)
	if doc == nil || plan.Name == "" {
		l.lostPlan = true
		return
	}
	if first, dup := l.docs[plan.Name]; dup {
		doc.problem("name", "plan %q is already in %s:%d; give this one another name", plan.Name, first.file, first.line("name"))
		return
	}
	l.docs[plan.Name] = doc
	plans[plan.Name] = plan
}

// decodePlan reads and checks a plan file. The document is nil when nothing of
// it can be used.
func decodePlan(path string, data []byte, decks map[string]*pricing.Deck, problems *Problems) (*pricing.Plan, *document) {
	plan := new(pricing.Plan)
	doc := parse(path, data, plan, problems)
	if doc == nil {
		return nil, nil
	}
	checkPlan(doc, plan, decks)
	return plan, doc
}

// checkPlan reports what is wrong in a plan that was decoded.
func checkPlan(doc *document, plan *pricing.Plan, decks map[string]*pricing.Deck) {
	for _, p := range plan.Check(decks) {
		doc.problem(p.Path, "%s", p.Text)
	}
	checkPrices(doc, plan)
}

// loadTenants reads the tenants file.
func (l *loader) loadTenants(main *file, plans map[string]*pricing.Plan) []billing.Tenant {
	name := main.Tenants
	if name == "" {
		l.main.problem("tenants", "name the tenants file")
		return nil
	}
	path := l.resolve(name)
	data, err := readFile(path, maxTenants)
	if err != nil {
		l.main.problem("tenants", "tenants file %q: %v", name, err)
		return nil
	}
	var f tenantsFile
	doc := parse(path, data, &f, &l.problems)
	if doc == nil {
		return nil
	}
	if f.Tenants == nil {
		doc.problem("tenants", "the list of tenants is missing")
	}
	t := tenantCheck{doc: doc, plans: plans, sellers: slices.Sorted(maps.Keys(main.Sellers)), complete: !l.lostPlan, start: main.Billing.Start}
	t.check(f.Tenants)
	return f.Tenants
}
