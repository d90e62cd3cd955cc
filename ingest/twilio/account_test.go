package twilio

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestSetStatus(t *testing.T) {
	const sub = "AC000000000000000000000000000000aa"
	for _, test := range []struct {
		name, account string
		status        int
		body          string
		want          string // in the error; none if empty
		code          int
		requests      int
	}{
		{name: "done", account: sub, status: 200, body: `{"sid":"` + sub + `","status":"suspended"}`, requests: 1},
		{name: "a fault that passes", account: sub, status: 500, body: `{"sid":"` + sub + `","status":"suspended"}`, requests: 2},
		{name: "closed", account: sub, status: 400, body: `{"code":21479,"message":"Account is closed"}`, want: "set the status of " + sub + " to suspended: twilio answered 400 (code 21479", code: 21479, requests: 1},
		{name: "not done", account: sub, status: 200, body: `{"sid":"` + sub + `","status":"active"}`, want: `is "active"`, requests: 1},
		{name: "another account", account: sub, status: 200, body: `{"sid":"AC1","status":"suspended"}`, want: `"AC1"`, requests: 1},
		{name: "no JSON", account: sub, status: 200, body: `<html>`, want: "not JSON", requests: 1},
		{name: "the main account", account: mainSID, want: "not a subaccount", requests: 0},
		{name: "no sid", account: "../Calls", want: "not a subaccount", requests: 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			requests := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				requests++
				if user, _, _ := r.BasicAuth(); r.Method != "POST" || r.URL.Path != "/2010-04-01/Accounts/"+sub+".json" || r.FormValue("Status") != Suspended || user != mainSID {
					t.Errorf("%s %s by %s", r.Method, r.URL, user)
				}
				if test.status != 500 || requests == 1 {
					w.WriteHeader(test.status)
				}
				fmt.Fprint(w, test.body)
			}))
			defer server.Close()
			c, err := New(Options{
				BaseURL: server.URL, Main: Credentials{Username: mainSID, Password: "secret"},
				Accounts: map[string]Credentials{sub: {Username: sub, Password: "own"}}, Retry: Retry{Base: time.Nanosecond, Max: time.Nanosecond},
			})
			if err != nil {
				t.Fatal(err)
			}
			err = c.SetStatus(t.Context(), test.account, Suspended)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("error %v, want %q", err, test.want)
			}
			var said *Error
			if errors.As(err, &said) && said.Code != test.code || test.code != 0 && said == nil {
				t.Errorf("error %v, want code %d", err, test.code)
			}
			if requests != test.requests {
				t.Errorf("%d requests, want %d", requests, test.requests)
			}
		})
	}
}
