package twiliosim

import (
	"cmp"
	"compress/gzip"
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/shopspring/decimal"
)

const (
	apiPath      = "/2010-04-01"
	accountsPath = apiPath + "/Accounts"
	clockPath    = "/simulate/clock"
)

// Options are how the world is served.
type Options struct {
	Now         time.Time // the clock at the start; two days after World.To if zero
	Faults      Faults
	Late        []Late
	Differences []Difference // between Usage Records and the lists
}

// Late are records that no list shows at first, as happens at Twilio for hours
// or days: the first of a subaccount's calls or messages on a UTC day, with what
// hangs on them.
type Late struct {
	Account int       // index into Accounts
	Day     time.Time // midnight UTC
	Records int       // slots of the day: messages, or calls with what comes of them
	Until   time.Time // the clock at which lists begin to show them
}

// Faults are what goes wrong on purpose.
type Faults struct {
	// Rate429 is the share, 0 to 1, of API requests that are refused with 429
	// and code 20429. Which ones, the seed and the request's number decide.
	Rate429 float64
	// RetryAfter goes out with each 429, rounded up to whole seconds; zero is
	// sent as "0".
	RetryAfter time.Duration
}

// Server serves a world. It is safe for concurrent use.
type Server struct {
	world    World
	faults   Faults
	late     []Late
	from, to int64 // World.From and To in Unix seconds
	firstDay int64 // midnight before from
	accounts []account
	block    cipher.Block
	clock    atomic.Int64  // Unix seconds
	requests atomic.Uint64 // API requests so far

	mu          sync.RWMutex // write to post
	differing   sync.RWMutex
	differences []Difference
}

// New makes a world. It errs if a size is out of range or To is not after From.
func New(w World, o Options) (*Server, error) {
	if err := w.complete(); err != nil {
		return nil, err
	}
	if !(o.Faults.Rate429 >= 0 && o.Faults.Rate429 <= 1) || o.Faults.RetryAfter < 0 {
		return nil, fmt.Errorf("simulate faults on a share of %v of the requests, retry after %v: choose a share from 0 to 1 and no negative time",
			o.Faults.Rate429, o.Faults.RetryAfter)
	}
	var key [16]byte
	binary.BigEndian.PutUint64(key[:], mix(w.Seed+1))
	binary.BigEndian.PutUint64(key[8:], mix(^w.Seed))
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, fmt.Errorf("simulate a world: %w", err)
	}
	s := &Server{world: w, faults: o.Faults, late: o.Late, differences: slices.Clone(o.Differences), block: block, from: w.From.Unix(), to: w.To.Unix()}
	s.firstDay = floorDay(s.from)
	s.build()
	for _, d := range o.Differences {
		if err := s.knows(d); err != nil {
			return nil, err
		}
	}
	if o.Now.IsZero() {
		o.Now = w.To.AddDate(0, 0, 2)
	}
	s.SetNow(o.Now)
	return s, nil
}

// SetNow sets the world's clock, to the second; it may go back too. PUT
// /simulate/clock does the same.
func (s *Server) SetNow(t time.Time) { s.clock.Store(t.Unix()) }

// MainSID is the sid of the main account.
func (s *Server) MainSID() string { return s.accounts[0].sid }

// AuthToken is the main account's auth token.
func (s *Server) AuthToken() string { return s.accounts[0].token }

func (s *Server) dayOf(t int64) int { return int((t - s.firstDay) / day) }

// Totals are the records of one resource.
type Totals struct {
	Records int64
	// Quantity is seconds for calls, recordings and transcriptions; segments
	// for messages, with one for each MMS and WhatsApp message.
	Quantity int64
	Cost     decimal.Decimal // USD, positive; prices known by the clock
}

// Totals adds up what came into being by the clock and has its date in
// [from, to): the start of a call, the sending of a message, the creation of
// anything else. Resources are named as in paths: Calls, Messages, Recordings,
// Transcriptions and, counted only, IncomingPhoneNumbers. Recordings count also
// after their deletion, numbers only while held. It takes time in proportion to
// the records; for an unknown account or resource all is zero.
func (s *Server) Totals(accountSID, resource string, from, to time.Time) Totals {
	now := s.clock.Load()
	index, ok := s.account(accountSID)
	if !ok || now < s.accounts[index].created {
		return Totals{}
	}
	v := s.view(index, now)
	dates := span{from.Unix(), to.Unix()}
	switch resource {
	case "Calls":
		return totals(v, &callResource, dates)
	case "Messages":
		return totals(v, &messageResource, dates)
	case "Recordings":
		return totals(v, &recordingResource, dates)
	case "Transcriptions":
		return totals(v, &transcriptionResource, dates)
	case "IncomingPhoneNumbers":
		var t Totals
		for _, n := range v.owned() {
			if dates.has(n.bought) {
				t.Records++
			}
		}
		return t
	}
	return Totals{}
}

