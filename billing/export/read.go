package export

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/bojanz/currency"
	"github.com/go-faster/city"
	"github.com/shopspring/decimal"

	"subtally/billing"
	"subtally/pricing"
)

// UsageError is everything wrong in a usage file.
type UsageError struct {
	Problems []pricing.Problem // ordered by line, at most maxProblems
	Total    int               // of problems, those left out among them
}

// maxProblems is how many problems of a file are listed. Nobody reads more, and
// a file with a wrong column has one on every line.
const maxProblems = 100

// Error is one problem a line.
func (e *UsageError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = fmt.Sprintf("line %d: %s", p.Line, p.Text)
	}
	return strings.Join(lines, "\n")
}

// ReadUsage reads usage records as [Usage] writes them and calls each with
// every one and the line that it begins on, counting from 1; the record is
// reused between calls. The name of the file says what it is: NAME.csv with a
// header, or NAME.ndjson (NAME.jsonl), a JSON object a line with the columns as
// keys; with .gz behind it, compressed.
//
// Only kind and quantity have to be there. A cost may be negative, as a refund
// is, and a quantity not. A record without a time is taken to
// start at noon of the period's first day, and one without a status to have one
// that is charged for; one without a direction is outbound where its kind has
// directions. One without a sid is called after its line, as "line-7", and one
// without an account belongs to "AC". Columns that a record does not follow
// from, such as amount, are ignored, but unit must be the one that quantities
// of the kind are in.
//
// The error is a [*UsageError] where something is wrong in the file, a record
// that stands there twice above all; each may have been called by then. The
// memory that it takes does not grow with the file but for 16 bytes a record.
func ReadUsage(r io.Reader, name string, p billing.Period, each func(line int, rec *pricing.Record) error) error {
	loc, err := time.LoadLocation(p.TimeZone)
	if err != nil {
		return fmt.Errorf("read usage: time zone %q: %w", p.TimeZone, err)
	}
	u := &usageReader{each: each, noon: time.Date(p.From.Year, p.From.Month, p.From.Day, 12, 0, 0, 0, loc)}
	base, compressed := strings.CutSuffix(strings.ToLower(name), ".gz")
	if compressed {
		unzip, err := gzip.NewReader(r)
		if err != nil {
			return fmt.Errorf("read usage: %w", err)
		}
		r = unzip
	}
	in := bufio.NewReaderSize(r, 1<<16)
	if mark, _ := in.Peek(len(byteOrderMark)); string(mark) == byteOrderMark {
		in.Discard(len(mark)) //nolint:errcheck // just peeked
	}
	switch filepath.Ext(base) {
	case ".csv":
		err = u.csv(in)
	case ".ndjson", ".jsonl":
		err = u.json(in)
	default:
		u.problems.add(0, "the name must end in .csv, .ndjson or .jsonl, with or without .gz")
	}
	if err != nil {
		return fmt.Errorf("read usage: %w", err)
	}
	u.duplicates()
	return u.problems.err()
}

// byteOrderMark is what spreadsheets put before CSV.
const byteOrderMark = "\xef\xbb\xbf"

// err is e in order, or nil when there is no problem.
func (e *UsageError) err() error {
	if e.Total == 0 {
		return nil
	}
	slices.SortStableFunc(e.Problems, func(a, b pricing.Problem) int { return cmp.Compare(a.Line, b.Line) })
	return e
}

func (e *UsageError) add(line int, format string, args ...any) {
	if e.Total++; len(e.Problems) < maxProblems {
		e.Problems = append(e.Problems, pricing.Problem{Line: line, Text: fmt.Sprintf(format, args...)})
	}
}

// usageColumns are what a usage file may have.
var usageColumns = UsageTable.Names()

type usageReader struct {
	each     func(line int, rec *pricing.Record) error
	noon     time.Time
	row      usageRow
	seen     []identity
	problems UsageError
}

// identity is a record by a hash of its account and sid. Two of 10 million
// records share 96 bits by chance once in 10^15 files.
type identity struct {
	low  uint64
	high uint32
	line uint32
}

// usageRow is a record as text; a value that is not given is empty.
type usageRow struct {
	account, kind, sid, category, parentSID, startedAt string
	direction, status, from, to                        string
	quantity, unit, cost, costCurrency                 string
	ignored                                            string
}

