package twilio

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// cut is a body that breaks off.
type cut struct {
	io.Reader
	err error
}

func (c cut) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if err == io.EOF {
		err = c.err
	}
	return n, err
}

// zeros is a body that never ends.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestRetries(t *testing.T) {
	good := func() (*http.Response, error) { return respond(200, encode(t, "calls", nil, base(Calls))), nil }
	status := func(code int, header ...string) func() (*http.Response, error) {
		return func() (*http.Response, error) {
			r := respond(code, fmt.Sprintf(`{"code":20429,"message":"Too Many Requests","status":%d}`, code))
			for i := 0; i < len(header); i += 2 {
				r.Header.Set(header[i], header[i+1])
			}
			return r, nil
		}
	}
	body := func(s string) func() (*http.Response, error) {
		return func() (*http.Response, error) { return respond(200, s), nil }
	}
	fail := func(err error) func() (*http.Response, error) {
		return func() (*http.Response, error) { return nil, err }
	}
	broken := func(err error) func() (*http.Response, error) {
		return func() (*http.Response, error) {
			r := respond(200, "")
			r.Body = io.NopCloser(cut{strings.NewReader(`{"calls":[{"personal text`), err})
			return r, nil
		}
	}
	endless := func() (*http.Response, error) {
		r := respond(200, "")
		r.Body = io.NopCloser(zeros{})
		return r, nil
	}
	timeout := &net.OpError{Op: "read", Err: syscall.ETIMEDOUT}
	// The synthetic clock starts at midnight of 2000-01-01.
	const inTwoMinutes, inFiveSeconds = "Sat, 01 Jan 2000 00:02:00 GMT", "Sat, 01 Jan 2000 00:00:05 GMT"

	for name, tt := range map[string]struct {
		answers  []func() (*http.Response, error)
		min, max time.Duration // how long it waits in all
		want     string        // part of the error; empty for none
		left     int           // answers not asked for
	}{
		"at once":                   {answers: []func() (*http.Response, error){good}},
		"429":                       {answers: []func() (*http.Response, error){status(429), good}, max: time.Second},
		"429 three times":           {answers: []func() (*http.Response, error){status(429), status(429), status(429), good}, max: 7 * time.Second},
		"429 with seconds":          {answers: []func() (*http.Response, error){status(429, "Retry-After", "7"), good}, min: 7 * time.Second, max: 7 * time.Second},
		"429 with a date":           {answers: []func() (*http.Response, error){status(429, "Retry-After", inFiveSeconds), good}, min: 5 * time.Second, max: 5 * time.Second},
		"429 with too many seconds": {answers: []func() (*http.Response, error){status(429, "Retry-After", "86400"), good}, min: time.Minute, max: time.Minute},
		"429 with too late a date":  {answers: []func() (*http.Response, error){status(429, "Retry-After", inTwoMinutes), good}, min: time.Minute, max: time.Minute},
		"429 with zero":             {answers: []func() (*http.Response, error){status(429, "Retry-After", "0"), good}, max: time.Second},
		"429 with nonsense":         {answers: []func() (*http.Response, error){status(429, "Retry-After", "soon"), good}, max: time.Second},
		"503 with seconds":          {answers: []func() (*http.Response, error){status(503, "Retry-After", "2"), good}, min: 2 * time.Second, max: 2 * time.Second},
		"500":                       {answers: []func() (*http.Response, error){status(500), good}, max: time.Second},
		"502, 504 and 408":          {answers: []func() (*http.Response, error){status(502), status(504), status(408), good}, max: 7 * time.Second},
		"reset":                     {answers: []func() (*http.Response, error){fail(syscall.ECONNRESET), good}, max: time.Second},
		"eof":                       {answers: []func() (*http.Response, error){fail(io.EOF), good}, max: time.Second},
		"timeout":                   {answers: []func() (*http.Response, error){fail(timeout), good}, max: time.Second},
		"reset in the body":         {answers: []func() (*http.Response, error){broken(syscall.ECONNRESET), good}, max: time.Second},
		"cut body":                  {answers: []func() (*http.Response, error){broken(io.ErrUnexpectedEOF), good}, max: time.Second},
		"cut JSON":                  {answers: []func() (*http.Response, error){body(`{"calls":[{"sid`), good}, max: time.Second},
		"html":                      {answers: []func() (*http.Response, error){body(`<html>`), body(""), good}, max: 3 * time.Second},
		"no rows":                   {answers: []func() (*http.Response, error){body(`{}`), good}, max: time.Second},

		"html always": {
			answers: []func() (*http.Response, error){body(`<html>`), body(`<html>`), body(`<html>`), good},
			max:     3 * time.Second, left: 1,
			want: "list calls of " + subSID + ": after 3 tries: page /2010-04-01/Accounts/" + subSID + "/Calls.json?",
		},
		"500 always": {
			answers: []func() (*http.Response, error){status(500), status(500), status(500), status(500), status(500), status(500), status(500), status(500), good},
			max:     2 * time.Minute, left: 1, want: "after 8 tries: twilio answered 500",
		},
		"too long": {
			// 60 s each, and given up after the tenth minute at the latest.
			answers: []func() (*http.Response, error){status(503, "Retry-After", "60"), status(503, "Retry-After", "60"), status(503, "Retry-After", "60"), status(503, "Retry-After", "60"), good},
			min:     2 * time.Minute, max: 2 * time.Minute, left: 2, want: "after 3 tries: twilio answered 503",
		},
		"400": {answers: []func() (*http.Response, error){status(400), good}, left: 1, want: "twilio answered 400"},
		"401": {answers: []func() (*http.Response, error){status(401), good}, left: 1, want: "twilio answered 401"},
		"403": {answers: []func() (*http.Response, error){status(403), good}, left: 1, want: "twilio answered 403"},
		"404": {answers: []func() (*http.Response, error){status(404), good}, left: 1, want: "twilio answered 404"},
		"302": {answers: []func() (*http.Response, error){status(302, "Location", "https://evil.example/"), good}, left: 1, want: "redirects are refused"},
		"206": {answers: []func() (*http.Response, error){status(206), good}, left: 1, want: "twilio answered 206"},
		"bad certificate": {
			answers: []func() (*http.Response, error){fail(&tls.CertificateVerificationError{Err: errors.New("expired")}), good},
			left:    1, want: "list calls of " + subSID + ": tls: failed to verify certificate: expired",
		},
		"bad record": {
			answers: []func() (*http.Response, error){body(encode(t, "calls", nil, base(Calls).with(fields{"price": "x"}))), good},
			left:    1, want: `CA1 of ` + subSID + `: field price is "x"`,
		},
		"too large": {
			answers: []func() (*http.Response, error){endless, good},
			left:    1, want: "larger than 32 MiB",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				left := tt.answers
				c := testClient(t, func(*http.Request) (*http.Response, error) {
					next := left[0]
					left = left[1:]
					return next()
				}, func(o *Options) {
					if name == "too long" {
						o.Retry.MaxElapsed = 2 * time.Minute
					}
				})
				began := time.Now()
				sids, err := list(t.Context(), c, subSID, Calls, day(8), day(9))
				if took := time.Since(began); took < tt.min || took > tt.max {
					t.Errorf("took %v, want %v to %v", took, tt.min, tt.max)
				}
				if len(left) != tt.left {
					t.Errorf("%d answers left, want %d", len(left), tt.left)
				}
				if tt.want == "" {
					if err != nil || len(sids) != 1 {
						t.Errorf("got %q, error %v", sids, err)
					}
					return
				}
				if err == nil || !strings.Contains(err.Error(), tt.want) || sids != nil {
					t.Errorf("got %q, error %v, want %q", sids, err, tt.want)
				}
				noSecretIn(t, err)
			})
		})
	}
}

