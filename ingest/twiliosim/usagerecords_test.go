package twiliosim

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
)

// usageRecords reads a list of Usage Records to the end.
func usageRecords(t *testing.T, s *Server, sid, resource string, size int, params ...string) []object {
	t.Helper()
	rows, _ := listAll(t, s, sid, "Usage/"+resource, size, params...)
	return rows
}

func init() {
	rowKeys["Usage/Records"], rowKeys["Usage/Records/Daily"] = "usage_records", "usage_records"
}

// sums are the figures of Usage Records, or of a list, by day and category.
type sums map[string][3]decimal.Decimal

func (s sums) add(day, category string, count, usage, cost decimal.Decimal) {
	f := s[day+" "+category]
	s[day+" "+category] = [3]decimal.Decimal{f[0].Add(count), f[1].Add(usage), f[2].Add(cost)}
}

// text is sums without the empty ones, for comparing.
func (s sums) text() map[string]string {
	out := map[string]string{}
	for key, f := range s {
		if !f[0].IsZero() || !f[1].IsZero() || !f[2].IsZero() {
			out[key] = fmt.Sprint(f[0], f[1], f[2])
		}
	}
	return out
}

func amount(v any) decimal.Decimal {
	text, _ := v.(string)
	if text == "" {
		return decimal.Decimal{}
	}
	return decimal.RequireFromString(text)
}

// recordSums are the figures that the stand-in serves, but for totalprice.
func recordSums(t *testing.T, s *Server, sid string, params ...string) sums {
	t.Helper()
	out := sums{}
	for _, r := range usageRecords(t, s, sid, "Records/Daily", 1000, params...) {
		if r["category"] != totalPrice {
			out.add(r["start_date"].(string), r["category"].(string), amount(r["count"]), amount(r["usage"]), amount(r["price"]))
		}
	}
	return out
}

// listSums adds up an account's lists by what Twilio's pages say of categories,
// and of what is charged.
func listSums(t *testing.T, s *Server, sid string) sums {
	t.Helper()
	out := sums{}
	one := decimal.NewFromInt(1)
	minutes := func(v any) decimal.Decimal { return amount(v).Div(decimal.NewFromInt(60)).Ceil() }
	cost := func(v any) decimal.Decimal {
		if text, ok := v.(string); ok {
			return decimal.RequireFromString(text).Neg()
		}
		if price, ok := v.(float64); ok {
			return decimal.NewFromFloat(price).Neg()
		}
		return decimal.Decimal{}
	}
	day := func(v any) string { return date(t, v).UTC().Format(time.DateOnly) }
	numbers := map[string]string{}
	for _, n := range s.numbers(accountIndex(t, s, sid)) {
		numbers[n.e164] = map[string]string{"local": "local", "mobile": "mobile", "toll free": "tollfree"}[n.kind]
	}

	rows, _ := listAll(t, s, sid, "Calls", 1000)
	trunked := map[string]bool{}
	for _, r := range rows {
		direction, ends := r["direction"].(string), r["from"].(string)+" "+r["to"].(string)
		var in []string
		switch {
		case direction == "trunking-originating":
			in = []string{"trunking-origination"}
		case direction == "trunking-terminating":
			in = []string{"trunking-termination"}
		case strings.Contains(ends, "client:"):
			in = []string{"calls-client"}
		case strings.Contains(ends, "sip:") && direction == "inbound":
			in = []string{"calls-sip", "calls-sip-inbound"}
		case strings.Contains(ends, "sip:"):
			in = []string{"calls-sip", "calls-sip-outbound"}
		case direction == "inbound":
			in = []string{"calls", "calls-inbound", "calls-inbound-" + numbers[r["to"].(string)]}
		default:
			in = []string{"calls", "calls-outbound"}
		}
		trunked[r["sid"].(string)] = strings.HasPrefix(direction, "trunking")
		if r["status"] == "completed" {
			for _, category := range in {
				out.add(day(r["start_time"]), category, one, minutes(r["duration"]), cost(r["price"]))
			}
		}
	}
	rows, _ = listAll(t, s, sid, "Messages", 1000)
	for _, r := range rows {
		direction, kind := "outbound", "sms"
		if r["direction"] == "inbound" {
			direction = "inbound"
		}
		from, _ := r["from"].(string)
		channel := strings.HasPrefix(from, "whatsapp:")
		switch status := r["status"]; {
		case status == "failed", status == "canceled", status == "queued", status == "scheduled", status == "receiving", status == "undelivered" && channel:
			continue
		}
		segments := amount(r["num_segments"])
		if channel {
			out.add(day(r["date_sent"]), "channels-messaging-"+direction, one, one, cost(r["price"]))
			continue
		}
		if r["num_media"] != "0" {
			kind, segments = "mms", one
		}
		out.add(day(r["date_sent"]), kind, one, segments, cost(r["price"]))
		out.add(day(r["date_sent"]), kind+"-"+direction, one, segments, cost(r["price"]))
	}
	rows, _ = listAll(t, s, sid, "Recordings", 1000, "IncludeSoftDeleted", "true")
	for _, r := range rows {
		if r["status"] != "completed" && r["status"] != "deleted" {
			continue
		}
		part := "calls-recordings"
		if trunked[r["call_sid"].(string)] {
			part = "trunking-recordings"
		}
		out.add(day(r["date_created"]), "recordings", one, minutes(r["duration"]), cost(r["price"]))
		out.add(day(r["date_created"]), part, one, minutes(r["duration"]), cost(r["price"]))
	}
	rows, _ = listAll(t, s, sid, "Transcriptions", 1000)
	for _, r := range rows {
		if r["status"] != "in-progress" {
			out.add(day(r["date_created"]), "transcriptions", one, minutes(r["duration"]), cost(r["price"]))
		}
	}
	return out
}

