package twiliosim

import (
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// filter is what a list request asks for.
type filter struct {
	dated, end               span // of StartTime, DateSent or DateCreated; and of EndTime
	to, from, status, parent string
	call                     string
	deleted                  bool // IncludeSoftDeleted
	conference               bool // of a conference: this world has none
}

// span is the half-open range [lo, hi) of Unix seconds. A row without a date
// lies in any span but a narrowed one.
type span struct{ lo, hi int64 }

var anyTime = span{math.MinInt64, never}

func (s span) has(t int64) bool { return s == anyTime || t != never && s.lo <= t && t < s.hi }

func (f *filter) matches(dated, ended int64) bool {
	return f.dated.has(dated) && f.end.has(ended) && !f.conference
}

// bounds are the creation times of the slots whose rows can match: dates follow
// a slot's creation by lag at most.
func (f *filter) bounds(lag int64) (lo, hi int64) {
	lo, hi = f.dated.lo, min(f.dated.hi, f.end.hi)
	if lo != math.MinInt64 {
		lo -= lag
	}
	if f.end.lo != math.MinInt64 {
		lo = max(lo, f.end.lo-maxQueue-2*maxRing-maxTalk)
	}
	return lo, hi
}

// upper is what "name<" takes in. Twilio documents the bound differently for
// each resource.
type upper int

const (
	beforeDate upper = iota // calls: before the date
	throughDay              // messages: on and before the date
	toMidnight              // recordings: on or before midnight of the date
)

// narrow reads the parameters name, "name<" and "name>". Their values are dates
// in UTC or RFC 3339 times.
func (s *span) narrow(q url.Values, name string, bound upper) *apiError {
	*s = anyTime
	for _, op := range []string{"", "<", ">"} {
		value := q.Get(name + op)
		if value == "" {
			continue
		}
		length := day
		t, err := time.Parse(time.DateOnly, value)
		if err != nil {
			length = 1
			t, err = time.Parse(time.RFC3339, value)
		}
		if err != nil {
			return errParameter("Invalid date value for " + name + op)
		}
		from := t.Unix()
		switch op {
		case "":
			s.lo, s.hi = max(s.lo, from), min(s.hi, from+length)
		case ">":
			s.lo = max(s.lo, from)
		case "<":
			hi := from
			switch bound {
			case throughDay:
				hi = from + length
			case toMidnight:
				hi = from + 1
			}
			s.hi = min(s.hi, hi)
		}
	}
	return nil
}

// listParams are the parameters that a list takes besides those of paging, in
// the order in which its uris repeat them. All others are ignored.
var listParams = map[string][]string{
	"Accounts":             {"FriendlyName", "Status"},
	"Calls":                {"To", "From", "ParentCallSid", "Status", "StartTime", "StartTime<", "StartTime>", "EndTime", "EndTime<", "EndTime>"},
	"Messages":             {"To", "From", "DateSent", "DateSent<", "DateSent>"},
	"Recordings":           {"DateCreated", "DateCreated<", "DateCreated>", "CallSid", "ConferenceSid", "IncludeSoftDeleted"},
	"Transcriptions":       {},
	"IncomingPhoneNumbers": {"Beta", "FriendlyName", "PhoneNumber", "Origin"},
	"UsageRecords":         {"Category", "StartDate", "EndDate", "IncludeSubaccounts"},
}

func parseFilter(name string, q url.Values) (f filter, fail *apiError) {
	f.dated, f.end = anyTime, anyTime
	switch name {
	case "Calls":
		f.to, f.from, f.status, f.parent = q.Get("To"), q.Get("From"), q.Get("Status"), q.Get("ParentCallSid")
		if fail = f.dated.narrow(q, "StartTime", beforeDate); fail == nil {
			fail = f.end.narrow(q, "EndTime", beforeDate)
		}
	case "Messages":
		f.to, f.from = q.Get("To"), q.Get("From")
		fail = f.dated.narrow(q, "DateSent", throughDay)
	case "Recordings":
		f.call, f.conference = q.Get("CallSid"), q.Get("ConferenceSid") != ""
		f.deleted = strings.EqualFold(q.Get("IncludeSoftDeleted"), "true")
		fail = f.dated.narrow(q, "DateCreated", toMidnight)
	}
	return f, fail
}

// paging is the part of a list request that walks its pages.
type paging struct {
	size, number int
	token        string // sid of the row to go on after; empty for the first page
	newer        bool   // to the rows before it: the page is a previous one
}

func parsePaging(q url.Values) (paging, *apiError) {
	p := paging{size: 50}
	var err error
	if s := q.Get("PageSize"); s != "" {
		if p.size, err = strconv.Atoi(s); err != nil {
			return p, errParameter("PageSize must be a number")
		}
		p.size = max(1, min(p.size, 1000))
	}
	if s := q.Get("Page"); s != "" {
		if p.number, err = strconv.Atoi(s); err != nil || p.number < 0 {
			return p, errParameter("Page must be a number")
		}
	}
	switch token := q.Get("PageToken"); {
	case token == "":
		if p.number > 0 {
			return p, errParameter("Page needs the PageToken of next_page_uri")
		}
	case strings.HasPrefix(token, "PA"), strings.HasPrefix(token, "PB"):
		p.token, p.newer = token[2:], token[1] == 'B'
	default:
		return p, errPageToken
	}
	return p, nil
}

var errPageToken = errParameter("Invalid PageToken")

// appendURI writes the host-relative uri of a page as a JSON string, operators
// percent-encoded as Twilio does (StartTime%3E=...).
func appendURI(b []byte, path, name string, q url.Values, size, number int, token string) []byte {
	b = append(b, '"')
	b = append(b, path...)
	b = append(b, '?')
	for _, param := range listParams[name] {
		if value := q.Get(param); value != "" {
			b = append(b, url.QueryEscape(param)...)
			b = append(b, '=')
			b = append(b, url.QueryEscape(value)...)
			b = append(b, '&')
		}
	}
	b = append(b, "PageSize="...)
	b = strconv.AppendInt(b, int64(size), 10)
	b = append(b, "&Page="...)
	b = strconv.AppendInt(b, int64(number), 10)
	if token != "" {
		b = append(b, "&PageToken="...)
		b = append(b, token...)
	}
	return append(b, '"')
}