// Waits grow and are spread, so that many clients do not come back together.
func TestBackoffGrows(t *testing.T) {
	r := Retry{}.withDefaults()
	var longest [8]time.Duration
	for range 2000 {
		b := fullJitter(r)
		b.Reset()
		for i := range longest {
			longest[i] = max(longest[i], b.NextBackOff())
		}
	}
	for i, got := range longest {
		bound := min(r.Base<<i, r.Max)
		if got > bound+1 || got < bound*9/10 {
			t.Errorf("wait %d: longest %v, want just under %v", i, got, bound)
		}
	}
}

func TestErrorOfTwilio(t *testing.T) {
	for _, tt := range []struct {
		name, account string
		status        int
		body, want    string
		code          int
	}{
		{"main", subSID, 401, `{"code":20003,"message":"Authenticate","more_info":"https://www.twilio.com/docs/errors/20003","status":401}`,
			"list calls of " + subSID + ": twilio answered 401 (code 20003, Authenticate): check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN", 20003},
		{"own", otherSID, 401, `{"code":20003,"message":"Authenticate","detail":"x","status":401}`,
			"list calls of " + otherSID + ": twilio answered 401 (code 20003, Authenticate): check the credentials configured for " + otherSID + "; without any, the main account's are used", 20003},
		{"newer host", subSID, 404, `{"code":20404,"message":"Not found","httpStatusCode":404,"userError":true,"params":{}}`,
			"list calls of " + subSID + ": twilio answered 404 (code 20404, Not found): check that the account exists and belongs to the main account", 20404},
		{"no code", subSID, 403, `{"message":"Forbidden"}`, "list calls of " + subSID + ": twilio answered 403 (Forbidden): check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN", 0},
		{"no message", subSID, 400, `{"code":"20001"}`, "list calls of " + subSID + ": twilio answered 400 (code 20001)", 20001},
		{"html", subSID, 403, `<html>personal text</html>`, "list calls of " + subSID + ": twilio answered 403: check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN", 0},
		{"empty", subSID, 400, ``, "list calls of " + subSID + ": twilio answered 400", 0},
		{"other types", subSID, 400, `{"code":{"a":1},"message":["personal text"]}`, "list calls of " + subSID + ": twilio answered 400", 0},
		{"line break", subSID, 400, `{"message":"a\nb"}`, "list calls of " + subSID + ": twilio answered 400 (a b)", 0},
		{"echo", subSID, 400, `{"message":"bad ` + secret + ` or ` + base64.StdEncoding.EncodeToString([]byte(mainSID+":"+secret)) + `"}`,
			"list calls of " + subSID + ": twilio answered 400 (bad [redacted] or [redacted])", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := testClient(t, func(*http.Request) (*http.Response, error) { return respond(tt.status, tt.body), nil })
			_, err := list(t.Context(), c, tt.account, Calls, day(8), day(9))
			if err == nil || err.Error() != tt.want {
				t.Errorf("error\n %v\nwant\n %s", err, tt.want)
			}
			var e *Error
			if !errors.As(err, &e) || e.Status != tt.status || e.Code != tt.code || e.Account != tt.account || !strings.HasPrefix(e.URL, "/2010-04-01/") {
				t.Errorf("%#v", e)
			}
			noSecretIn(t, err)
		})
	}
	long := testClient(t, func(*http.Request) (*http.Response, error) {
		return respond(400, `{"message":"`+strings.Repeat("é", 5000)+`"}`), nil
	})
	if _, err := list(t.Context(), long, subSID, Calls, day(8), day(9)); len(err.Error()) > 600 {
		t.Errorf("an error of %d bytes", len(err.Error()))
	}
}

func TestConcurrencyIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int32
		c := testClient(t, func(*http.Request) (*http.Response, error) {
			most.Store(max(most.Load(), now.Add(1)))
			time.Sleep(time.Second)
			now.Add(-1)
			return respond(200, encode(t, "calls", nil)), nil
		}, func(o *Options) { o.Concurrency = 3 })
		var all sync.WaitGroup
		began := time.Now()
		for i := range 9 {
			all.Go(func() {
				account := fmt.Sprintf("AC%032d", i)
				if _, err := list(t.Context(), c, account, Calls, day(8), day(9)); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if most.Load() != 3 || time.Since(began) != 3*time.Second {
			t.Errorf("%d requests at once, %v in all: want 3 and 3s", most.Load(), time.Since(began))
		}
	})
}

// A list that waits before its next try lets others through, and does not count
// its time in the queue as time spent trying.
func TestWaitingHoldsNoSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var failed bool
		c := testClient(t, func(r *http.Request) (*http.Response, error) {
			time.Sleep(time.Second)
			if strings.Contains(r.URL.Path, subSID) && !failed {
				failed = true
				res := respond(429, "")
				res.Header.Set("Retry-After", "30")
				return res, nil
			}
			return respond(200, encode(t, "calls", nil)), nil
		}, func(o *Options) { o.Concurrency = 1; o.Retry.MaxElapsed = 2 * time.Second })
		c.slots <- struct{}{} // somebody else's request
		began := time.Now()
		var both sync.WaitGroup
		for account, want := range map[string]time.Duration{subSID: 60 + 1 + 30 + 1, mainSID: 60 + 2 + 1} {
			both.Go(func() {
				if account == mainSID {
					time.Sleep(time.Minute + 1500*time.Millisecond)
				}
				if _, err := list(t.Context(), c, account, Calls, day(8), day(9)); err != nil {
					t.Error(err)
				}
				if took := time.Since(began); took > want*time.Second {
					t.Errorf("%s took %v, want %v", account, took, want*time.Second)
				}
			})
		}
		time.Sleep(time.Minute)
		<-c.slots
		both.Wait()
	})
}