// column is where the value of a column belongs; nil for one that is not known.
func (r *usageRow) column(name string) *string {
	switch name {
	case "account":
		return &r.account
	case "kind":
		return &r.kind
	case "sid":
		return &r.sid
	case "category":
		return &r.category
	case "parent_sid":
		return &r.parentSID
	case "started_at":
		return &r.startedAt
	case "direction":
		return &r.direction
	case "status":
		return &r.status
	case "from":
		return &r.from
	case "to":
		return &r.to
	case "quantity":
		return &r.quantity
	case "unit":
		return &r.unit
	case "cost":
		return &r.cost
	case "cost_currency":
		return &r.costCurrency
	}
	if slices.Contains(usageColumns, name) {
		return &r.ignored
	}
	return nil
}

func (u *usageReader) csv(r io.Reader) error {
	in := csv.NewReader(r)
	in.FieldsPerRecord = -1
	in.ReuseRecord = true
	header, err := in.Read()
	if errors.Is(err, io.EOF) || isParseError(err) {
		u.problems.add(1, "a usage file needs a header line, such as kind,quantity,to; it may have %s", strings.Join(usageColumns, ", "))
		return nil
	}
	if err != nil {
		return err
	}
	columns := make([]*string, len(header))
	first := map[string]bool{}
	for i, name := range header {
		name = strings.ToLower(strings.TrimSpace(name))
		if columns[i] = u.row.column(name); columns[i] == nil {
			u.problems.add(1, "unknown column %q; a usage file has %s", name, strings.Join(usageColumns, ", "))
		} else if first[name] {
			u.problems.add(1, "column %q stands twice", name)
		}
		first[name] = true
	}
	for _, name := range []string{"kind", "quantity"} {
		if !first[name] {
			u.problems.add(1, "column %q is missing", name)
		}
	}
	if u.problems.Total > 0 {
		return nil
	}
	for {
		fields, err := in.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if parse := (*csv.ParseError)(nil); errors.As(err, &parse) {
			u.problems.add(parse.Line, "%v", parse.Err)
			continue
		}
		if err != nil {
			return err
		}
		line, _ := in.FieldPos(0)
		if len(fields) != len(columns) {
			u.problems.add(line, "%d fields where the header has %d", len(fields), len(columns))
			continue
		}
		for i, field := range fields {
			*columns[i] = field
		}
		if err := u.record(line); err != nil {
			return err
		}
	}
}

func isParseError(err error) bool {
	var parse *csv.ParseError
	return errors.As(err, &parse)
}

// maxJSONLine bounds what is surely no usage record.
const maxJSONLine = 1 << 20

func (u *usageReader) json(r io.Reader) error {
	in := bufio.NewScanner(r)
	in.Buffer(nil, maxJSONLine)
	line := 0
	for in.Scan() {
		line++
		text := bytes.TrimSpace(in.Bytes())
		if len(text) == 0 {
			continue
		}
		u.row = usageRow{}
		if err := u.object(text); err != nil {
			u.problems.add(line, "%v", err)
			continue
		}
		if err := u.record(line); err != nil {
			return err
		}
	}
	if errors.Is(in.Err(), bufio.ErrTooLong) {
		u.problems.add(line+1, "the line is longer than %d MiB; give each record a line of its own", maxJSONLine>>20)
		return nil
	}
	return in.Err()
}

// object fills the row from a line of NDJSON. It goes by tokens: decoding into
// a struct would let a key that stands twice pass.
func (u *usageReader) object(text []byte) error {
	if !utf8.Valid(text) { // which the decoder would mend in silence
		return errNotUTF8
	}
	in := json.NewDecoder(bytes.NewReader(text))
	in.UseNumber()
	if open, err := in.Token(); err != nil || open != json.Delim('{') {
		return errors.New(`not a JSON object such as {"kind": "call", "quantity": 60}`)
	}
	given := make([]string, 0, len(usageColumns))
	for in.More() {
		token, err := in.Token()
		if err != nil {
			return invalid(err)
		}
		key := token.(string) // or the decoder had complained
		at := u.row.column(key)
		if at == nil {
			return fmt.Errorf("unknown key %q; a usage record has %s", key, strings.Join(usageColumns, ", "))
		}
		if slices.Contains(given, key) {
			return fmt.Errorf("key %q stands twice", key)
		}
		given = append(given, key)
		value, err := in.Token()
		if err != nil {
			return invalid(err)
		}
		switch v := value.(type) {
		case nil:
		case string:
			*at = v
		case json.Number:
			if at != &u.row.quantity && at != &u.row.cost && at != &u.row.ignored {
				return fmt.Errorf("%s must be text in quotes, not the number %s", key, v)
			}
			*at = v.String()
		default:
			return fmt.Errorf("%s must be text or a number", key)
		}
	}
	if _, err := in.Token(); err != nil {
		return invalid(err)
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the object; give each record a line of its own")
	}
	return nil
}

