package twilio

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"
	"time"
)

// Resource is a list of an account's records.
type Resource string

// The lists that hold usage.
const (
	Calls          Resource = "calls"
	Messages       Resource = "messages"
	Recordings     Resource = "recordings"
	Transcriptions Resource = "transcriptions"
	// Numbers are the phone numbers held now; read with Client.Numbers.
	Numbers Resource = "numbers"
)

// accounts is the list of the main account and its subaccounts.
const accounts Resource = "accounts"

const (
	apiPath  = "/2010-04-01/"
	pageSize = "1000" // the largest Twilio allows
)

// sources say where the usage lists are and which field their date filter
// reads; Transcriptions have no filter.
var sources = map[Resource]struct{ file, filter string }{
	Calls:          {"Calls.json", "StartTime"},
	Messages:       {"Messages.json", "DateSent"},
	Recordings:     {"Recordings.json", "DateCreated"},
	Transcriptions: {"Transcriptions.json", ""},
}

// listing is one list being read.
type listing struct {
	resource Resource
	account  string     // sid of the account whose credentials are used
	root     string     // what the path of every page starts with
	first    string     // address of the first page
	form     url.Values // what is posted to it; nil to read
}

// String is what was being done, for errors.
func (l *listing) String() string {
	if l.form != nil {
		return fmt.Sprintf("set the status of %s to %s", strings.TrimSuffix(path.Base(l.first), ".json"), l.form.Get("Status"))
	}
	if l.resource == accounts {
		return "list accounts"
	}
	return fmt.Sprintf("list %s of %s", l.resource, l.account)
}

// pageError is an error about a page that stays wrong however often it is read.
func (l *listing) pageError(uri, reason string) *PageError {
	return &PageError{Account: l.account, Resource: l.resource, URL: uri, Reason: reason}
}

// accountListing is the list in file of an account.
func accountListing(account string, r Resource, file string, q url.Values) (*listing, error) {
	if !accountSID.MatchString(account) {
		return nil, fmt.Errorf("list %s of %q: not an account sid (AC and 32 hex digits)", r, clip(account))
	}
	root := apiPath + "Accounts/" + account + "/"
	q.Set("PageSize", pageSize)
	return &listing{resource: r, account: account, root: root, first: root + file + "?" + q.Encode()}, nil
}

// List reads an account's records of the UTC days [from, to), which are given
// as midnights in UTC, and hands each page to yield, in the order they come.
// The page is yield's to keep. An error of yield ends the list and is returned
// as it is.
//
// A record belongs to the day of its Page.Started. Twilio documents the edges
// of its date filters in more than one way, so a day more is asked for on both
// sides and what lies outside is left out here. Records that have no such date
// yet are left out too: they come with the day they get.
//
// Everything else that is wrong is an error: *Error if Twilio refuses,
// *DecodeError for a record that cannot be read, *PageError for a page that
// cannot. Pages may then have been handed out already.
func (c *Client) List(ctx context.Context, account string, r Resource, from, to time.Time, yield func(*Page) error) error {
	source, ok := sources[r]
	if !ok {
		return fmt.Errorf("list %s of %q: not a list of usage by day", r, clip(account))
	}
	from, to = from.UTC(), to.UTC()
	const day = 24 * time.Hour
	if !from.Equal(from.Truncate(day)) || !to.Equal(to.Truncate(day)) || !from.Before(to) {
		return fmt.Errorf("list %s of %q: from %s to %s are not whole UTC days", r, clip(account), from.Format(time.RFC3339), to.Format(time.RFC3339))
	}
	q := url.Values{}
	if source.filter != "" {
		// The operator is part of the parameter's name.
		q.Set(source.filter+">", from.Add(-day).Format(time.DateOnly))
		q.Set(source.filter+"<", to.Add(day).Format(time.DateOnly))
	}
	if r == Recordings {
		// Recordings are often deleted right after download; what they cost stays.
		q.Set("IncludeSoftDeleted", "true")
	}
	l, err := accountListing(account, r, source.file, q)
	if err != nil {
		return err
	}
	decode := func(uri string, body []byte) (*Page, string, error) {
		p := &Page{Account: account, Resource: r, URL: uri, from: from, to: to}
		next, err := decodePage(r, body, p)
		return p, next, err
	}
	return walk(ctx, c, l, decode, func(p *Page) error {
		for _, o := range p.oddities {
			if _, seen := c.seen.LoadOrStore(o, true); !seen {
				c.log.WarnContext(ctx, "twilio sent a value this version does not know; the record is kept",
					"resource", string(o.resource), "field", o.field, "value", o.value, "account", account, "page", p.URL)
			}
		}
		return yield(p)
	})
}