func TestContextEndsEveryWait(t *testing.T) {
	stop := errors.New("the operator said stop")
	for name, tt := range map[string]struct {
		serve stub
		full  bool
	}{
		"in a request": {serve: func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}},
		"between tries": {serve: func(*http.Request) (*http.Response, error) {
			r := respond(429, "")
			r.Header.Set("Retry-After", "50")
			return r, nil
		}},
		"in the queue": {full: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := testClient(t, tt.serve, func(o *Options) { o.Concurrency = 1 })
				if tt.full {
					c.slots <- struct{}{}
				}
				ctx, cancel := context.WithCancelCause(t.Context())
				began := time.Now()
				time.AfterFunc(5*time.Second, func() { cancel(stop) })
				_, err := list(ctx, c, subSID, Calls, day(8), day(9))
				if !errors.Is(err, stop) || time.Since(began) != 5*time.Second {
					t.Errorf("after %v: %v", time.Since(began), err)
				}
				if name == "between tries" && !strings.Contains(err.Error(), "last try: twilio answered 429") {
					t.Errorf("does not say what it waited for: %v", err)
				}
			})
		})
	}
}

// What only a real connection shows: compression, cut connections, redirects.
func TestOverHTTP(t *testing.T) {
	whole := []byte(encode(t, "calls", nil, base(Calls)))
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write(whole)
	z.Close()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("followed to %s", r.URL)
	}))
	defer elsewhere.Close()
	hangUp := func(w http.ResponseWriter) {
		w.(http.Flusher).Flush()
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			conn.Close()
		}
	}
	faults := []struct {
		name  string
		fault http.HandlerFunc // the first answer; the second is good
		want  string           // part of the error; empty if the second answer is asked for
	}{
		{"gzip", func(w http.ResponseWriter, r *http.Request) {
			if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
				t.Error("does not ask for gzip")
			}
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(packed.Bytes())
		}, ""},
		{"gzip cut short", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(packed.Bytes()[:packed.Len()/2])
		}, ""},
		{"gzip without its checksum", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(packed.Bytes()[:packed.Len()-4])
		}, ""},
		{"hang up", func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }, ""},
		{"hang up in a chunked body", func(w http.ResponseWriter, _ *http.Request) {
			w.Write(whole[:50])
			hangUp(w)
		}, ""},
		{"hang up in a body of known length", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(whole)))
			w.Write(whole[:50])
			hangUp(w)
		}, ""},
		{"redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		}, "twilio answered 307: redirects are refused"},
	}
	for _, tt := range faults {
		t.Run(tt.name, func(t *testing.T) {
			var asked atomic.Int32
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if asked.Add(1) == 1 {
					tt.fault(w, r)
					return
				}
				w.Write(whole)
			}))
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			server.Start()
			defer server.Close()
			c := testClient(t, nil, func(o *Options) {
				o.BaseURL = server.URL
				o.HTTP = nil
				o.Retry.Base = time.Nanosecond
			})
			defer c.http.CloseIdleConnections()
			sids, err := list(t.Context(), c, subSID, Calls, day(8), day(9))
			if tt.want == "" && (err != nil || len(sids) != 1) {
				t.Errorf("got %q, error %v", sids, err)
			}
			if tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || asked.Load() != 1) {
				t.Errorf("error %v after %d requests, want %q", err, asked.Load(), tt.want)
			}
		})
	}
}

// A server that never answers is given up by the client's own clock.
func TestRequestTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := testClient(t, func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}, once)
		began := time.Now()
		_, err := list(t.Context(), c, subSID, Calls, day(8), day(9))
		if err == nil || time.Since(began) != 2*time.Minute {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}