// TestUsageRecordsAgree holds Usage Records against the lists, which are
// computed otherwise, at moments when records are under way and when all are
// final.
func TestUsageRecordsAgree(t *testing.T) {
	w := small()
	w.Seed, w.Subaccounts, w.Records = 3, 30, 10_000
	s := serve(t, w, Options{})
	seen := map[string]bool{}
	for _, now := range []time.Time{from.Add(12*24*time.Hour + 12*time.Hour + 7*time.Minute), from.Add(20*24*time.Hour + 30*time.Minute), to.AddDate(0, 0, 3)} {
		for _, a := range s.Accounts() {
			if a.Status == "" {
				continue
			}
			s.SetNow(now.Add(-usageLag * time.Second))
			if !a.Created.Before(now.Add(-usageLag * time.Second)) {
				continue
			}
			want := listSums(t, s, a.SID)
			s.SetNow(now)
			got := recordSums(t, s, a.SID, "IncludeSubaccounts", "false", "StartDate", from.Format(time.DateOnly))
			for key := range got {
				if strings.Contains(key, " phonenumbers") {
					delete(got, key)
				}
			}
			if diff := cmp.Diff(want.text(), got.text()); diff != "" {
				t.Errorf("%s (%s) at %v: lists (-), usage records (+):\n%s", a.SID, a.Role, now, diff)
			}
			for key := range got.text() {
				seen[key[11:]] = true
			}
		}
	}
	for _, c := range categories {
		if !seen[c.name] && !strings.HasPrefix(c.name, "phonenumbers") {
			t.Errorf("no account has %s", c.name)
		}
	}
}

func accountIndex(t *testing.T, s *Server, sid string) uint32 {
	t.Helper()
	index, ok := s.account(sid)
	if !ok {
		t.Fatalf("no account %s", sid)
	}
	return index
}

// Each category's figures are in those that it is part of, and every cost once
// in the total.
func TestUsageRecordsAddUp(t *testing.T) {
	s := serve(t, small(), Options{Now: to.AddDate(0, 0, 3)})
	all := sums{}
	for _, a := range s.Accounts() {
		total := map[string]decimal.Decimal{}
		days := usageRecords(t, s, a.SID, "Records/Daily", 1000, "IncludeSubaccounts", "false", "StartDate", from.Format(time.DateOnly))
		for _, r := range days {
			c := slices.IndexFunc(categories[:], func(c categoryInfo) bool { return c.name == r["category"] })
			day := r["start_date"].(string)
			switch {
			case c < 0 && r["category"] == totalPrice:
				if got := amount(r["price"]); !got.Equal(total[day]) || r["usage"] != r["price"] || r["count"] != "" {
					t.Errorf("%s on %s: total price %s, usage %v, count %v; want %s, the same, empty", a.SID, day, got, r["usage"], r["count"], total[day])
				}
			case categories[c].partOf == noCategory:
				total[day] = total[day].Add(amount(r["price"]))
			}
			all.add("", r["category"].(string), amount(r["count"]), amount(r["usage"]), amount(r["price"]))
		}
	}
	// By default the main account's are those of all accounts.
	main := sums{}
	for _, r := range usageRecords(t, s, s.MainSID(), "Records", 1000, "StartDate", from.Format(time.DateOnly)) {
		main.add("", r["category"].(string), amount(r["count"]), amount(r["usage"]), amount(r["price"]))
	}
	if diff := cmp.Diff(all.text(), main.text()); diff != "" {
		t.Errorf("all accounts (-), main account (+):\n%s", diff)
	}
}

