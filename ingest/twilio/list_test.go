package twilio

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// script answers one request after the other and keeps what was asked.
type script struct {
	asked []string // host-relative addresses, as they were on the wire
	pages []string
}

func (s *script) serve(r *http.Request) (*http.Response, error) {
	s.asked = append(s.asked, r.URL.RequestURI())
	if len(s.pages) == 0 {
		return nil, errors.New("asked too often")
	}
	page := s.pages[0]
	s.pages = s.pages[1:]
	return respond(200, page), nil
}

// once is a Retry that tries nothing again.
func once(o *Options) { o.Retry.MaxTries = 1 }

// list collects the sids of a list.
func list(ctx context.Context, c *Client, account string, r Resource, from, to time.Time) (sids []string, err error) {
	err = c.List(ctx, account, r, from, to, func(p *Page) error {
		sids = append(sids, p.SID...)
		return nil
	})
	return sids, err
}

func TestFiltersOnTheWire(t *testing.T) {
	const accounts = "/2010-04-01/Accounts/" + subSID + "/"
	for r, want := range map[Resource]string{
		Calls:          accounts + "Calls.json?PageSize=1000&StartTime%3C=2026-11-02&StartTime%3E=2026-09-30",
		Messages:       accounts + "Messages.json?DateSent%3C=2026-11-02&DateSent%3E=2026-09-30&PageSize=1000",
		Recordings:     accounts + "Recordings.json?DateCreated%3C=2026-11-02&DateCreated%3E=2026-09-30&IncludeSoftDeleted=true&PageSize=1000",
		Transcriptions: accounts + "Transcriptions.json?PageSize=1000",
	} {
		s := &script{pages: []string{encode(t, string(r), nil)}}
		c := testClient(t, func(req *http.Request) (*http.Response, error) {
			if got := req.Header.Get("Accept"); got != "application/json" {
				t.Errorf("Accept: %q", got)
			}
			if req.URL.Scheme != "https" || req.URL.Host != "api.twilio.com" || req.Method != "GET" {
				t.Errorf("%s %s", req.Method, req.URL)
			}
			return s.serve(req)
		})
		if _, err := list(t.Context(), c, subSID, r, day(1), day(32)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{want}, s.asked); diff != "" {
			t.Errorf("%s: %s", r, diff)
		}
	}
}

func TestCredentialsPerAccount(t *testing.T) {
	for account, want := range map[string]Credentials{
		mainSID:  {mainSID, secret},
		subSID:   {mainSID, secret},
		otherSID: {"SK22222222222222222222222222222222", ownToken},
	} {
		var got Credentials
		c := testClient(t, func(r *http.Request) (*http.Response, error) {
			got.Username, got.Password, _ = r.BasicAuth()
			return respond(200, encode(t, "calls", nil)), nil
		})
		if _, err := list(t.Context(), c, account, Calls, day(8), day(9)); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%s is read with other credentials than its own", account)
		}
	}
}

func TestPagingFollowsTheAddressAsItIs(t *testing.T) {
	second := "/2010-04-01/Accounts/" + subSID + "/Calls.json?StartTime%3E=2026-10-07&PageToken=PA%2f+x&b=2&a=1&PageSize=1000"
	third := "/2010-04-01/Accounts/" + subSID + "/Calls.json?Page=2&StartTime>=2026-10-07"
	row := func(sid string) fields { return base(Calls).with(fields{"sid": sid}) }
	s := &script{pages: []string{
		encode(t, "calls", second, row("CA3"), row("CA1")),
		encode(t, "calls", third),
		encode(t, "calls", nil, row("CA2")),
	}}
	c := testClient(t, s.serve)
	var urls, sids []string
	err := c.List(t.Context(), subSID, Calls, day(8), day(9), func(p *Page) error {
		urls, sids = append(urls, p.URL), append(sids, strings.Join(p.SID, " "))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"CA3 CA1", "", "CA2"}, sids); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{s.asked[0], second, third}, s.asked); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(s.asked, urls); diff != "" {
		t.Error(diff)
	}
}