// Count is Totals' number of records.
func (s *Server) Count(accountSID, resource string, from, to time.Time) int64 {
	return s.Totals(accountSID, resource, from, to).Records
}

func totals[T row](v *view, r *resource[T], dates span) (t Totals) {
	var cost int64
	walk(v, r, dates.lo-r.lag, dates.hi, nil, false, func(row *T) bool {
		if dates.has((*row).dated(v.now)) {
			t.Records++
			t.Quantity += (*row).quantity()
			cost += (*row).charge(v.now)
		}
		return true
	})
	t.Cost = decimal.New(cost, -5)
	return t
}

// apiError is an answer other than 200.
type apiError struct {
	status, code int
	message      string
}

var (
	errCredentials = &apiError{http.StatusUnauthorized, 20003, "Authenticate"}
	errTooMany     = &apiError{http.StatusTooManyRequests, 20429, "Too Many Requests"}
	errMethod      = &apiError{http.StatusMethodNotAllowed, 20004, "Method not allowed"}
)

func errNotFound(path string) *apiError {
	return &apiError{http.StatusNotFound, 20404, "The requested resource " + path + " was not found"}
}

func errParameter(message string) *apiError {
	return &apiError{http.StatusBadRequest, 20001, message}
}

// ServeHTTP answers Twilio's paths, for reading and for the status of a
// subaccount, and the clock.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == clockPath {
		s.serveClock(w, r)
		return
	}
	request := s.requests.Add(1)
	w.Header().Set("Twilio-Request-Id", fmt.Sprintf("RQ%016x%016x", draw(s.world.Seed, 2*request), draw(s.world.Seed, 2*request+1)))
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Date", time.Unix(s.clock.Load(), 0).UTC().Format(http.TimeFormat))

	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	body, fail := s.answer((*buf)[:0], r, request)
	status := http.StatusOK
	if fail != nil {
		status = fail.status
		switch status {
		case http.StatusUnauthorized:
			w.Header().Set("WWW-Authenticate", `Basic realm="Twilio API"`)
		case http.StatusTooManyRequests:
			seconds := (s.faults.RetryAfter + time.Second - 1) / time.Second
			w.Header().Set("Retry-After", strconv.FormatInt(int64(seconds), 10))
		}
		body = fail.appendJSON(body)
	}
	*buf = body
	write(w, r, status, body)
}

func (e *apiError) appendJSON(b []byte) []byte {
	b = append(b, `{"code":`...)
	b = strconv.AppendInt(b, int64(e.code), 10)
	b = append(b, `,"message":`...)
	b = appendString(b, strings.ToValidUTF8(e.message, "?"))
	b = append(b, `,"more_info":"https://www.twilio.com/docs/errors/`...)
	b = strconv.AppendInt(b, int64(e.code), 10)
	b = append(b, `","status":`...)
	b = strconv.AppendInt(b, int64(e.status), 10)
	return append(b, '}')
}

// Buffers and compressors are as large as a page; each request needs one.
var (
	buffers     = sync.Pool{New: func() any { return new([]byte) }}
	compressors = sync.Pool{New: func() any {
		z, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level is valid
		return z
	}}
)

// write sends the body, compressed if the client takes it. A client that has
// gone away is no concern of the stand-in.
func write(w http.ResponseWriter, r *http.Request, status int, body []byte) {
	w.Header().Set("Vary", "Accept-Encoding")
	if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(status)
		w.Write(body)
		return
	}
	w.Header().Set("Content-Encoding", "gzip")
	w.WriteHeader(status)
	z := compressors.Get().(*gzip.Writer)
	defer compressors.Put(z)
	z.Reset(w)
	z.Write(body)
	z.Close()
}