// A difference is in the Usage Records of its account and day and in what
// contains them, and the lists know nothing of it.
func TestDifference(t *testing.T) {
	world := small()
	plain := serve(t, world, Options{Now: to.AddDate(0, 0, 3)})
	a := byRole(t, plain, RoleMovedTo)
	day := from.AddDate(0, 0, 9)
	d, err := ParseDifference(a.SID + ":sms-inbound:" + day.Format(time.DateOnly) + ":+3:+0.12")
	if err != nil {
		t.Fatal(err)
	}
	for _, unknown := range []Difference{
		{"AC1", "calls", day, 1, d.Cost}, {a.SID, "calls", from.AddDate(0, 0, -1), 1, d.Cost}, {a.SID, "calls", to, 1, d.Cost},
	} {
		if _, err := New(world, Options{Differences: []Difference{unknown}}); err == nil || !strings.Contains(err.Error(), "the world has") {
			t.Errorf("%v: %v", unknown, err)
		}
	}
	changed := serve(t, world, Options{Now: to.AddDate(0, 0, 3), Differences: []Difference{d}})
	changed.Differ(Difference{a.SID, "made-up", day, 1, decimal.RequireFromString("-0.5")})
	got := map[string]string{}
	for _, account := range plain.Accounts() {
		for _, resource := range perAccount {
			path := "/2010-04-01/Accounts/" + account.SID + "/" + resource + ".json?PageSize=1000"
			if !bytes.Equal(get(t, plain, path), get(t, changed, path)) {
				t.Errorf("a difference changes %s", path)
			}
		}
		before := usageRecords(t, plain, account.SID, "Records/Daily", 1000, "IncludeSubaccounts", "false", "StartDate", from.Format(time.DateOnly))
		old := map[string]object{}
		for _, r := range before {
			old[r["start_date"].(string)+" "+r["category"].(string)] = r
		}
		for _, r := range usageRecords(t, changed, account.SID, "Records/Daily", 1000, "IncludeSubaccounts", "false", "StartDate", from.Format(time.DateOnly)) {
			key := r["start_date"].(string) + " " + r["category"].(string)
			if !cmp.Equal(old[key], r) {
				o := old[key]
				got[account.SID+" "+key] = fmt.Sprint(amount(r["count"]).Sub(amount(o["count"])), amount(r["usage"]).Sub(amount(o["usage"])), amount(r["price"]).Sub(amount(o["price"])))
			}
		}
	}
	at := a.SID + " " + day.Format(time.DateOnly) + " "
	want := map[string]string{
		at + "sms-inbound": "3 3 0.12", at + "sms": "3 3 0.12",
		at + "made-up": "1 1 -0.5", at + totalPrice: "0 -0.38 -0.38",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what differs (-want +got):\n%s", diff)
	}
}

