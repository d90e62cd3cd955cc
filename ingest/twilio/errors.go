package twilio

import (
	"fmt"
	"strings"
	"time"
	"unicode"
)

// Error is an answer of Twilio's that is not a page: any status but 200.
type Error struct {
	Status   int    // HTTP status
	Code     int    // Twilio's own code, such as 20003; 0 if it gave none
	Message  string // Twilio's words, shortened; empty if it gave none
	MoreInfo string // address of Twilio's page on the code
	Account  string // sid of the account that was read
	URL      string // host-relative address of the page

	hint       string
	retryAfter time.Duration // what Retry-After asked for; 0 if nothing
}

// Error names the status and code, and what to do about them.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "twilio answered %d", e.Status)
	switch {
	case e.Code != 0 && e.Message != "":
		fmt.Fprintf(&b, " (code %d, %s)", e.Code, e.Message)
	case e.Code != 0:
		fmt.Fprintf(&b, " (code %d)", e.Code)
	case e.Message != "":
		fmt.Fprintf(&b, " (%s)", e.Message)
	}
	if e.hint != "" {
		b.WriteString(": " + e.hint)
	}
	return b.String()
}

// temporary reports whether the same request may be answered later. 401, 403
// and 404 may not: taken for "later" or for "nothing there", they would turn a
// locked account into one without usage.
func (e *Error) temporary() bool {
	return e.Status == 408 || e.Status == 429 || e.Status >= 500
}

// hint is what to do about a status; own says that the account's own
// credentials were used and not the main account's.
func hint(status int, account string, own bool) string {
	switch {
	case (status == 401 || status == 403) && own:
		return "check the credentials configured for " + account + "; without any, the main account's are used"
	case status == 401 || status == 403:
		return "check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN"
	case status == 404:
		return "check that the account exists and belongs to the main account"
	case status == 429:
		return "too many requests at once; lower the concurrency"
	case status >= 300 && status < 400:
		return "redirects are refused, they would carry the credentials elsewhere; check the base URL"
	case status >= 500:
		return "a fault on twilio's side; run again later"
	}
	return ""
}

// DecodeError is a record whose field cannot be read. It is never retried: the
// record would be the same, and a guess would end up on an invoice.
type DecodeError struct {
	Account  string // sid of the account that was asked for
	Resource Resource
	SID      string // sid of the record; empty if that is what is missing
	Field    string // name of the field on the wire
	Value    string // what the field held, shortened; empty if it held nothing
	URL      string // host-relative address of the page
	Reason   string // what is wrong with the value
}

func (e *DecodeError) Error() string {
	sid := e.SID
	if sid == "" {
		sid = "a record without sid"
	}
	return fmt.Sprintf("%s of %s: field %s is %q: %s (page %s)", sid, e.Account, e.Field, e.Value, e.Reason, e.URL)
}

// PageError is a page that is not a list of records: not JSON, cut short,
// without its rows, too large, or naming a next page that must not be followed.
type PageError struct {
	Account  string
	Resource Resource
	URL      string // host-relative address of the page
	Reason   string // never quotes the page

	transient bool // a fault on the way can cause it
}

func (e *PageError) Error() string {
	return fmt.Sprintf("page %s (%s of %s) %s", e.URL, e.Resource, e.Account, e.Reason)
}

// clip shortens a value from outside for an error message, and drops what would
// break a line.
func clip(s string) string {
	const most = 200
	s = strings.ToValidUTF8(s, "?")
	out := make([]rune, 0, min(len(s), most))
	for _, r := range s {
		if len(out) == most {
			return string(out) + "..."
		}
		if !unicode.IsPrint(r) {
			r = ' '
		}
		out = append(out, r)
	}
	return string(out)
}