// answer appends the JSON of the resource that the request names.
func (s *Server) answer(b []byte, r *http.Request, request uint64) ([]byte, *apiError) {
	if float64(draw(s.world.Seed^0x429, request)>>11)/(1<<53) < s.faults.Rate429 {
		return b, errTooMany
	}
	read := r.Method == http.MethodGet || r.Method == http.MethodHead
	if read {
		s.mu.RLock()
		defer s.mu.RUnlock()
	} else {
		s.mu.Lock()
		defer s.mu.Unlock()
	}
	now := s.clock.Load()
	caller, ok := s.caller(r, now)
	if !ok {
		return b, errCredentials
	}
	path, isJSON := strings.CutSuffix(r.URL.Path, ".json")
	rest, isAccounts := strings.CutPrefix(path, accountsPath)
	if !isJSON || !isAccounts {
		return b, errNotFound(r.URL.Path)
	}
	parts := strings.Split(rest, "/")[1:]
	if !read && (r.Method != http.MethodPost || len(parts) != 1) {
		return b, errMethod
	}
	if rest == "" {
		return s.accountList(b, r.URL, caller, now)
	}
	records := len(parts) >= 3 && parts[1] == "Usage" && parts[2] == "Records"
	if len(parts) == 0 || len(parts) > 3 && !records {
		return b, errNotFound(r.URL.Path)
	}
	index, ok := s.account(parts[0])
	switch {
	case caller != 0 && parts[0] != s.accounts[caller].sid: // a subaccount reads itself only
		return b, errCredentials
	case !ok || now < s.accounts[index].created:
		return b, errNotFound(r.URL.Path)
	case !read && caller != 0:
		return b, errCredentials
	case !read:
		if fail := s.post(r, index, now); fail != nil {
			return b, fail
		}
		return s.accounts[index].appendJSON(b, &s.accounts[0], now), nil
	case len(parts) == 1:
		return s.accounts[index].appendJSON(b, &s.accounts[0], now), nil
	}
	switch {
	case records && len(parts) == 3:
		return s.usageList(b, index, r.URL, false, now)
	case records && len(parts) == 4 && parts[3] == "Daily":
		return s.usageList(b, index, r.URL, true, now)
	case records:
		return b, errNotFound(r.URL.Path)
	}
	v := s.view(index, now)
	if len(parts) == 3 {
		b, ok = v.instance(b, parts[1], parts[2])
		if !ok {
			return b, errNotFound(r.URL.Path)
		}
		return b, nil
	}
	switch parts[1] {
	case "Calls":
		return list(b, v, &callResource, parts[1], r.URL)
	case "Messages":
		return list(b, v, &messageResource, parts[1], r.URL)
	case "Recordings":
		return list(b, v, &recordingResource, parts[1], r.URL)
	case "Transcriptions":
		return list(b, v, &transcriptionResource, parts[1], r.URL)
	case "IncomingPhoneNumbers":
		return v.numberList(b, r.URL)
	}
	return b, errNotFound(r.URL.Path)
}

// post changes the status of a subaccount to suspended or active, as Twilio does
// for its owner: https://www.twilio.com/docs/iam/api/subaccounts. The usage of
// the world is made in advance and goes on.
func (s *Server) post(r *http.Request, index uint32, now int64) *apiError {
	if err := r.ParseForm(); err != nil {
		return errParameter("The body is not a form")
	}
	a := &s.accounts[index]
	status := r.PostForm.Get("Status")
	switch {
	case status != "suspended" && status != "active":
		return errParameter("Status must be suspended or active")
	case index == 0:
		return &apiError{http.StatusBadRequest, 20001, "The status of the main account cannot be changed"}
	case a.status(now) == "closed":
		return &apiError{http.StatusBadRequest, 21479, "Account is closed and cannot be reopened"}
	case a.status(now) != status:
		a.posted = append(a.posted, change{now, status})
	}
	return nil
}

// caller is the account whose credentials came with the request. Only active
// accounts can use their own.
func (s *Server) caller(r *http.Request, now int64) (uint32, bool) {
	sid, token, ok := r.BasicAuth()
	if !ok {
		return 0, false
	}
	index, ok := s.account(sid)
	if !ok || s.accounts[index].status(now) != "active" {
		return 0, false
	}
	return index, subtle.ConstantTimeCompare([]byte(token), []byte(s.accounts[index].token)) == 1
}

// instance appends one row by its sid.
func (v *view) instance(b []byte, resource, sid string) ([]byte, bool) {
	switch resource {
	case "Calls":
		return instance(b, v, &callResource, sid)
	case "Messages":
		return instance(b, v, &messageResource, sid)
	case "Recordings":
		return instance(b, v, &recordingResource, sid)
	case "Transcriptions":
		return instance(b, v, &transcriptionResource, sid)
	}
	return b, false
}

func instance[T row](b []byte, v *view, r *resource[T], sid string) ([]byte, bool) {
	p, ok := v.open(sid, r.kind)
	if !ok {
		return b, false
	}
	row, ok := find(v, r, p)
	if !ok || row.sid(v) != sid {
		return b, false
	}
	return row.appendJSON(b, v), true
}