func invalid(err error) error {
	if errors.Is(err, io.EOF) {
		err = errors.New("the object does not end")
	}
	return fmt.Errorf("not valid JSON: %w", err)
}

var errNotUTF8 = errors.New("not UTF-8; save the file in that encoding")

// chargedStatus is what a record is taken to have that has no status of its
// own: one that is charged for.
var chargedStatus = map[pricing.Kind]string{
	pricing.Call: "completed", pricing.SMS: "delivered", pricing.MMS: "delivered", pricing.WhatsApp: "delivered",
	pricing.Recording: "completed", pricing.Transcription: "completed", pricing.Number: "held", pricing.Other: "counted",
}

// directed are the kinds whose records have a direction.
var directed = []pricing.Kind{pricing.Call, pricing.SMS, pricing.MMS, pricing.WhatsApp}

// directionForm is a direction as Twilio words it, or the plain words.
var directionForm = regexp.MustCompile(`^(inbound|outbound(-[a-z]+)*|trunking-(originating|terminating))$`)

// record checks the row and hands it on. The error is that of each.
func (u *usageReader) record(line int) error {
	row, found := &u.row, u.problems.Total
	for _, value := range []*string{
		&row.account, &row.kind, &row.sid, &row.category, &row.parentSID, &row.startedAt,
		&row.direction, &row.status, &row.from, &row.to, &row.quantity, &row.unit, &row.cost, &row.costCurrency,
	} {
		*value = strings.TrimSpace(*value)
		if !utf8.ValidString(*value) {
			u.problems.add(line, "%v", errNotUTF8)
			return nil
		}
		// CSV cannot hold every one of them, and no value of Twilio's has any.
		if strings.Contains(*value, "\r") {
			u.problems.add(line, "%q holds a carriage return", *value)
			return nil
		}
	}
	kind := pricing.Kind(row.kind)
	if !slices.Contains(pricing.Kinds, kind) {
		what := fmt.Sprintf("%q is not a kind of usage", row.kind)
		if kind == "" {
			what = "the kind is missing"
		}
		u.problems.add(line, "%s; use one of %v", what, pricing.Kinds)
		return nil // what follows depends on it
	}
	rec := pricing.Record{
		Account: cmp.Or(row.account, "AC"), SID: row.sid, ParentSID: row.parentSID, Kind: kind, Category: row.category,
		Direction: row.direction, Status: row.status, From: row.from, To: row.to,
		StartedAt: u.noon, Currency: row.costCurrency,
	}
	if rec.SID == "" {
		rec.SID = fmt.Sprintf("line-%d", line)
	}
	if rec.Direction == "" && slices.Contains(directed, kind) {
		rec.Direction = string(pricing.Outbound)
	}
	if rec.Direction != "" && !directionForm.MatchString(rec.Direction) {
		u.problems.add(line, "%q is not a direction; use inbound or outbound, or Twilio's word for it", rec.Direction)
	}
	if rec.Status == "" {
		rec.Status = chargedStatus[kind]
	}
	if !slices.Contains(kind.Statuses(), rec.Status) {
		u.problems.add(line, "%q is not a status of a %s; use one of %v", rec.Status, kind, kind.Statuses())
	}
	if row.unit != "" && row.unit != string(kind.Unit()) {
		u.problems.add(line, "unit %q: the quantity of a %s is in the unit %s", row.unit, kind, kind.Unit())
	}
	var err error
	if row.startedAt != "" {
		if rec.StartedAt, err = parseTime(row.startedAt); err != nil {
			u.problems.add(line, "started_at %v", err)
		}
	}
	if row.quantity == "" {
		u.problems.add(line, "the quantity is missing; that of a %s is in the unit %s", kind, kind.Unit())
	} else if rec.Quantity, err = parseExact(row.quantity, quantityPlaces); err != nil {
		u.problems.add(line, "quantity %v", err)
	} else if rec.Quantity.IsNegative() {
		u.problems.add(line, "quantity %s is negative", row.quantity)
	} else if kind == pricing.Number && !rec.Quantity.IsInteger() {
		u.problems.add(line, "quantity %s: a number is held for whole days", row.quantity)
	} else if kind.Unit() == pricing.Second && rec.Quantity.GreaterThan(maxSeconds) {
		u.problems.add(line, "quantity %s: nothing lasts for more than %s seconds", row.quantity, maxSeconds)
	}
	if row.costCurrency != "" && !currency.IsValid(row.costCurrency) {
		u.problems.add(line, "cost_currency %q is not an ISO 4217 currency code such as USD", row.costCurrency)
	}
	if row.cost != "" {
		rec.Cost.Valid = true
		if rec.Cost.Decimal, err = parseExact(row.cost, costPlaces); err != nil {
			u.problems.add(line, "cost %v", err)
		}
		if row.costCurrency == "" {
			u.problems.add(line, "the cost has no cost_currency")
		}
	}
	if int64(line) > math.MaxUint32 {
		return fmt.Errorf("more than %d lines; split the file", int64(math.MaxUint32))
	}
	hash := city.CH128([]byte(rec.Account + "\x00" + rec.SID))
	u.seen = append(u.seen, identity{hash.Low, uint32(hash.High), uint32(line)})
	if u.problems.Total > found {
		return nil
	}
	return u.each(line, &rec)
}

