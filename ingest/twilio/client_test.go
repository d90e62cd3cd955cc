package twilio

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"
)

const (
	mainSID  = "AC00000000000000000000000000000000"
	subSID   = "AC11111111111111111111111111111111"
	otherSID = "AC22222222222222222222222222222222"
	secret   = "hunter2-main-token"
	ownToken = "hunter2-own-token"
)

// stub stands for Twilio in memory, so that time can be synthetic.
type stub func(*http.Request) (*http.Response, error)

func (s stub) RoundTrip(r *http.Request) (*http.Response, error) { return s(r) }

// respond is an answer with a status and a body.
func respond(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}

// testClient talks to s, with a log that fails the test if it holds a secret.
func testClient(t *testing.T, s stub, change ...func(*Options)) *Client {
	t.Helper()
	var log bytes.Buffer
	t.Cleanup(func() { noSecret(t, "log", log.String()) })
	o := Options{
		Main:     Credentials{mainSID, secret},
		Accounts: map[string]Credentials{otherSID: {"SK22222222222222222222222222222222", ownToken}},
		HTTP:     &http.Client{Transport: s},
		Log:      slog.New(slog.NewTextHandler(&log, nil)),
	}
	for _, c := range change {
		c(&o)
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func noSecret(t *testing.T, what, s string) {
	t.Helper()
	for _, secret := range []string{secret, ownToken, "hunter2", "cGVyc29uYWw", "personal text"} {
		if strings.Contains(s, secret) {
			t.Errorf("%s holds %q: %s", what, secret, s)
		}
	}
}

// noSecretIn prints v in every way an error or an option gets printed.
func noSecretIn(t *testing.T, v any) {
	t.Helper()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		noSecret(t, verb, fmt.Sprintf(verb, v))
	}
	if err, ok := v.(error); ok {
		for err := errors.Unwrap(err); err != nil; err = errors.Unwrap(err) {
			noSecret(t, "wrapped error", fmt.Sprintf("%v %+v %#v", err, err, err))
		}
	}
}

func TestCredentialsAreRedacted(t *testing.T) {
	cred := Credentials{mainSID, secret}
	o := Options{Main: cred, Accounts: map[string]Credentials{otherSID: {"SKx", ownToken}}}
	for _, v := range []any{cred, &cred, o, &o, testClient(t, nil), []Credentials{cred}} {
		noSecretIn(t, v)
	}
	if got := cred.String(); !strings.Contains(got, mainSID) {
		t.Errorf("String() = %q does not show the user name", got)
	}
	j, err := json.Marshal(cred)
	if err != nil {
		t.Fatal(err)
	}
	noSecret(t, "json", string(j))
	var b bytes.Buffer
	for _, h := range []slog.Handler{slog.NewTextHandler(&b, nil), slog.NewJSONHandler(&b, nil)} {
		slog.New(h).Info("x", "cred", cred, "creds", []Credentials{cred}, "accounts", o.Accounts)
	}
	noSecret(t, "slog", b.String())
}

func TestNew(t *testing.T) {
	good := func() Options { return Options{Main: Credentials{mainSID, secret}} }
	for _, tt := range []struct {
		name   string
		change func(*Options)
		want   string // part of the error; empty for none
	}{
		{"defaults", func(*Options) {}, ""},
		{"https", func(o *Options) { o.BaseURL = "https://api.example.com/" }, ""},
		{"http to 127.0.0.1", func(o *Options) { o.BaseURL = "http://127.0.0.1:8080" }, ""},
		{"http to ::1", func(o *Options) { o.BaseURL = "http://[::1]:8080" }, ""},
		{"http to localhost", func(o *Options) { o.BaseURL = "http://localhost:8080" }, ""},
		{"http elsewhere", func(o *Options) { o.BaseURL = "http://api.twilio.com" }, "in the clear"},
		{"http to a lookalike", func(o *Options) { o.BaseURL = "http://127.0.0.1.evil.com" }, "in the clear"},
		{"another scheme", func(o *Options) { o.BaseURL = "ftp://api.twilio.com" }, "must be https"},
		{"no host", func(o *Options) { o.BaseURL = "api.twilio.com" }, "scheme and host only"},
		{"a path", func(o *Options) { o.BaseURL = "https://api.twilio.com/v1" }, "scheme and host only"},
		{"a password", func(o *Options) { o.BaseURL = "https://u:" + secret + "@api.twilio.com" }, "scheme and host only"},
		{"unparsable with a password", func(o *Options) { o.BaseURL = "https://u:" + secret + "@a b" }, "scheme and host only"},
		{"api key as main", func(o *Options) { o.Main.Username = "SK" + mainSID[2:] }, "TWILIO_ACCOUNT_SID"},
		{"no token", func(o *Options) { o.Main.Password = "" }, "TWILIO_AUTH_TOKEN"},
		{"credentials of no account", func(o *Options) { o.Accounts = map[string]Credentials{"ACME": {"a", "b"}} }, `"ACME"`},
		{"half of a pair", func(o *Options) { o.Accounts = map[string]Credentials{subSID: {"a", ""}} }, subSID},
		{"negative concurrency", func(o *Options) { o.Concurrency = -1 }, "concurrency"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := good()
			tt.change(&o)
			c, err := New(o)
			if tt.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				if cap(c.slots) != 8 || c.http.Timeout == 0 {
					t.Errorf("concurrency %d, timeout %v: want the defaults", cap(c.slots), c.http.Timeout)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v, want one with %q", err, tt.want)
			}
			noSecretIn(t, err)
		})
	}
}

// day is a UTC day of the tests' month.
func day(d int) time.Time { return time.Date(2026, 10, d, 0, 0, 0, 0, time.UTC) }