// list appends a page of rows.
func list[T row](b []byte, v *view, r *resource[T], name string, u *url.URL) ([]byte, *apiError) {
	q := u.Query()
	p, fail := parsePaging(q)
	if fail != nil {
		return b, fail
	}
	f, fail := parseFilter(name, q)
	if fail != nil {
		return b, fail
	}
	var start *pos
	if p.token != "" {
		at, ok := v.open(p.token, r.kind)
		if !ok || at.account != v.index {
			return b, errPageToken
		}
		start = &at
	}
	rows, more := page(v, r, &f, start, !p.newer, p.size)
	var first, last string
	if len(rows) > 0 {
		first, last = rows[0].sid(v), rows[len(rows)-1].sid(v)
	}
	b = p.appendEnvelope(b, u.Path, name, q, len(rows), more, first, last)
	b = append(b, `,"`...)
	b = append(b, r.key...)
	b = append(b, `":[`...)
	for i := range rows {
		if i > 0 {
			b = append(b, ',')
		}
		b = rows[i].appendJSON(b, v)
	}
	return append(b, "]}"...), nil
}

// appendEnvelope opens the page's object. first and last are the sids of its
// first and last row; more tells whether rows follow in the page's direction.
func (p *paging) appendEnvelope(b []byte, path, name string, q url.Values, rows int, more bool, first, last string) []byte {
	start := p.number * p.size
	end := start + rows - 1
	if rows == 0 {
		start, end = 0, 0
	}
	b = append(b, `{"page":`...)
	b = strconv.AppendInt(b, int64(p.number), 10)
	b = append(b, `,"page_size":`...)
	b = strconv.AppendInt(b, int64(p.size), 10)
	b = append(b, `,"start":`...)
	b = strconv.AppendInt(b, int64(start), 10)
	b = append(b, `,"end":`...)
	b = strconv.AppendInt(b, int64(end), 10)
	b = append(b, `,"uri":`...)
	b = appendURI(b, path, name, q, p.size, p.number, q.Get("PageToken"))
	b = append(b, `,"first_page_uri":`...)
	b = appendURI(b, path, name, q, p.size, 0, "")
	b = append(b, `,"next_page_uri":`...)
	if rows > 0 && (more || p.newer) {
		b = appendURI(b, path, name, q, p.size, p.number+1, "PA"+last)
	} else {
		b = append(b, "null"...)
	}
	b = append(b, `,"previous_page_uri":`...)
	if rows > 0 && p.number > 0 {
		b = appendURI(b, path, name, q, p.size, p.number-1, "PB"+first)
	} else {
		b = append(b, "null"...)
	}
	return b
}

// owned lists the numbers that the account holds now, newest first.
func (v *view) owned() []number {
	list := slices.DeleteFunc(slices.Clone(v.numbers), func(n number) bool {
		return v.now < n.from || v.now >= n.to
	})
	slices.SortStableFunc(list, func(a, b number) int { return cmp.Compare(b.bought, a.bought) })
	return list
}

func (v *view) numberList(b []byte, u *url.URL) ([]byte, *apiError) {
	const name = "IncomingPhoneNumbers"
	q := u.Query()
	p, fail := parsePaging(q)
	if fail != nil {
		return b, fail
	}
	// A part of a number will do, and * stands for any digit.
	digits := regexp.MustCompile(strings.ReplaceAll(regexp.QuoteMeta(q.Get("PhoneNumber")), `\*`, `\d`))
	friendly, origin := q.Get("FriendlyName"), q.Get("Origin")
	rows := slices.DeleteFunc(v.owned(), func(n number) bool {
		return !digits.MatchString(n.e164) || friendly != "" && friendly != n.friendlyName() || origin != "" && origin != "twilio"
	})
	from, to := 0, min(p.size, len(rows))
	if p.token != "" {
		at := slices.IndexFunc(rows, func(n number) bool { return n.sid == p.token })
		switch {
		case at < 0:
			return b, errPageToken
		case p.newer:
			from, to = max(0, at-p.size), at
		default:
			from, to = at+1, min(at+1+p.size, len(rows))
		}
	}
	var first, last string
	if from < to {
		first, last = rows[from].sid, rows[to-1].sid
	}
	b = p.appendEnvelope(b, u.Path, name, q, to-from, to < len(rows), first, last)
	b = append(b, `,"incoming_phone_numbers":[`...)
	for i := from; i < to; i++ {
		if i > from {
			b = append(b, ',')
		}
		b = rows[i].appendJSON(b, v)
	}
	return append(b, "]}"...), nil
}