func TestParseDifference(t *testing.T) {
	for text, want := range map[string]string{
		"AC1:calls:2026-10-15:+3:+0.12":     "{AC1 calls 2026-10-15 00:00:00 +0000 UTC 3 0.12}",
		"AC1:x:2026-10-15:-3:-0.00001":      "{AC1 x 2026-10-15 00:00:00 +0000 UTC -3 -0.00001}",
		"AC1:calls:2026-10-15:+3":           "has not five parts",
		"AC1:calls:2026-10-32:+3:+1":        "the day is not one",
		"AC1:calls:2026-10-15:+3.5:+1":      "no whole number",
		"AC1:calls:2026-10-15:3:a":          "not a number",
		"AC1:calls:2026-10-15:3:0.00000":    "{AC1 calls 2026-10-15 00:00:00 +0000 UTC 3 0}",
		"AC1:calls:2026-10-15:3:1.23456789": "at most 5 decimals",
		":calls:2026-10-15:3:1":             "is empty",
	} {
		d, err := ParseDifference(text)
		if got := fmt.Sprint(d); err == nil && got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
		if err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// Numbers are billed on the day of the month that they were bought on, on the
// last of shorter months, and only while they are held.
func TestNumbersAreBilledMonthly(t *testing.T) {
	utc := func(s string) int64 {
		at, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return at.Unix()
	}
	s := serve(t, small(), Options{})
	for _, tt := range []struct{ bought, from, to, start, want string }{
		{"2026-01-31T10:00:00Z", "2026-01-31T10:00:00Z", "2027-01-01T00:00:00Z", "2026-02-01T00:00:00Z", "2026-02-28 2026-03-31 2026-04-30"},
		{"2026-02-10T10:00:00Z", "2026-02-10T10:00:00Z", "2026-04-10T09:00:00Z", "2026-02-01T00:00:00Z", "2026-02-10 2026-03-10"},
		{"2026-01-10T10:00:00Z", "2026-03-01T00:00:00Z", "2027-01-01T00:00:00Z", "2026-02-01T00:00:00Z", "2026-03-10 2026-04-10"},
	} {
		l := ledger{start: utc(tt.start), days: make([]usageDay, 89)} // to the end of April
		s.bill(&l, &number{kind: "toll free", bought: utc(tt.bought), from: utc(tt.from), to: utc(tt.to)}, utc("2026-12-01T00:00:00Z"))
		var got []string
		for i, d := range l.days {
			if d.total != 0 {
				got = append(got, time.Unix(l.start+int64(i)*day, 0).UTC().Format(time.DateOnly))
				if want := (figures{1, 1, 215_000}); d.categories[phoneNumbersTollFree] != want || d.categories[phoneNumbers] != want {
					t.Errorf("bought %s: %+v", tt.bought, d.categories[phoneNumbers])
				}
			}
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("bought %s, held from %s to %s: billed %v, want %s", tt.bought, tt.from, tt.to, got, tt.want)
		}
	}
}

func TestUsageRecordPages(t *testing.T) {
	s := serve(t, small(), Options{Now: to.AddDate(0, 0, 3)})
	a := byRole(t, s, RoleMovedFrom)
	params := []string{"StartDate", from.AddDate(0, 0, 2).Format(time.DateOnly), "EndDate", from.AddDate(0, 0, 6).Format(time.DateOnly)}
	whole := usageRecords(t, s, a.SID, "Records/Daily", 1000, params...)
	if want := 5 * (int(categoryCount) + 1); len(whole) != want {
		t.Errorf("%d records of five days, want %d", len(whole), want)
	}
	if diff := cmp.Diff(whole, usageRecords(t, s, a.SID, "Records/Daily", 7, params...)); diff != "" {
		t.Errorf("by sevens:\n%s", diff)
	}
	for _, r := range usageRecords(t, s, a.SID, "Records/Daily", 1000, "StartDate", "-3days", "Category", "sms") {
		if r["category"] != "sms" || r["start_date"].(string) < to.Format(time.DateOnly) {
			t.Errorf("asked for sms of the last days: %v", r)
		}
	}
	path := "/2010-04-01/Accounts/" + a.SID + "/Usage/Records"
	for query, want := range map[string]int{
		"/Daily.json?StartDate=October":        http.StatusBadRequest,
		"/Daily.json?PageToken=PAx&Page=1":     http.StatusBadRequest,
		"/Daily.json?PageToken=PA99999&Page=1": http.StatusBadRequest,
		"/Hourly.json":                         http.StatusNotFound,
		"/Daily/x.json":                        http.StatusNotFound,
	} {
		if got := request(s, path+query, s.MainSID(), s.AuthToken()).Code; got != want {
			t.Errorf("%s: %d, want %d", query, got, want)
		}
	}
	other := byRole(t, s, RoleMovedTo)
	if got := request(s, path+"/Daily.json", other.SID, other.AuthToken).Code; got != http.StatusUnauthorized {
		t.Errorf("another subaccount: %d", got)
	}
}

func TestUsageRecordSchema(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromFile("testdata/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, small(), Options{Now: to.AddDate(0, 0, 3)})
	for _, path := range []string{"Records.json", "Records/Daily.json"} {
		body := decode(t, get(t, s, "/2010-04-01/Accounts/"+s.MainSID()+"/Usage/"+path+"?PageSize=100&StartDate="+from.Format(time.DateOnly)))
		if err := doc.Components.Schemas["usage_record_list"].Value.VisitJSON(body, openapi3.EnableFormatValidation()); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}
