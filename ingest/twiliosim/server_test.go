package twiliosim

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"
)

var (
	from = time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	to   = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	ever = [2]time.Time{from.AddDate(-10, 0, 0), to.AddDate(1, 0, 0)}
)

func small() World { return World{Seed: 15, Subaccounts: 12, Records: 4000, From: from, To: to} }

func serve(t *testing.T, w World, o Options) *Server {
	t.Helper()
	s, err := New(w, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// request asks with the given credentials; path may have a query.
func request(s *Server, path, user, password string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", path, nil)
	if user != "" {
		r.SetBasicAuth(user, password)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

// get asks as the main account and wants a 200.
func get(t *testing.T, s *Server, path string) []byte {
	t.Helper()
	w := request(s, path, s.MainSID(), s.AuthToken())
	if w.Code != http.StatusOK {
		t.Fatalf("GET %s: %d %s", path, w.Code, w.Body)
	}
	return w.Body.Bytes()
}

var rowKeys = map[string]string{
	"Accounts": "accounts", "Calls": "calls", "Messages": "messages", "Recordings": "recordings",
	"Transcriptions": "transcriptions", "IncomingPhoneNumbers": "incoming_phone_numbers",
	"Usage/Records": "usage_records", "Usage/Records/Daily": "usage_records",
}

var perAccount = []string{"Calls", "Messages", "Recordings", "Transcriptions", "IncomingPhoneNumbers"}

type object = map[string]any

func decode(t *testing.T, body []byte) object {
	t.Helper()
	var o object
	if err := json.Unmarshal(body, &o); err != nil {
		t.Fatalf("%v in %.200s", err, body)
	}
	return o
}

// listAll follows next_page_uri to the end.
func listAll(t *testing.T, s *Server, sid, resource string, size int, params ...string) (rows []object, pages [][]object) {
	t.Helper()
	q := url.Values{"PageSize": {strconv.Itoa(size)}}
	for i := 0; i < len(params); i += 2 {
		q.Set(params[i], params[i+1])
	}
	path := "/2010-04-01/Accounts/" + sid + "/" + resource + ".json"
	if resource == "Accounts" {
		path = "/2010-04-01/Accounts.json"
	}
	for next := path + "?" + q.Encode(); ; {
		o := decode(t, get(t, s, next))
		var page []object
		for _, row := range o[rowKeys[resource]].([]any) {
			page = append(page, row.(object))
		}
		rows, pages = append(rows, page...), append(pages, page)
		if o["next_page_uri"] == nil {
			return rows, pages
		}
		next = o["next_page_uri"].(string)
		if len(pages) > 100_000 {
			t.Fatal("paging does not end")
		}
	}
}

func date(t *testing.T, v any) time.Time {
	t.Helper()
	d, err := time.Parse(time.RFC1123Z, v.(string))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func sids(rows []object) []string {
	list := make([]string, len(rows))
	for i, r := range rows {
		list[i] = r["sid"].(string)
	}
	return list
}

func byRole(t *testing.T, s *Server, role Role) AccountInfo {
	t.Helper()
	for _, a := range s.Accounts() {
		if a.Role == role {
			return a
		}
	}
	t.Fatalf("no account has role %q", role)
	return AccountInfo{}
}

func TestNewRefuses(t *testing.T) {
	tests := []struct {
		name   string
		change func(*World, *Options)
	}{
		{"too few subaccounts", func(w *World, _ *Options) { w.Subaccounts = 2 }},
		{"too many subaccounts", func(w *World, _ *Options) { w.Subaccounts = 10_001 }},
		{"negative records", func(w *World, _ *Options) { w.Records = -1 }},
		{"too many records", func(w *World, _ *Options) { w.Records = 10_000_001 }},
		{"end before start", func(w *World, _ *Options) { w.From, w.To = w.To, w.From }},
		{"empty", func(w *World, _ *Options) { w.To = w.From }},
		{"only one end", func(w *World, _ *Options) { w.From = time.Time{} }},
		{"too short", func(w *World, _ *Options) { w.To = w.From.Add(time.Hour) }},
		{"too long", func(w *World, _ *Options) { w.To = w.From.AddDate(20, 0, 0) }},
		{"bad sid", func(w *World, _ *Options) { w.MainSID = "AC1" }},
		{"rate above one", func(_ *World, o *Options) { o.Faults.Rate429 = 1.1 }},
		{"negative retry", func(_ *World, o *Options) { o.Faults.RetryAfter = -time.Second }},
	}
	for _, tt := range tests {
		w, o := small(), Options{}
		tt.change(&w, &o)
		if _, err := New(w, o); err == nil {
			t.Errorf("%s: no error", tt.name)
		}
	}
	if _, err := New(World{}, Options{}); err != nil {
		t.Errorf("zero World: %v", err)
	}
}

// TestSchema holds every page to Twilio's schema at moments when records are
// new, under way and final.
func TestSchema(t *testing.T) {
	openapi3.DefineStringFormatValidator("date-time-rfc-2822", openapi3.NewCallbackValidator(func(s string) error {
		_, err := time.Parse(time.RFC1123Z, s)
		return err
	}))
	openapi3.DefineStringFormatValidator("currency", openapi3.NewRegexpFormatValidator("^[A-Z]{3}$"))
	doc, err := openapi3.NewLoader().LoadFromFile("testdata/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	check := func(schema string, body []byte) {
		t.Helper()
		var v any
		if err := json.Unmarshal(body, &v); err != nil {
			t.Fatal(err)
		}
		if err := doc.Components.Schemas[schema].Value.VisitJSON(v, openapi3.EnableFormatValidation()); err != nil {
			t.Fatalf("%s: %v", schema, err)
		}
	}
	w := small()
	w.Records = 60_000
	s := serve(t, w, Options{})
	seen := map[string]int{}
	moments := []time.Time{from, from.Add(14 * time.Hour), from.Add(15*24*time.Hour + 15*time.Hour), to, to.AddDate(0, 2, 0)}
	for m := range 40 { // dense enough to meet what lasts seconds
		moments = append(moments, from.Add(12*24*time.Hour+12*time.Hour+time.Duration(m)*97*time.Second))
	}
	for i, now := range moments {
		s.SetNow(now)
		check("account_list", get(t, s, "/2010-04-01/Accounts.json"))
		for _, a := range s.Accounts() {
			if a.Status == "" {
				continue
			}
			check("account", get(t, s, "/2010-04-01/Accounts/"+a.SID+".json"))
			for _, resource := range perAccount {
				schema := strings.TrimSuffix(rowKeys[resource], "s")
				size := "150"
				if i >= 5 {
					size = "3"
				}
				body := get(t, s, "/2010-04-01/Accounts/"+a.SID+"/"+resource+".json?IncludeSoftDeleted=true&PageSize="+size)
				check(schema+"_list", body)
				for j, row := range decode(t, body)[rowKeys[resource]].([]any) {
					row := row.(object)
					seen[resource+" "+fmt.Sprint(row["status"])]++
					if j == 0 && resource != "IncomingPhoneNumbers" {
						one := get(t, s, "/2010-04-01/Accounts/"+a.SID+"/"+resource+"/"+row["sid"].(string)+".json")
						check(schema, one)
						if diff := cmp.Diff(row, decode(t, one)); diff != "" {
							t.Errorf("%s alone differs from the list:\n%s", resource, diff)
						}
					}
				}
			}
		}
	}
	for _, want := range []string{
		"Calls in-progress", "Calls ringing", "Calls completed", "Calls busy", "Calls no-answer", "Calls failed", "Calls canceled",
		"Messages queued", "Messages sent", "Messages delivered", "Messages undelivered", "Messages failed", "Messages received", "Messages read", "Messages canceled",
		"Recordings in-progress", "Recordings completed", "Recordings deleted", "Transcriptions completed", "Transcriptions failed", "IncomingPhoneNumbers in-use",
	} {
		if seen[want] == 0 {
			t.Errorf("no moment showed %s; seen: %v", want, slices.Sorted(maps.Keys(seen)))
		}
	}
}

func TestSameSeedSameBytes(t *testing.T) {
	all := func(w World, o Options) string {
		s := serve(t, w, o)
		var b bytes.Buffer
		b.Write(get(t, s, "/2010-04-01/Accounts.json"))
		for _, a := range s.Accounts() {
			for _, resource := range perAccount {
				b.Write(get(t, s, "/2010-04-01/Accounts/"+a.SID+"/"+resource+".json?PageSize=1000"))
			}
		}
		return b.String()
	}
	o := Options{Now: to.Add(time.Hour)}
	one, again := all(small(), o), all(small(), o)
	if one != again {
		t.Error("the same seed gave other bytes")
	}
	other := small()
	other.Seed++
	if one == all(other, o) {
		t.Error("another seed gave the same bytes")
	}
}

func TestPagingVisitsEveryRowOnce(t *testing.T) {
	s := serve(t, small(), Options{})
	for _, now := range []time.Time{from.Add(13*24*time.Hour + 17*time.Hour), to.AddDate(0, 0, 3)} {
		s.SetNow(now)
		for _, a := range s.Accounts() {
			for _, resource := range perAccount {
				all, _ := listAll(t, s, a.SID, resource, 1000, "IncludeSoftDeleted", "true")
				size := 7
				if resource == "IncomingPhoneNumbers" {
					size = 1
				}
				few, pages := listAll(t, s, a.SID, resource, size, "IncludeSoftDeleted", "true")
				if diff := cmp.Diff(sids(all), sids(few)); diff != "" {
					t.Fatalf("%s %s: small pages differ from pages of 1000:\n%s", a.FriendlyName, resource, diff)
				}
				unique := map[string]bool{}
				undated := int64(0)
				for i, row := range all {
					unique[row["sid"].(string)] = true
					if row["account_sid"] != a.SID {
						t.Fatalf("row of account %v in the list of %v", row["account_sid"], a.SID)
					}
					if i > 0 && date(t, row["date_created"]).After(date(t, all[i-1]["date_created"])) {
						t.Fatalf("%s: row %d is newer than the row before it", resource, i)
					}
					if start, ok := row["start_time"]; ok && start == nil {
						undated++
					}
					if sent, ok := row["date_sent"]; ok && sent == nil {
						undated++
					}
				}
				if len(unique) != len(all) {
					t.Fatalf("%s: %d rows but %d sids", resource, len(all), len(unique))
				}
				if got, want := int64(len(all))-undated, s.Count(a.SID, resource, ever[0], ever[1]); got != want {
					t.Errorf("%s %s: %d rows with a date, Count says %d", a.FriendlyName, resource, got, want)
				}
				for _, page := range pages[:len(pages)-1] {
					if len(page) != size {
						t.Fatalf("%s: a page of %d before the last", resource, len(page))
					}
				}
			}
		}
	}
}

// TestPagingIsStable: rows that arrive while a client walks the pages move none
// of the rows after its token.
func TestPagingIsStable(t *testing.T) {
	s := serve(t, small(), Options{})
	s.SetNow(from.AddDate(0, 0, 20))
	a := byRole(t, s, RoleMovedTo)
	want, _ := listAll(t, s, a.SID, "Messages", 1000)
	next := "/2010-04-01/Accounts/" + a.SID + "/Messages.json?PageSize=10"
	var got []string
	for next != "" {
		o := decode(t, get(t, s, next))
		for _, row := range o["messages"].([]any) {
			got = append(got, row.(object)["sid"].(string))
		}
		next, _ = o["next_page_uri"].(string)
		s.SetNow(time.Unix(s.clock.Load(), 0).Add(time.Hour))
	}
	if diff := cmp.Diff(sids(want), got); diff != "" {
		t.Errorf("rows moved while paging:\n%s", diff)
	}
}

func TestPreviousPage(t *testing.T) {
	s := serve(t, small(), Options{})
	a := byRole(t, s, RoleMovedTo)
	for _, path := range []string{
		"/2010-04-01/Accounts.json?PageSize=5",
		"/2010-04-01/Accounts/" + a.SID + "/Calls.json?PageSize=5",
		"/2010-04-01/Accounts/" + a.SID + "/IncomingPhoneNumbers.json?PageSize=1",
	} {
		first := decode(t, get(t, s, path))
		if first["previous_page_uri"] != nil {
			t.Errorf("%s: the first page has a previous one", path)
		}
		second := decode(t, get(t, s, first["next_page_uri"].(string)))
		back := decode(t, get(t, s, second["previous_page_uri"].(string)))
		for _, o := range []object{first, back} {
			delete(o, "uri")
		}
		if diff := cmp.Diff(first, back); diff != "" {
			t.Errorf("%s: back on the first page:\n%s", path, diff)
		}
	}
}

// TestFilters compares what the server selects with what the test selects from
// the whole list by the fields of its JSON.
func TestFilters(t *testing.T) {
	s := serve(t, small(), Options{})
	now := from.Add(20*24*time.Hour + 15*time.Hour)
	s.SetNow(now)
	d10, d11 := from.AddDate(0, 0, 9), from.AddDate(0, 0, 10)
	at := func(row object, field string) time.Time {
		if row[field] == nil {
			return time.Time{}
		}
		return date(t, row[field])
	}
	in := func(field string, lo, hi time.Time) func(object) bool {
		return func(row object) bool {
			d := at(row, field)
			return !d.IsZero() && !d.Before(lo) && d.Before(hi)
		}
	}
	everything := func(object) bool { return true }
	mid := d10.Add(11 * time.Hour)
	tests := []struct {
		resource string
		params   []string
		keep     func(object) bool
	}{
		{"Calls", []string{"StartTime", "2026-10-10"}, in("start_time", d10, d11)},
		{"Calls", []string{"StartTime>", "2026-10-10", "StartTime<", "2026-10-11"}, in("start_time", d10, d11)},
		{"Calls", []string{"StartTime>", "2026-10-10"}, in("start_time", d10, ever[1])},
		{"Calls", []string{"StartTime<", "2026-10-10"}, in("start_time", ever[0], d10)},
		{"Calls", []string{"StartTime>", mid.Format(time.RFC3339)}, in("start_time", mid, ever[1])},
		{"Calls", []string{"EndTime>", "2026-10-10", "EndTime<", "2026-10-11"}, in("end_time", d10, d11)},
		{"Calls", []string{"EndTime>", mid.Format(time.RFC3339), "StartTime", "2026-10-10"}, func(r object) bool {
			return in("end_time", mid, ever[1])(r) && in("start_time", d10, d11)(r)
		}},
		{"Calls", []string{"StartTime>", "2026-01-01"}, in("start_time", ever[0], ever[1])},
		{"Calls", []string{"Status", "busy"}, func(r object) bool { return r["status"] == "busy" }},
		{"Calls", []string{"StartTimeAfter", "2026-10-10", "StartTime>=", "2026-10-10"}, everything},
		{"Messages", []string{"DateSent", "2026-10-10"}, in("date_sent", d10, d11)},
		{"Messages", []string{"DateSent>", "2026-10-10", "DateSent<", "2026-10-10"}, in("date_sent", d10, d11)},
		{"Messages", []string{"DateSent<", "2026-10-10"}, in("date_sent", ever[0], d11)},
		{"Messages", []string{"DateSent>", "2026-01-01"}, in("date_sent", ever[0], ever[1])},
		{"Messages", []string{"Status", "queued"}, everything},
		{"Recordings", []string{"DateCreated", "2026-10-10"}, in("date_created", d10, d11)},
		{"Recordings", []string{"DateCreated<", "2026-10-10"}, in("date_created", ever[0], d10.Add(time.Second))},
		{"Recordings", []string{"DateCreated>", "2026-10-10"}, in("date_created", d10, ever[1])},
		{"Recordings", []string{"ConferenceSid", "CF00000000000000000000000000000000"}, func(object) bool { return false }},
		{"Transcriptions", []string{"DateCreated", "2026-10-10"}, everything},
	}
	for _, tt := range tests {
		matched := 0
		for _, a := range s.Accounts() {
			all, _ := listAll(t, s, a.SID, tt.resource, 1000)
			var want []string
			for _, row := range all {
				if tt.keep(row) {
					want = append(want, row["sid"].(string))
				}
			}
			got, _ := listAll(t, s, a.SID, tt.resource, 13, tt.params...)
			if diff := cmp.Diff(want, sids(got), cmp.Transformer("nil", func(s []string) []string { return append([]string{}, s...) })); diff != "" {
				t.Errorf("%s %v:\n%s", tt.resource, tt.params, diff)
			}
			matched += len(got)
		}
		if matched == 0 && tt.params[0] != "ConferenceSid" {
			t.Errorf("%s %v matched nothing", tt.resource, tt.params)
		}
	}

	// Filters by a value of a row, on each account's rows.
	for _, a := range s.Accounts() {
		for resource, fields := range map[string]map[string]string{
			"Calls":                {"To": "to", "From": "from", "ParentCallSid": "parent_call_sid"},
			"Messages":             {"To": "to", "From": "from"},
			"Recordings":           {"CallSid": "call_sid"},
			"IncomingPhoneNumbers": {"PhoneNumber": "phone_number", "FriendlyName": "friendly_name"},
		} {
			all, _ := listAll(t, s, a.SID, resource, 1000)
			for param, field := range fields {
				i := slices.IndexFunc(all, func(r object) bool { return r[field] != nil })
				if i < 0 {
					continue
				}
				value := all[i][field].(string)
				var want []string
				for _, row := range all {
					if row[field] == value {
						want = append(want, row["sid"].(string))
					}
				}
				got, _ := listAll(t, s, a.SID, resource, 50, param, value)
				if diff := cmp.Diff(want, sids(got)); diff != "" {
					t.Errorf("%s of %s with %s=%s:\n%s", resource, a.FriendlyName, param, value, diff)
				}
			}
		}
	}

	move := s.MovedNumber()
	for wanted, want := range map[string]int{move.PhoneNumber[3:8] + "**" + move.PhoneNumber[10:]: 1, "++": 0} {
		if rows, _ := listAll(t, s, move.ToAccount, "IncomingPhoneNumbers", 50, "PhoneNumber", wanted); len(rows) != want {
			t.Errorf("%d numbers like %s, want %d", len(rows), wanted, want)
		}
	}
	if rows, _ := listAll(t, s, move.ToAccount, "IncomingPhoneNumbers", 50, "Origin", "hosted"); len(rows) != 0 {
		t.Errorf("%d hosted numbers", len(rows))
	}

	accounts, _ := listAll(t, s, "", "Accounts", 4, "Status", "suspended")
	if len(accounts) == 0 {
		t.Error("no suspended account listed")
	}
	for _, row := range accounts {
		if row["status"] != "suspended" {
			t.Errorf("status %v among the suspended", row["status"])
		}
	}
	accounts, _ = listAll(t, s, "", "Accounts", 4, "FriendlyName", "Škoda & Söhne GmbH")
	if len(accounts) != 1 {
		t.Errorf("%d accounts with one name", len(accounts))
	}

	uri := decode(t, get(t, s, "/2010-04-01/Accounts/"+s.MainSID()+"/Calls.json?StartTime%3E=2026-10-10&To=%2B1"))["uri"]
	if want := "/2010-04-01/Accounts/" + s.MainSID() + "/Calls.json?To=%2B1&StartTime%3E=2026-10-10&PageSize=50&Page=0"; uri != want {
		t.Errorf("uri is %v, want %s", uri, want)
	}
}

// TestSoftDeleted: a deleted recording leaves the list, stays 40 days with
// IncludeSoftDeleted, and Count keeps it.
func TestSoftDeleted(t *testing.T) {
	s := serve(t, small(), Options{})
	count := func() (plain, deleted, known int) {
		for _, a := range s.Accounts() {
			rows, _ := listAll(t, s, a.SID, "Recordings", 1000)
			plain += len(rows)
			rows, _ = listAll(t, s, a.SID, "Recordings", 1000, "IncludeSoftDeleted", "true")
			deleted += len(rows)
			known += int(s.Count(a.SID, "Recordings", from, to))
		}
		return plain, deleted, known
	}
	if plain, deleted, known := count(); plain >= deleted || deleted != known {
		t.Errorf("two days after: %d listed, %d with deleted ones, %d known", plain, deleted, known)
	}
	s.SetNow(to.AddDate(1, 0, 0))
	if plain, deleted, known := count(); plain != deleted || deleted >= known {
		t.Errorf("a year after: %d listed, %d with deleted ones, %d known", plain, deleted, known)
	}
}

// TestRelations: child legs, recordings and transcriptions lead to real rows.
func TestRelations(t *testing.T) {
	s := serve(t, small(), Options{})
	s.SetNow(to.AddDate(0, 0, 5))
	seconds := func(row object) int {
		n, err := strconv.Atoi(row["duration"].(string))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	var children, recordings, transcriptions int
	for _, a := range s.Accounts() {
		bySID := map[string]object{}
		calls, _ := listAll(t, s, a.SID, "Calls", 1000)
		for _, c := range calls {
			bySID[c["sid"].(string)] = c
		}
		for _, c := range calls {
			if (c["direction"] == "outbound-dial") != (c["parent_call_sid"] != nil) {
				t.Fatalf("direction %v with parent %v", c["direction"], c["parent_call_sid"])
			}
			if c["parent_call_sid"] == nil {
				continue
			}
			children++
			parent, ok := bySID[c["parent_call_sid"].(string)]
			if !ok {
				t.Fatalf("call %v has no parent %v", c["sid"], c["parent_call_sid"])
			}
			if parent["status"] != "completed" || date(t, c["date_created"]).Before(date(t, parent["date_created"])) || date(t, c["date_created"]).After(date(t, parent["end_time"])) {
				t.Errorf("child %v outside of its parent %v", c, parent)
			}
		}
		rows, _ := listAll(t, s, a.SID, "Recordings", 1000, "IncludeSoftDeleted", "true")
		for _, r := range rows {
			recordings++
			call, ok := bySID[r["call_sid"].(string)]
			if !ok || call["parent_call_sid"] != nil || call["status"] != "completed" || seconds(r) > seconds(call) || seconds(r) < 1 {
				t.Errorf("recording %v of call %v", r, call)
			}
			bySID[r["sid"].(string)] = r
		}
		rows, _ = listAll(t, s, a.SID, "Transcriptions", 1000)
		for _, r := range rows {
			transcriptions++
			of, ok := bySID[r["recording_sid"].(string)]
			if !ok || seconds(r) != seconds(of) || seconds(r) > 120 {
				t.Errorf("transcription %v of recording %v", r, of)
			}
		}
	}
	if children == 0 || recordings == 0 || transcriptions == 0 {
		t.Errorf("%d children, %d recordings, %d transcriptions", children, recordings, transcriptions)
	}
}

// TestLifecycle follows every row through time: what changes carries a new
// date_updated, what is priced or final stays so, and prices agree with their
// records.
func TestLifecycle(t *testing.T) {
	w := small()
	w.Records = 1000
	s := serve(t, w, Options{})
	seen := map[string]object{}
	last := map[string]time.Time{}
	cost := map[string]bool{}
	late, unpriced := 0, 0
	step := func(now time.Time) {
		s.SetNow(now)
		for _, a := range s.Accounts() {
			if a.Status == "" {
				continue
			}
			for _, resource := range perAccount[:4] {
				rows, _ := listAll(t, s, a.SID, resource, 1000, "IncludeSoftDeleted", "true")
				for _, row := range rows {
					sid := row["sid"].(string)
					updated := date(t, row["date_updated"])
					if updated.After(now) || date(t, row["date_created"]).After(now) {
						t.Fatalf("at %v: from the future: %v", now, row)
					}
					if before, ok := seen[sid]; ok {
						changed := !reflect.DeepEqual(before, row)
						if changed != updated.After(last[sid]) {
							t.Fatalf("%v: date_updated does not tell of the change:\n%s", sid, cmp.Diff(before, row))
						}
						if before["price"] != nil && before["price"] != row["price"] {
							t.Errorf("%s: a known price changed from %v to %v", sid, before["price"], row["price"])
						}
						if before["price"] == nil && row["price"] != nil && before["end_time"] != nil {
							late++
						}
						if before["start_time"] != nil && before["start_time"] != row["start_time"] || before["end_time"] != nil && before["end_time"] != row["end_time"] {
							t.Errorf("%s: a known time changed", sid)
						}
					}
					seen[sid], last[sid] = row, now
					if row["price"] != nil {
						cost[sid] = true
					}
				}
			}
		}
	}
	for now := from.Add(24 * time.Hour); now.Before(to); now = now.Add(53*time.Hour + 7*time.Minute) {
		step(now)
	}
	for m := range 12 {
		step(to.Add(-12*time.Hour + time.Duration(m)*10*time.Minute))
	}
	step(to.AddDate(0, 0, 5))
	if late == 0 {
		t.Error("no price came after the end of its call")
	}
	for sid, row := range seen {
		if !strings.HasPrefix(sid, "CA") {
			continue
		}
		price, priced := row["price"].(string)
		switch {
		case row["status"] != "completed":
			if priced {
				t.Errorf("%v call has price %v", row["status"], price)
			}
		case !priced:
			unpriced++
		default:
			whole, cents, ok := strings.Cut(price, ".")
			n, err := strconv.Atoi(strings.TrimPrefix(whole, "-") + cents)
			if !ok || err != nil || price[0] != '-' || len(cents) != 5 {
				t.Fatalf("price %q", price)
			}
			seconds, _ := strconv.Atoi(row["duration"].(string))
			if minutes := (seconds + 59) / 60; n == 0 || n%minutes != 0 {
				t.Errorf("price %s is no rate times %d minutes", price, minutes)
			}
		}
	}
	if unpriced > len(seen)/50 {
		t.Errorf("%d of %d calls have no price in the end", unpriced, len(seen))
	}
}

// TestTotals adds up the JSON.
func TestTotals(t *testing.T) {
	s := serve(t, small(), Options{})
	a := byRole(t, s, RoleMovedFrom)
	for resource, field := range map[string]string{"Calls": "duration", "Messages": "num_segments", "Recordings": "duration", "Transcriptions": "duration"} {
		rows, _ := listAll(t, s, a.SID, resource, 1000, "IncludeSoftDeleted", "true")
		var quantity, units int64
		for _, row := range rows {
			if sent, ok := row["date_sent"]; ok && sent == nil {
				continue
			}
			if q, ok := row[field].(string); ok {
				n, _ := strconv.ParseInt(q, 10, 64)
				quantity += n
			}
			switch p := row["price"].(type) {
			case string:
				n, _ := strconv.ParseInt(strings.ReplaceAll(strings.TrimPrefix(p, "-"), ".", ""), 10, 64)
				units += n
			case float64:
				units += 5000
			}
		}
		got := s.Totals(a.SID, resource, from, to)
		if got.Quantity != quantity || got.Cost.CoefficientInt64() != units || got.Cost.Exponent() != -5 {
			t.Errorf("%s: totals %+v, the JSON adds up to %d and %d/100000", resource, got, quantity, units)
		}
		half := from.AddDate(0, 0, 13).Add(7 * time.Hour)
		if sum := s.Count(a.SID, resource, from, half) + s.Count(a.SID, resource, half, to); sum != got.Records {
			t.Errorf("%s: halves have %d records, the whole %d", resource, sum, got.Records)
		}
	}
	if s.Count("AC00000000000000000000000000000000", "Calls", from, to) != 0 || s.Count(a.SID, "Faxes", from, to) != 0 {
		t.Error("an unknown account or resource has records")
	}
}

func TestRecordsAsAsked(t *testing.T) {
	for seed := range uint64(4) {
		w := World{Seed: seed, Subaccounts: 3 + int(seed)*100, Records: 100_000, From: from, To: to}
		s := serve(t, w, Options{})
		var sum int64
		for _, a := range s.Accounts() {
			for _, resource := range perAccount[:4] {
				n := s.Count(a.SID, resource, from, to)
				sum += n
				for d := from; d.Before(to); d = d.AddDate(0, 0, 1) {
					n -= s.Count(a.SID, resource, d, d.AddDate(0, 0, 1))
				}
				if n != 0 {
					t.Errorf("seed %d: the days have %d %s less than the month", seed, n, resource)
				}
			}
		}
		if sum < 92_000 || sum > 108_000 {
			t.Errorf("seed %d: %d records, asked for 100,000", seed, sum)
		}
	}
}

func TestAuth(t *testing.T) {
	s := serve(t, small(), Options{})
	s.SetNow(from.AddDate(0, 0, 25))
	main, sub, other, suspended := s.Accounts()[0], s.Accounts()[1], s.Accounts()[2], byRole(t, s, RoleSuspended)
	unknown := "AC00000000000000000000000000000000"
	calls, _ := listAll(t, s, other.SID, "Calls", 50)
	instance := func(account, call string) string {
		return "/2010-04-01/Accounts/" + account + "/Calls/" + call + ".json"
	}
	call := calls[0]["sid"].(string)
	path := func(sid string) string { return "/2010-04-01/Accounts/" + sid + "/Calls.json" }
	tests := []struct {
		name, user, password, path string
		status, code               int
	}{
		{"main reads itself", main.SID, main.AuthToken, path(main.SID), 200, 0},
		{"main reads a subaccount", main.SID, main.AuthToken, path(sub.SID), 200, 0},
		{"main reads a suspended one", main.SID, main.AuthToken, path(suspended.SID), 200, 0},
		{"main asks for an unknown one", main.SID, main.AuthToken, path(unknown), 404, 20404},
		{"main asks for a resource that is not there", main.SID, main.AuthToken, "/2010-04-01/Accounts/" + sub.SID + "/Faxes.json", 404, 20404},
		{"main asks for XML", main.SID, main.AuthToken, "/2010-04-01/Accounts", 404, 20404},
		{"main asks for a call", main.SID, main.AuthToken, instance(other.SID, call), 200, 0},
		{"main asks for a call of another account", main.SID, main.AuthToken, instance(sub.SID, call), 404, 20404},
		{"main asks for a call by the sid of a message", main.SID, main.AuthToken, instance(other.SID, "SM"+call[2:]), 404, 20404},
		{"main asks for an unknown call", main.SID, main.AuthToken, instance(sub.SID, "CA00000000000000000000000000000000"), 404, 20404},
		{"subaccount reads itself", sub.SID, sub.AuthToken, path(sub.SID), 200, 0},
		{"subaccount reads another", sub.SID, sub.AuthToken, path(other.SID), 401, 20003},
		{"subaccount reads the main account", sub.SID, sub.AuthToken, path(main.SID), 401, 20003},
		{"subaccount asks for an unknown one", sub.SID, sub.AuthToken, path(unknown), 401, 20003},
		{"suspended reads itself", suspended.SID, suspended.AuthToken, path(suspended.SID), 401, 20003},
		{"wrong token", main.SID, sub.AuthToken, path(main.SID), 401, 20003},
		{"no credentials", "", "", path(main.SID), 401, 20003},
		{"unknown user", unknown, main.AuthToken, path(main.SID), 401, 20003},
	}
	for _, tt := range tests {
		w := request(s, tt.path, tt.user, tt.password)
		if w.Code != tt.status {
			t.Errorf("%s: %d, want %d", tt.name, w.Code, tt.status)
			continue
		}
		if tt.code == 0 {
			continue
		}
		o := decode(t, w.Body.Bytes())
		if o["code"] != float64(tt.code) || o["status"] != float64(tt.status) || o["message"] == "" ||
			o["more_info"] != fmt.Sprintf("https://www.twilio.com/docs/errors/%d", tt.code) {
			t.Errorf("%s: %v", tt.name, o)
		}
	}
	rows := decode(t, request(s, "/2010-04-01/Accounts.json", sub.SID, sub.AuthToken).Body.Bytes())["accounts"].([]any)
	if len(rows) != 1 || rows[0].(object)["sid"] != sub.SID {
		t.Errorf("a subaccount lists %v", rows)
	}
}

func TestBadRequests(t *testing.T) {
	s := serve(t, small(), Options{})
	calls := "/2010-04-01/Accounts/" + s.MainSID() + "/Calls.json"
	for _, query := range []string{"?StartTime=yesterday", "?StartTime%3E=%3E%3D2026-10-01", "?PageSize=many", "?Page=x", "?Page=1", "?PageToken=zz", "?PageToken=PACA00000000000000000000000000000000"} {
		w := request(s, calls+query, s.MainSID(), s.AuthToken())
		if w.Code != 400 || decode(t, w.Body.Bytes())["code"] != 20001.0 {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
		}
	}
	for query, want := range map[string]float64{"": 50, "?PageSize=5000": 1000, "?PageSize=0": 1} {
		if got := decode(t, get(t, s, calls+query))["page_size"]; got != want {
			t.Errorf("%q: page_size %v, want %v", query, got, want)
		}
	}
	r := httptest.NewRequest("POST", calls, nil)
	r.SetBasicAuth(s.MainSID(), s.AuthToken())
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
}

// What comes late is on no list before, and then as if it had always been there.
func TestLate(t *testing.T) {
	w := small()
	day := w.From.Add(3 * 24 * time.Hour)
	seen := w.To.Add(10 * 24 * time.Hour)
	sids := func(s *Server, account int) string {
		a := s.Accounts()[account]
		var all []string
		for _, resource := range []string{"Calls", "Messages"} {
			page := decode(t, get(t, s, "/2010-04-01/Accounts/"+a.SID+"/"+resource+".json?PageSize=1000"))
			for _, row := range page[strings.ToLower(resource)].([]any) {
				all = append(all, row.(map[string]any)["sid"].(string))
			}
		}
		return strings.Join(all, " ")
	}
	whole := serve(t, w, Options{})
	late := serve(t, w, Options{Late: []Late{{Account: 1, Day: day, Records: 2, Until: seen}}})
	if missing := strings.Count(sids(whole, 1), " ") - strings.Count(sids(late, 1), " "); missing < 4 || missing > 8 {
		t.Errorf("%d calls and messages are late, want those of 2 slots each", missing)
	}
	if sids(whole, 2) != sids(late, 2) {
		t.Error("another account's records are late too")
	}
	whole.SetNow(seen)
	late.SetNow(seen)
	if sids(whole, 1) != sids(late, 1) {
		t.Error("they have not come")
	}
}

// A subaccount's status is changed by its owner, and by nobody else.
func TestPostStatus(t *testing.T) {
	s := serve(t, small(), Options{})
	var sub, closed AccountInfo
	for _, a := range s.Accounts() {
		switch {
		case a.Role == RoleClosed:
			closed = a
		case a.Status == "active" && a.SID != s.MainSID():
			sub = a
		}
	}
	post := func(sid, user, token, status string) (int, map[string]any) {
		t.Helper()
		r := httptest.NewRequest("POST", "/2010-04-01/Accounts/"+sid+".json", strings.NewReader("Status="+status))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth(user, token)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w.Code, decode(t, w.Body.Bytes())
	}
	code, got := post(sub.SID, s.MainSID(), s.AuthToken(), "suspended")
	now := time.Unix(s.clock.Load(), 0).UTC()
	if code != 200 || got["status"] != "suspended" || got["date_updated"] != now.Format(time.RFC1123Z) {
		t.Errorf("suspend: %d %v", code, got)
	}
	for _, a := range s.Accounts() {
		if want := map[bool]string{true: "suspended", false: "active"}[a.SID == sub.SID]; a.Role != RoleSuspended && a.Role != RoleClosed && a.Status != want {
			t.Errorf("%s is %s", a.SID, a.Status)
		}
	}
	s.SetNow(now.Add(-time.Second))
	if w := request(s, "/2010-04-01/Accounts/"+sub.SID+".json", s.MainSID(), s.AuthToken()); decode(t, w.Body.Bytes())["status"] != "active" {
		t.Error("it is suspended before it was")
	}
	s.SetNow(now.Add(time.Hour))
	if code, got := post(sub.SID, s.MainSID(), s.AuthToken(), "active"); code != 200 || got["status"] != "active" {
		t.Errorf("resume: %d %v", code, got)
	}
	for _, test := range []struct {
		name, sid, user, token, status string
		http                           int
		code                           float64
	}{
		{"by itself", sub.SID, sub.SID, sub.AuthToken, "suspended", 401, 20003},
		{"the main account", s.MainSID(), s.MainSID(), s.AuthToken(), "suspended", 400, 20001},
		{"closed", closed.SID, s.MainSID(), s.AuthToken(), "active", 400, 21479},
		{"no status", sub.SID, s.MainSID(), s.AuthToken(), "asleep", 400, 20001},
	} {
		if code, got := post(test.sid, test.user, test.token, test.status); code != test.http || got["code"] != test.code {
			t.Errorf("%s: %d %v", test.name, code, got)
		}
	}
}

func TestFaults(t *testing.T) {
	refused := func(rate float64, after time.Duration) (pattern string) {
		s := serve(t, small(), Options{Faults: Faults{Rate429: rate, RetryAfter: after}})
		for range 1000 {
			w := request(s, "/2010-04-01/Accounts/"+s.MainSID()+".json", s.MainSID(), s.AuthToken())
			switch w.Code {
			case 200:
				pattern += "."
			case 429:
				pattern += "x"
				if got, want := w.Header().Get("Retry-After"), strconv.Itoa(int(after/time.Second)); got != want {
					t.Fatalf("Retry-After %q, want %q", got, want)
				}
				if decode(t, w.Body.Bytes())["code"] != 20429.0 {
					t.Fatalf("429 with %s", w.Body)
				}
			default:
				t.Fatalf("status %d", w.Code)
			}
		}
		return pattern
	}
	if n := strings.Count(refused(0, 0), "x"); n != 0 {
		t.Errorf("%d refused without faults", n)
	}
	if n := strings.Count(refused(1, 0), "x"); n != 1000 {
		t.Errorf("%d of 1000 refused with rate 1", n)
	}
	one := refused(0.2, 2*time.Second)
	if n := strings.Count(one, "x"); n < 150 || n > 250 {
		t.Errorf("%d of 1000 refused, want about 200", n)
	}
	if one != refused(0.2, 2*time.Second) {
		t.Error("other requests are refused the second time")
	}
}

func TestMovedNumber(t *testing.T) {
	for _, subaccounts := range []int{3, 12} {
		w := small()
		w.Subaccounts = subaccounts
		s := serve(t, w, Options{})
		move := s.MovedNumber()
		owners := func() (list []string) {
			for _, a := range s.Accounts() {
				rows, _ := listIfCreated(t, s, a, "IncomingPhoneNumbers")
				for _, row := range rows {
					if row["sid"] == move.SID {
						if row["phone_number"] != move.PhoneNumber {
							t.Errorf("%s is number %v, want %s", move.SID, row["phone_number"], move.PhoneNumber)
						}
						list = append(list, a.SID)
					}
				}
			}
			return list
		}
		s.SetNow(move.At.Add(-time.Second))
		if got := owners(); !slices.Equal(got, []string{move.FromAccount}) {
			t.Errorf("before the move it is listed by %v", got)
		}
		s.SetNow(move.At)
		if got := owners(); !slices.Equal(got, []string{move.ToAccount}) {
			t.Errorf("after the move it is listed by %v", got)
		}

		// It is used by its owner only.
		s.SetNow(to.AddDate(0, 0, 2))
		for _, sid := range []string{move.FromAccount, move.ToAccount} {
			rows, _ := listAll(t, s, sid, "Calls", 1000)
			used := 0
			for _, row := range rows {
				if row["phone_number_sid"] != move.SID {
					continue
				}
				used++
				if row["parent_call_sid"] == nil && date(t, row["date_created"]).Before(move.At) != (sid == move.FromAccount) {
					t.Errorf("%s used the number at %v", sid, row["date_created"])
				}
			}
			if used == 0 {
				t.Errorf("%s never used the number", sid)
			}
		}
	}
}

// listIfCreated is listAll for an account that may not exist yet.
func listIfCreated(t *testing.T, s *Server, a AccountInfo, resource string) (rows []object, pages [][]object) {
	t.Helper()
	if a.Status == "" {
		return nil, nil
	}
	return listAll(t, s, a.SID, resource, 1000)
}

func TestRoles(t *testing.T) {
	s := serve(t, small(), Options{})
	numbers := func(a AccountInfo) int {
		rows, _ := listAll(t, s, a.SID, "IncomingPhoneNumbers", 1000)
		return len(rows)
	}
	used := func(a AccountInfo, from, to time.Time) (n int64) {
		for _, resource := range perAccount[:4] {
			n += s.Count(a.SID, resource, from, to)
		}
		return n
	}
	end := to.AddDate(0, 1, 0)
	var roles []Role
	for _, a := range s.Accounts() {
		roles = append(roles, a.Role)
		switch a.Role {
		case RoleSuspended, RoleClosed:
			s.SetNow(a.Changed.Add(-time.Second))
			if status := s.Accounts()[len(roles)-1].Status; status != "active" || numbers(a) == 0 {
				t.Errorf("%s: %s with %d numbers before the change", a.Role, status, numbers(a))
			}
			s.SetNow(end)
			if status := s.Accounts()[len(roles)-1].Status; status != string(a.Role) || (numbers(a) > 0) != (a.Role == RoleSuspended) {
				t.Errorf("%s: %s with %d numbers after the change", a.Role, status, numbers(a))
			}
			if used(a, from, a.Changed) == 0 || used(a, a.Changed, end) != 0 {
				t.Errorf("%s: %d records before, %d after", a.Role, used(a, from, a.Changed), used(a, a.Changed, end))
			}
		case RoleNew:
			s.SetNow(a.Created.Add(-time.Second))
			if w := request(s, "/2010-04-01/Accounts/"+a.SID+".json", s.MainSID(), s.AuthToken()); w.Code != 404 {
				t.Errorf("before it is created: %d", w.Code)
			}
			s.SetNow(end)
			if !a.Created.After(from) || used(a, a.Created, to) == 0 || used(a, from, a.Created) != 0 {
				t.Errorf("created %v with %d records after", a.Created, used(a, a.Created, to))
			}
		case RoleNoUsage:
			if used(a, ever[0], ever[1]) != 0 || numbers(a) == 0 {
				t.Errorf("no usage: %d records, %d numbers", used(a, ever[0], ever[1]), numbers(a))
			}
		case RoleLongName:
			if n := utf8.RuneCountInString(a.FriendlyName); n != 64 {
				t.Errorf("the long name has %d characters", n)
			}
		}
	}
	want := []Role{RoleMain, RoleMovedFrom, RoleMovedTo, RoleNoUsage, RoleSuspended, RoleClosed, RoleNew, RoleUnicode, RoleUnicode, RoleUnicode, RoleUnicode, RoleLongName, RoleSuspended}
	if diff := cmp.Diff(want, roles); diff != "" {
		t.Error(diff)
	}
	names := get(t, s, "/2010-04-01/Accounts.json")
	for _, name := range []string{"Škoda & Söhne GmbH", "Ελληνικές Επικοινωνίες ΑΕ", "Привет Телеком ООО", "🚀 Rocket Tacos LLC"} {
		if !bytes.Contains(names, []byte(`"`+name+`"`)) {
			t.Errorf("no account is named %s", name)
		}
	}
}

// TestPersonalData: texts carry the marker, so that a leak of them is found.
func TestPersonalData(t *testing.T) {
	s := serve(t, small(), Options{})
	texts := 0
	for _, a := range s.Accounts() {
		rows, _ := listAll(t, s, a.SID, "Messages", 1000)
		for _, row := range rows {
			texts++
			if !strings.Contains(row["body"].(string), BodyMarker) {
				t.Fatalf("body %q", row["body"])
			}
		}
		rows, _ = listAll(t, s, a.SID, "Transcriptions", 1000)
		for _, row := range rows {
			if text, ok := row["transcription_text"].(string); ok && !strings.Contains(text, BodyMarker) {
				t.Fatalf("text %q", text)
			}
		}
	}
	if texts == 0 {
		t.Fatal("no messages")
	}
}

func TestCredentialsOfTheCaller(t *testing.T) {
	w := small()
	w.MainSID, w.AuthToken = "AC0123456789abcdef0123456789abcdef", "secret"
	s := serve(t, w, Options{})
	if s.MainSID() != w.MainSID || s.AuthToken() != w.AuthToken {
		t.Errorf("main account %s", s.MainSID())
	}
	if o := decode(t, get(t, s, "/2010-04-01/Accounts/"+w.MainSID+".json")); o["auth_token"] != "secret" || o["owner_account_sid"] != w.MainSID {
		t.Errorf("main account is %v", o)
	}
}

// TestLargestWorld: the size of a world is not the size of its memory.
func TestLargestWorld(t *testing.T) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start := time.Now()
	s := serve(t, World{Subaccounts: maxSubaccounts, Records: maxRecords, From: from.AddDate(-1, 0, 0), To: to}, Options{})
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 16<<20 {
		t.Errorf("the world takes %d bytes", grown)
	}
	names, numbers := map[string]bool{}, map[string]bool{}
	var busiest int
	for i := range s.accounts {
		names[s.accounts[i].name] = true
		if s.accounts[i].calls > s.accounts[busiest].calls {
			busiest = i
		}
		for _, n := range s.numbers(uint32(i)) {
			numbers[n.sid], numbers[n.e164] = true, true
		}
	}
	if len(names) != maxSubaccounts+1 {
		t.Errorf("%d names for %d accounts", len(names), maxSubaccounts+1)
	}
	sidsSeen := 0
	for n := range numbers {
		if strings.HasPrefix(n, "PN") {
			sidsSeen++
		}
	}
	if len(numbers) != 2*sidsSeen {
		t.Errorf("%d number sids but %d phone numbers", sidsSeen, len(numbers)-sidsSeen)
	}
	for _, resource := range perAccount {
		o := decode(t, get(t, s, "/2010-04-01/Accounts/"+s.accounts[busiest].sid+"/"+resource+".json?PageSize=1000"))
		if resource == "Calls" && len(o["calls"].([]any)) != 1000 {
			t.Error("no full page of calls")
		}
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("that took %v", took)
	}
}

func TestConcurrentUse(t *testing.T) {
	s := serve(t, small(), Options{Faults: Faults{Rate429: 0.1}})
	accounts := s.Accounts()
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			for j := range 40 {
				s.SetNow(from.Add(time.Duration(i*j) * time.Hour))
				a, resource := accounts[(i+j)%len(accounts)], perAccount[j%len(perAccount)]
				request(s, "/2010-04-01/Accounts/"+a.SID+"/"+resource+".json", s.MainSID(), s.AuthToken())
				s.Count(a.SID, resource, from, to)
			}
		})
	}
	group.Wait()
}

func TestOverHTTP(t *testing.T) {
	s := serve(t, small(), Options{})
	server := httptest.NewServer(s)
	defer server.Close()

	do := func(method, path, body string, gzipped bool) (*http.Response, []byte) {
		t.Helper()
		r, err := http.NewRequest(method, server.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth(s.MainSID(), s.AuthToken())
		r.Header.Set("Accept-Encoding", "identity")
		if gzipped {
			r.Header.Set("Accept-Encoding", "gzip")
		}
		resp, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		got, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp, got
	}

	path := "/2010-04-01/Accounts/" + s.MainSID() + "/Messages.json?PageSize=1000"
	resp, plain := do("GET", path, "", false)
	if resp.Header.Get("Content-Encoding") != "" || resp.ContentLength != int64(len(plain)) || resp.Header.Get("Twilio-Request-Id") == "" {
		t.Errorf("headers %v", resp.Header)
	}
	resp, packed := do("GET", path, "", true)
	if resp.Header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("headers %v", resp.Header)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	if unpacked, err := io.ReadAll(z); err != nil || !bytes.Equal(unpacked, plain) {
		t.Errorf("compressed body differs, %v", err)
	}

	if resp, _ := do("PUT", "/simulate/clock", "2026-10-05T06:07:08Z", false); resp.StatusCode != 200 {
		t.Errorf("PUT clock: %d", resp.StatusCode)
	}
	if _, now := do("GET", "/simulate/clock", "", false); string(now) != "2026-10-05T06:07:08Z" {
		t.Errorf("the clock shows %s", now)
	}
	if _, body := do("GET", path, "", false); bytes.Equal(body, plain) {
		t.Error("the clock changed nothing")
	}
	if resp, _ := do("PUT", "/simulate/clock", "noon", false); resp.StatusCode != 400 {
		t.Errorf("PUT clock noon: %d", resp.StatusCode)
	}
	if resp, _ := do("DELETE", "/simulate/clock", "", false); resp.StatusCode != 405 {
		t.Errorf("DELETE clock: %d", resp.StatusCode)
	}
}