// Accounts reads the main account and all of its subaccounts, whatever their
// status. An answer without the main account, or one that calls it a
// subaccount, is an error: subaccounts would be missing from it unnoticed.
func (c *Client) Accounts(ctx context.Context) ([]Account, error) {
	l := &listing{
		resource: accounts,
		account:  c.main,
		root:     apiPath + "Accounts.json",
		first:    apiPath + "Accounts.json?PageSize=" + pageSize,
	}
	decode := func(uri string, body []byte) ([]Account, string, error) {
		return decodeAccounts(l.account, uri, body)
	}
	all, err := collect(ctx, c, l, decode, func(a Account) string { return a.SID })
	if err != nil {
		return nil, err
	}
	for _, a := range all {
		if a.SID == c.main && a.OwnerSID != c.main {
			return nil, fmt.Errorf("%v: %s is a subaccount of %s, and sees no other: set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN to the main account's", l, c.main, a.OwnerSID)
		}
		if a.SID == c.main {
			return all, nil
		}
	}
	return nil, fmt.Errorf("%v: the main account %s is not among the %d accounts twilio listed: check TWILIO_ACCOUNT_SID", l, c.main, len(all))
}

// Numbers reads the phone numbers an account holds now. Twilio tells nothing of
// numbers held before.
func (c *Client) Numbers(ctx context.Context, account string) ([]Number, error) {
	l, err := accountListing(account, Numbers, "IncomingPhoneNumbers.json", url.Values{})
	if err != nil {
		return nil, err
	}
	decode := func(uri string, body []byte) ([]Number, string, error) {
		return decodeNumbers(account, uri, body)
	}
	return collect(ctx, c, l, decode, func(n Number) string { return n.SID })
}

// collect reads a whole list. A record that comes on two pages, because the
// list moved meanwhile, is taken once, as it came last.
func collect[R any](ctx context.Context, c *Client, l *listing, decode decoder[[]R], sid func(R) string) ([]R, error) {
	var all []R
	at := map[string]int{}
	err := walk(ctx, c, l, decode, func(rows []R) error {
		for _, r := range rows {
			if i, ok := at[sid(r)]; ok {
				all[i] = r
				continue
			}
			at[sid(r)] = len(all)
			all = append(all, r)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// walk hands the pages of a list to yield, one after the other.
func walk[P any](ctx context.Context, c *Client, l *listing, decode decoder[P], yield func(P) error) error {
	visited := map[string]bool{}
	for uri := l.first; uri != ""; {
		visited[uri] = true
		got, err := fetch(ctx, c, l, uri, decode)
		if err != nil {
			return fmt.Errorf("%v: %w", l, err)
		}
		// Before yield: a page that names a bad next one is not to be trusted.
		if err := l.checkNext(got.next, visited); err != nil {
			return fmt.Errorf("%v: %w", l, l.pageError(uri, "names a next page that "+err.Error()))
		}
		if err := yield(got.page); err != nil {
			return err
		}
		uri = got.next
	}
	return nil
}

// checkNext refuses a next_page_uri that would send the credentials to another
// host, read another account, or never end.
func (l *listing) checkNext(next string, visited map[string]bool) error {
	if next == "" {
		return nil
	}
	for i := range len(next) {
		if next[i] <= ' ' || next[i] > '~' {
			return errors.New("holds bytes that do not belong in a URL")
		}
	}
	u, err := url.Parse(next)
	switch {
	case err != nil:
		return errors.New("is not a URL")
	case u.Scheme != "" || u.Host != "" || u.User != nil || u.Fragment != "" || !strings.HasPrefix(next, apiPath):
		return errors.New("is not an address on the same host under " + apiPath)
	case path.Clean(u.Path) != u.Path || strings.Contains(u.Path, `\`) || !strings.HasPrefix(u.Path, l.root):
		return errors.New("is not under " + l.root)
	case visited[next]:
		return errors.New("was read before: the list runs in a circle")
	}
	return nil
}