// accountList appends the accounts in the order of the world: the main account,
// then the subaccounts. To a subaccount it shows only itself.
func (s *Server) accountList(b []byte, u *url.URL, caller uint32, now int64) ([]byte, *apiError) {
	const name = "Accounts"
	q := u.Query()
	p, fail := parsePaging(q)
	if fail != nil {
		return b, fail
	}
	i, step := 0, 1
	if p.token != "" {
		at, ok := s.account(p.token)
		if !ok {
			return b, errPageToken
		}
		if p.newer {
			step = -1
		}
		i = int(at) + step
	}
	var rows []int
	more := false
	for ; i >= 0 && i < len(s.accounts); i += step {
		a := &s.accounts[i]
		status := a.status(now)
		wanted, wantedName := q.Get("Status"), q.Get("FriendlyName")
		if status == "" || wanted != "" && wanted != status || wantedName != "" && wantedName != a.name || caller != 0 && i != int(caller) {
			continue
		}
		if len(rows) == p.size {
			more = true
			break
		}
		rows = append(rows, i)
	}
	if p.newer {
		slices.Reverse(rows)
	}
	var first, last string
	if len(rows) > 0 {
		first, last = s.accounts[rows[0]].sid, s.accounts[rows[len(rows)-1]].sid
	}
	b = p.appendEnvelope(b, u.Path, name, q, len(rows), more, first, last)
	b = append(b, `,"accounts":[`...)
	for n, i := range rows {
		if n > 0 {
			b = append(b, ',')
		}
		b = s.accounts[i].appendJSON(b, &s.accounts[0], now)
	}
	return append(b, "]}"...), nil
}

var accountSubresources = [...][2]string{
	{"addresses", "Addresses"}, {"applications", "Applications"}, {"authorized_connect_apps", "AuthorizedConnectApps"},
	{"available_phone_numbers", "AvailablePhoneNumbers"}, {"balance", "Balance"}, {"calls", "Calls"},
	{"conferences", "Conferences"}, {"connect_apps", "ConnectApps"}, {"incoming_phone_numbers", "IncomingPhoneNumbers"},
	{"keys", "Keys"}, {"messages", "Messages"}, {"notifications", "Notifications"},
	{"outgoing_caller_ids", "OutgoingCallerIds"}, {"queues", "Queues"}, {"recordings", "Recordings"},
	{"short_codes", "SMS/ShortCodes"}, {"signing_keys", "SigningKeys"}, {"sip", "SIP"},
	{"transcriptions", "Transcriptions"}, {"usage", "Usage"},
}

func (a *account) appendJSON(b []byte, main *account, now int64) []byte {
	b = append(b, `{"auth_token":`...)
	b = appendString(b, a.token)
	b = append(b, `,"date_created":`...)
	b = appendDate(b, a.created)
	b = append(b, `,"date_updated":`...)
	b = appendDate(b, a.latest(now).at)
	b = append(b, `,"friendly_name":`...)
	b = appendString(b, a.name)
	b = append(b, `,"owner_account_sid":"`...)
	b = append(b, main.sid...)
	b = append(b, `","sid":"`...)
	b = append(b, a.sid...)
	b = append(b, `","status":"`...)
	b = append(b, a.status(now)...)
	b = append(b, `","subresource_uris":{`...)
	for i, sub := range accountSubresources {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = append(b, sub[0]...)
		b = append(b, `":"`+accountsPath+`/`...)
		b = append(b, a.sid...)
		b = append(b, '/')
		b = append(b, sub[1]...)
		b = append(b, `.json"`...)
	}
	b = append(b, `},"type":"Full","uri":"`+accountsPath+`/`...)
	b = append(b, a.sid...)
	return append(b, `.json"}`...)
}

// serveClock shows and sets the world's clock. It is the stand-in's own, so it
// needs no credentials.
func (s *Server) serveClock(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodPut:
		text, err := io.ReadAll(io.LimitReader(r.Body, 100))
		var t time.Time
		if err == nil {
			t, err = time.Parse(time.RFC3339, strings.TrimSpace(string(text)))
		}
		if err != nil {
			http.Error(w, "set the clock: send a time like 2026-10-31T00:00:00Z", http.StatusBadRequest)
			return
		}
		s.SetNow(t)
	default:
		w.Header().Set("Allow", "GET, HEAD, PUT")
		http.Error(w, "the clock takes GET and PUT", http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	io.WriteString(w, time.Unix(s.clock.Load(), 0).UTC().Format(time.RFC3339))
}