func TestPagingRefusesHostileAddresses(t *testing.T) {
	const root = "/2010-04-01/Accounts/" + subSID + "/"
	for _, next := range []string{
		"http://evil.example/", "https://evil.example" + root + "Calls.json", "//evil.example/", "//evil.example" + root,
		"evil", "/evil", "@evil.example/", ".evil.example/", ":80" + root,
		"/2010-04-01/Accounts/" + otherSID + "/Calls.json", "/2010-04-01/Accounts.json", "/2010-04-01/",
		"/2008-08-01/Accounts/" + subSID + "/Calls.json",
		root + "../" + otherSID + "/Calls.json", root + "%2e%2e/" + otherSID + "/Calls.json",
		root + "..%2f" + otherSID + "/Calls.json", root + `..\` + otherSID + "/Calls.json", root + "x/..%5c..",
		root + "Calls.json HTTP/1.1", root + "Calls.json\r\nHost: evil", root + "Calls.json\x00", root + "%zz", root + "Calls.json?ü",
		root + "Calls.json#x", "personal text",
	} {
		t.Run(next, func(t *testing.T) {
			s := &script{pages: []string{encode(t, "calls", next, base(Calls)), encode(t, "calls", nil)}}
			sids, err := list(t.Context(), testClient(t, s.serve), subSID, Calls, day(8), day(9))
			bad, ok := errors.AsType[*PageError](err)
			if !ok || bad.Account != subSID || bad.URL != s.asked[0] {
				t.Fatalf("error %#v, want a PageError", err)
			}
			if len(s.asked) != 1 || len(sids) != 0 {
				t.Errorf("asked %q, handed out %q", s.asked, sids)
			}
			if next != "/2010-04-01/" && strings.Contains(err.Error(), next) {
				t.Errorf("quotes the page: %v", err)
			}
			noSecretIn(t, err)
		})
	}
	// Accounts.json is a list of its own.
	s := &script{pages: []string{encode(t, "accounts", root+"Calls.json")}}
	if _, err := testClient(t, s.serve).Accounts(t.Context()); err == nil || len(s.asked) != 1 {
		t.Errorf("accounts: error %v after %q", err, s.asked)
	}
}

func TestPagingStopsInACircle(t *testing.T) {
	const root = "/2010-04-01/Accounts/" + subSID + "/Calls.json"
	first := root + "?PageSize=1000&StartTime%3C=2026-10-10&StartTime%3E=2026-10-07"
	for name, pages := range map[string][]string{
		"to itself":    {root + "?a", root + "?a"},
		"to the first": {root + "?a", first},
		"of two":       {root + "?a", root + "?b", root + "?a"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{}
			for _, next := range append(pages, "end") {
				s.pages = append(s.pages, encode(t, "calls", next))
			}
			_, err := list(t.Context(), testClient(t, s.serve), subSID, Calls, day(8), day(9))
			if err == nil || !strings.Contains(err.Error(), "circle") {
				t.Fatalf("error %v, want one about a circle", err)
			}
			if len(s.asked) != len(pages) {
				t.Errorf("asked %d times, want %d", len(s.asked), len(pages))
			}
		})
	}
}

func TestListRefusesBadQuestions(t *testing.T) {
	for _, tt := range []struct {
		account  string
		r        Resource
		from, to time.Time
	}{
		{"AC1", Calls, day(8), day(9)},
		{subSID + "/../" + otherSID, Calls, day(8), day(9)},
		{subSID, Numbers, day(8), day(9)},
		{subSID, "faxes", day(8), day(9)},
		{subSID, Calls, day(8), day(8)},
		{subSID, Calls, day(9), day(8)},
		{subSID, Calls, day(8).Add(time.Hour), day(9)},
		{subSID, Calls, day(8), day(9).Add(time.Nanosecond)},
		{subSID, Calls, time.Date(2026, 10, 8, 0, 0, 0, 0, time.FixedZone("", 3600)), day(9)},
	} {
		c := testClient(t, func(*http.Request) (*http.Response, error) { return nil, errors.New("asked") })
		if _, err := list(t.Context(), c, tt.account, tt.r, tt.from, tt.to); err == nil || strings.HasSuffix(err.Error(), "asked") {
			t.Errorf("%+v: error %v", tt, err)
		}
	}
	// A midnight in UTC is one in any location.
	c := testClient(t, (&script{pages: []string{encode(t, "calls", nil)}}).serve)
	tokyo := time.FixedZone("", 9*3600)
	if _, err := list(t.Context(), c, subSID, Calls, day(8).In(tokyo), day(9).In(tokyo)); err != nil {
		t.Error(err)
	}
}

func TestListReturnsTheErrorOfYield(t *testing.T) {
	mine := errors.New("disk full")
	s := &script{pages: []string{encode(t, "calls", "/2010-04-01/Accounts/"+subSID+"/x"), encode(t, "calls", nil)}}
	err := testClient(t, s.serve).List(t.Context(), subSID, Calls, day(8), day(9), func(*Page) error { return mine })
	if err != mine || len(s.asked) != 1 {
		t.Errorf("error %v after %d requests", err, len(s.asked))
	}
}

func TestUnknownValuesAreLoggedOnce(t *testing.T) {
	rows := []fields{
		base(Messages).with(fields{"from": "rcs:agent", "direction": "sideways"}),
		base(Messages).with(fields{"from": "rcs:other"}),
		base(Messages).with(fields{"from": "whatsapp:+1555"}),
	}
	var log bytes.Buffer
	c := testClient(t, func(*http.Request) (*http.Response, error) {
		return respond(200, encode(t, "messages", nil, rows...)), nil
	}, func(o *Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	for range 2 {
		if sids, err := list(t.Context(), c, subSID, Messages, day(8), day(9)); err != nil || len(sids) != 3 {
			t.Fatal(sids, err)
		}
	}
	if got := log.String(); strings.Count(got, "\n") != 2 || !strings.Contains(got, "value=rcs") || !strings.Contains(got, "value=sideways") {
		t.Errorf("log:\n%s", got)
	}
	if strings.Contains(log.String(), "agent") {
		t.Errorf("the log names the address: %s", log.String())
	}
}

// wireAccount is an account on the wire, with the token Twilio sends along.
func wireAccount(sid string, change fields) fields {
	return fields{
		"sid": sid, "owner_account_sid": mainSID, "friendly_name": "Acme & Söhne", "status": "active", "type": "Full",
		"auth_token": "hunter2", "date_created": "Fri, 01 Oct 2021 10:00:00 +0000", "date_updated": nil, "subresource_uris": fields{},
	}.with(change)
}

func TestAccounts(t *testing.T) {
	const next = "/2010-04-01/Accounts.json?PageSize=1000&PageToken=PAAC"
	s := &script{pages: []string{
		encode(t, "accounts", next, wireAccount(mainSID, nil), wireAccount(subSID, nil)),
		encode(t, "accounts", nil, wireAccount(subSID, fields{"status": "suspended", "date_updated": rfc2822}), wireAccount(otherSID, fields{"status": "closed"})),
	}}
	got, err := testClient(t, s.serve).Accounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	created := time.Date(2021, 10, 1, 10, 0, 0, 0, time.UTC)
	want := []Account{
		{mainSID, mainSID, "Acme & Söhne", "active", "Full", created, created},
		{subSID, mainSID, "Acme & Söhne", "suspended", "Full", created, time.Date(2026, 10, 8, 10, 0, 0, 0, time.UTC)},
		{otherSID, mainSID, "Acme & Söhne", "closed", "Full", created, created},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"/2010-04-01/Accounts.json?PageSize=1000", next}, s.asked); diff != "" {
		t.Error(diff)
	}
	noSecretIn(t, got)
}

func TestAccountsErrors(t *testing.T) {
	main := wireAccount(mainSID, nil)
	for name, tt := range map[string]struct {
		rows []fields
		want string
	}{
		"none":             {nil, "not among the 0 accounts"},
		"main missing":     {[]fields{wireAccount(subSID, nil)}, "not among the 1 accounts"},
		"main is a sub":    {[]fields{wireAccount(mainSID, fields{"owner_account_sid": otherSID})}, "is a subaccount of " + otherSID},
		"unknown status":   {[]fields{main, wireAccount(subSID, fields{"status": "frozen"})}, `field status is "frozen"`},
		"no sid":           {[]fields{main, wireAccount("", nil)}, "field sid"},
		"no account sid":   {[]fields{main, wireAccount("AC1/..", nil)}, "field sid"},
		"no owner":         {[]fields{main, wireAccount(subSID, fields{"owner_account_sid": nil})}, "field owner_account_sid"},
		"bad date":         {[]fields{main, wireAccount(subSID, fields{"date_created": "x"})}, "field date_created"},
		"bad name":         {[]fields{main, wireAccount(subSID, fields{"friendly_name": 3})}, "field friendly_name"},
		"no date":          {[]fields{main, wireAccount(subSID, fields{"date_created": nil})}, "field date_created"},
		"bad date_updated": {[]fields{main, wireAccount(subSID, fields{"date_updated": "x"})}, "field date_updated"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{pages: []string{encode(t, "accounts", nil, tt.rows...)}}
			got, err := testClient(t, s.serve).Accounts(t.Context())
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "list accounts: ") || got != nil {
				t.Errorf("got %v, error %v, want one with %q", got, err, tt.want)
			}
			noSecretIn(t, err)
		})
	}
}

func TestNumbers(t *testing.T) {
	wire := func(sid string, change fields) fields {
		return fields{"sid": sid, "account_sid": subSID, "phone_number": "+15550001", "friendly_name": "(555) 0001", "type": "local",
			"status": "in-use", "date_created": rfc2822, "date_updated": nil, "beta": false, "capabilities": fields{"voice": true}}.with(change)
	}
	const root = "/2010-04-01/Accounts/" + subSID + "/IncomingPhoneNumbers.json?PageSize=1000"
	s := &script{pages: []string{
		encode(t, "incoming_phone_numbers", root+"&PageToken=x", wire("PN2", nil), wire("PN1", nil)),
		encode(t, "incoming_phone_numbers", nil, wire("PN1", fields{"friendly_name": nil, "type": nil, "status": gone, "date_updated": rfc2822})),
	}}
	got, err := testClient(t, s.serve).Numbers(t.Context(), subSID)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 10, 8, 10, 0, 0, 0, time.UTC)
	want := []Number{
		{"PN2", "+15550001", "(555) 0001", "local", "in-use", at, at},
		{"PN1", "+15550001", "", "", "", at, at},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{root, root + "&PageToken=x"}, s.asked); diff != "" {
		t.Error(diff)
	}

	for field, value := range map[string]any{"sid": nil, "account_sid": otherSID, "phone_number": "", "date_created": nil, "type": 5} {
		s := &script{pages: []string{encode(t, "incoming_phone_numbers", nil, wire("PN1", fields{field: value}))}}
		_, err := testClient(t, s.serve).Numbers(t.Context(), subSID)
		if bad, ok := errors.AsType[*DecodeError](err); !ok || bad.Field != field || bad.Resource != Numbers {
			t.Errorf("%s: error %v", field, err)
		}
	}
	if _, err := testClient(t, s.serve).Numbers(t.Context(), "PN1"); err == nil {
		t.Error("a list of an account that is none")
	}
}

// A page is the receiver's to keep.
func TestPagesAreNotReused(t *testing.T) {
	s := &script{}
	for i := range 3 {
		var next any
		if i < 2 {
			next = fmt.Sprintf("/2010-04-01/Accounts/%s/Calls.json?Page=%d", subSID, i+1)
		}
		s.pages = append(s.pages, encode(t, "calls", next, base(Calls).with(fields{"sid": fmt.Sprint("CA", i)})))
	}
	var pages []*Page
	err := testClient(t, s.serve).List(t.Context(), subSID, Calls, day(8), day(9), func(p *Page) error {
		pages = append(pages, p)
		return nil
	})
	if err != nil || len(pages) != 3 {
		t.Fatal(len(pages), err)
	}
	for i, p := range pages {
		if p.SID[0] != fmt.Sprint("CA", i) {
			t.Errorf("page %d holds %q", i, p.SID)
		}
	}
}
