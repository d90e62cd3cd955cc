package pricing

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// sheet reads a CSV file with a header row by row, and collects what is wrong
// in it.
type sheet struct {
	in       *csv.Reader
	width    int      // fields of the header
	at       []int    // the field in which each column stands; -1 where the file lacks it
	fields   []string // of the row at hand
	line     int      // on which the row at hand begins
	problems []Problem
}

// openSheet reads the header of a file that has the columns given, of which
// the first so many are required. names are the file's own names of columns;
// others go by ours. Only a file without such names must have no other column.
func openSheet(r io.Reader, columns []string, required int, names map[string]string) *sheet {
	s := &sheet{in: csv.NewReader(withoutBOM(r)), line: 1, at: slices.Repeat([]int{-1}, len(columns))}
	s.in.FieldsPerRecord = -1
	s.in.ReuseRecord = true
	header, err := s.in.Read()
	if err == io.EOF {
		s.bad("the header line is missing: %s", strings.Join(columns, ","))
		return s
	}
	if err != nil {
		s.unreadable(err)
		return s
	}
	s.width = len(header)
	s.line, _ = s.in.FieldPos(0)

	// A column of the file that stands for one of ours by name does not stand
	// for another that is called so.
	ours := map[string][]int{}
	for i, column := range columns {
		if name, named := names[column]; named {
			ours[foldName(name)] = append(ours[foldName(name)], i)
		}
	}
	for i, column := range columns {
		if _, named := names[column]; !named && ours[column] == nil {
			ours[column] = []int{i}
		}
	}
	for field, name := range header {
		for n, i := range ours[foldName(name)] {
			if n == 0 && s.at[i] >= 0 {
				s.bad("column %q stands twice", foldName(name))
			}
			s.at[i] = field
		}
		if len(names) == 0 && ours[foldName(name)] == nil {
			s.bad("unknown column %q; the columns are %s", foldName(name), strings.Join(columns, ", "))
		}
	}
	for i, column := range columns {
		if name, named := names[column]; named && s.at[i] < 0 {
			s.bad("column %q is missing, which is to be the %s; the file has %q", name, column, header)
		} else if i < required && s.at[i] < 0 {
			s.bad("column %q is missing", column)
		}
	}
	return s
}

// foldName is a column's name as it is compared.
func foldName(name string) string { return strings.ToLower(strings.TrimSpace(name)) }

// withoutBOM drops the byte order mark that spreadsheets put before CSV.
func withoutBOM(r io.Reader) io.Reader {
	b := bufio.NewReader(r)
	if mark, _ := b.Peek(3); string(mark) == "\xef\xbb\xbf" {
		b.Discard(3) //nolint:errcheck // these have just been read
	}
	return b
}

// next goes on to the next row that can be read and is not blank.
func (s *sheet) next() bool {
	for {
		fields, err := s.in.Read()
		if err == io.EOF {
			return false
		}
		if err != nil {
			if !s.unreadable(err) {
				return false
			}
			continue
		}
		if !slices.ContainsFunc(fields, func(f string) bool { return strings.TrimSpace(f) != "" }) {
			continue
		}
		s.line, _ = s.in.FieldPos(0)
		if len(fields) != s.width {
			s.bad("%d fields where the header has %d", len(fields), s.width)
			continue
		}
		s.fields = fields
		return true
	}
}

// unreadable reports why a row cannot be read, and answers whether the reader
// can go on after it.
func (s *sheet) unreadable(err error) bool {
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		s.badAt(parse.StartLine, "%v", parse.Err)
		return true
	}
	s.badAt(0, "%v", err)
	return false
}

// get is what the row has in a column; empty where the file lacks it.
func (s *sheet) get(column int) string {
	if s.at[column] < 0 {
		return ""
	}
	return strings.TrimSpace(s.fields[s.at[column]])
}

// bad reports a problem of the row at hand.
func (s *sheet) bad(format string, args ...any) { s.badAt(s.line, format, args...) }

func (s *sheet) badAt(line int, format string, args ...any) {
	s.problems = append(s.problems, Problem{Line: line, Text: fmt.Sprintf(format, args...)})
}

// wrong is everything that was reported, by line; nil when nothing was.
func (s *sheet) wrong() []Problem {
	slices.SortStableFunc(s.problems, func(a, b Problem) int { return a.Line - b.Line })
	return s.problems
}