// duplicates reports every record that stands in the file more than once. The
// tenant would be billed for it as often.
func (u *usageReader) duplicates() {
	slices.SortFunc(u.seen, func(a, b identity) int {
		return cmp.Or(cmp.Compare(a.low, b.low), cmp.Compare(a.high, b.high), cmp.Compare(a.line, b.line))
	})
	type again struct{ line, first uint32 }
	var found []again
	first := 0
	for i, id := range u.seen {
		if f := u.seen[first]; id.low != f.low || id.high != f.high {
			first = i
		} else if i > first {
			found = append(found, again{id.line, f.line})
		}
	}
	slices.SortFunc(found, func(a, b again) int { return cmp.Compare(a.line, b.line) })
	for _, d := range found {
		u.problems.add(int(d.line), "the record of line %d stands here again, with the same account and sid; it would be billed twice", d.first)
	}
}

// Decimals that a usage file may have, as many as stored usage.
const (
	quantityPlaces = 6
	costPlaces     = 8
)

// wholeDigits is how many digits a number may have before the point. They are
// more than stored usage has: a forecast for many tenants has larger sums.
const wholeDigits = 18

// maxSeconds is some three centuries, to keep a slip from being priced minute by
// minute.
var maxSeconds = decimal.New(1, 10)

var exactForm = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]{1,18})?$`)

// parseExact reads a plain decimal.
func parseExact(text string, places int32) (decimal.Decimal, error) {
	if !exactForm.MatchString(text) {
		return decimal.Decimal{}, fmt.Errorf("%q is not a plain decimal number such as 0.0125", text)
	}
	if whole, _, _ := strings.Cut(text, "."); len(strings.TrimPrefix(whole, "-")) > wholeDigits {
		return decimal.Decimal{}, fmt.Errorf("%s has more than %d digits before the point", text, wholeDigits)
	}
	d := decimal.RequireFromString(text)
	if !d.Equal(d.Truncate(places)) {
		return decimal.Decimal{}, fmt.Errorf("%s has more than %d decimals", text, places)
	}
	return d, nil
}

// parseTime reads an instant of a year that RFC 3339 can also write in UTC.
func parseTime(text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, text)
	if year := t.UTC().Year(); err != nil || year < 1 || year > 9999 {
		return t, fmt.Errorf("%q is not a time such as 2026-10-05T10:00:00Z or 2026-10-05T12:00:00+02:00", text)
	}
	return t, nil
}
