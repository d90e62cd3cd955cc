// Package twilio reads a main account's and its subaccounts' usage from
// Twilio's REST API, version 2010-04-01: accounts, calls, messages, recordings,
// transcriptions and phone numbers, page by page, into columns.
//
// It changes nothing at Twilio but the status of a subaccount, when asked to. It
// never keeps what it read, and has no field for message bodies, transcription
// texts or auth tokens, so that none of them can be stored, logged or quoted in
// an error.
package twilio

import (
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Credentials are a pair for HTTP Basic: an account's sid and its auth token,
// or an API key's sid and its secret. Printing, logging or marshalling them
// shows the user name only.
type Credentials struct {
	Username string
	Password string `json:"-"`
}

// String is the user name; the password is left out.
func (c Credentials) String() string { return "{" + c.Username + " [redacted]}" }

// Format prints String for every verb, %#v included.
func (c Credentials) Format(f fmt.State, _ rune) { fmt.Fprint(f, c.String()) }

// LogValue is what log/slog shows.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// redact takes the password out of a text that came back from the server.
func (c Credentials) redact(s string) string {
	basic := base64.StdEncoding.EncodeToString([]byte(c.Username + ":" + c.Password))
	return strings.NewReplacer(c.Password, "[redacted]", basic, "[redacted]").Replace(s)
}

// Retry says how a page that could not be read is tried again. A zero field
// stands for its default.
type Retry struct {
	MaxTries      int           // requests per page, the first included; default 8
	Base          time.Duration // longest wait after the first failure, doubled after each further one; default 1s
	Max           time.Duration // longest wait of all, unless Twilio asks for more; default 30s
	MaxRetryAfter time.Duration // how far a Retry-After header is honoured; default 1m
	MaxElapsed    time.Duration // time in requests and waits after which a page is given up, queueing not counted; default 10m
}

// Options configure a Client.
type Options struct {
	// BaseURL is scheme and host, such as "https://api.twilio.com", which is
	// the default. Plain http is refused unless the host is this machine: it
	// would send the credentials in the clear.
	BaseURL string
	// Main are the main account's credentials: its sid (AC...) and auth token.
	// They read every subaccount.
	Main Credentials
	// Accounts holds subaccounts' own credentials, by account sid. An account
	// that is not in it is read with Main.
	Accounts map[string]Credentials
	// Concurrency bounds the requests in flight over all accounts; default 8.
	Concurrency int
	// HTTP sends the requests; by default a client of its own with timeouts.
	// Redirects are refused whatever it says, so that credentials do not travel.
	HTTP *http.Client
	// Log is told of retries and of values nobody has heard of; default slog.Default().
	Log *slog.Logger
	// Retry says how failed requests are tried again.
	Retry Retry
}

// Client reads from Twilio. It is safe for concurrent use.
type Client struct {
	base  string // scheme and host, no slash at the end
	main  string // sid of the main account
	http  *http.Client
	log   *slog.Logger
	retry Retry
	slots chan struct{} // one per request in flight
	seen  sync.Map      // oddity values already logged
	clock atomic.Int64  // Unix seconds of the last answer's Date header

	// credentials is a function so that printing a Client shows no password.
	credentials func(account string) Credentials
}

// Clock is Twilio's time at its last answer, to the second; the zero time
// before there is one that says it.
func (c *Client) Clock() time.Time {
	if at := c.clock.Load(); at != 0 {
		return time.Unix(at, 0).UTC()
	}
	return time.Time{}
}

var accountSID = regexp.MustCompile(`^AC[0-9a-fA-F]{32}$`)

// New checks the options and makes a client. It sends nothing.
func New(o Options) (*Client, error) {
	base, err := checkBaseURL(o.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("twilio client: %w", err)
	}
	if !accountSID.MatchString(o.Main.Username) {
		return nil, errors.New("twilio client: the main credentials' user name is not an account sid (AC and 32 hex digits; an API key cannot read subaccounts): check TWILIO_ACCOUNT_SID")
	}
	if o.Main.Password == "" {
		return nil, errors.New("twilio client: the main account has no auth token: set TWILIO_AUTH_TOKEN")
	}
	own := make(map[string]Credentials, len(o.Accounts))
	for sid, cred := range o.Accounts {
		if !accountSID.MatchString(sid) {
			return nil, fmt.Errorf("twilio client: credentials for %q: not an account sid (AC and 32 hex digits)", clip(sid))
		}
		if cred.Username == "" || cred.Password == "" {
			return nil, fmt.Errorf("twilio client: credentials for %s: user name and password are both needed", sid)
		}
		own[sid] = cred
	}
	if o.Concurrency < 0 {
		return nil, fmt.Errorf("twilio client: concurrency %d is negative", o.Concurrency)
	}
	if o.Concurrency == 0 {
		o.Concurrency = 8
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	c := &Client{
		base:  base,
		main:  o.Main.Username,
		http:  httpClient(o.HTTP, o.Concurrency),
		log:   o.Log,
		retry: o.Retry.withDefaults(),
		slots: make(chan struct{}, o.Concurrency),
	}
	main := o.Main
	c.credentials = func(account string) Credentials {
		if cred, ok := own[account]; ok {
			return cred
		}
		return main
	}
	return c, nil
}

// checkBaseURL answers scheme and host of s, "https://api.twilio.com" if empty.
func checkBaseURL(s string) (string, error) {
	if s == "" {
		return "https://api.twilio.com", nil
	}
	u, err := url.Parse(s)
	// The URL is not quoted: it may hold a password.
	if err != nil || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return "", errors.New("the base URL must be scheme and host only, like https://api.twilio.com")
	}
	switch {
	case u.Scheme == "https":
	case u.Scheme == "http" && isLoopback(u.Hostname()):
	case u.Scheme == "http":
		return "", fmt.Errorf("the base URL must be https: plain http would send the credentials to %s in the clear", u.Host)
	default:
		return "", fmt.Errorf("the base URL must be https, not %q", u.Scheme)
	}
	return u.Scheme + "://" + u.Host, nil
}

func isLoopback(host string) bool {
	return strings.EqualFold(host, "localhost") || net.ParseIP(host).IsLoopback()
}

// httpClient is a copy of h, or a new client, that follows no redirect and
// gives up on a request that takes too long.
func httpClient(h *http.Client, concurrency int) *http.Client {
	out := http.Client{}
	if h != nil {
		out = *h
	} else {
		out.Transport = &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
			TLSHandshakeTimeout:   10 * time.Second,
			ResponseHeaderTimeout: time.Minute,
			IdleConnTimeout:       90 * time.Second,
			MaxIdleConns:          concurrency,
			MaxIdleConnsPerHost:   concurrency,
			ForceAttemptHTTP2:     true,
		}
	}
	if out.Timeout == 0 {
		out.Timeout = 2 * time.Minute
	}
	out.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &out
}

func (r Retry) withDefaults() Retry {
	if r.MaxTries <= 0 {
		r.MaxTries = 8
	}
	if r.Base <= 0 {
		r.Base = time.Second
	}
	if r.Max <= 0 {
		r.Max = 30 * time.Second
	}
	if r.MaxRetryAfter <= 0 {
		r.MaxRetryAfter = time.Minute
	}
	if r.MaxElapsed <= 0 {
		r.MaxElapsed = 10 * time.Minute
	}
	return r
}
