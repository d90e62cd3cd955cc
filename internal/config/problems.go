package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"subtally/pricing"
)

// Problem is one thing wrong in the configuration.
type Problem struct {
	File string `json:"file"`
	Line int    `json:"line,omitempty"` // counting from 1; 0 where the whole file is meant
	Path string `json:"path,omitempty"` // such as "charges[2].per_minute.deck"; empty at the top of a file and in a rate deck
	Text string `json:"message"`
}

// String is "file:line: path: message", without the parts that are empty.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	b.WriteString(": ")
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.Text)
	return b.String()
}

// Problems is the error of [Load]: everything wrong in the configuration,
// ordered by file and line.
type Problems struct {
	List []Problem
}

// Error is one problem a line.
func (p *Problems) Error() string {
	lines := make([]string, len(p.List))
	for i, problem := range p.List {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

func (p *Problems) add(problem Problem) { p.List = append(p.List, problem) }

// in adds what is wrong in one file that is no YAML.
func (p *Problems) in(file string, list []pricing.Problem) {
	for _, problem := range list {
		p.add(Problem{File: file, Line: problem.Line, Text: problem.Text})
	}
}

// ProblemsIn is what is wrong in one file that is no YAML, as a [*Problems];
// nil where the list is empty.
func ProblemsIn(file string, list []pricing.Problem) error {
	var p Problems
	p.in(file, list)
	return p.err()
}

// err is p in order, or nil when there is no problem.
func (p *Problems) err() error {
	if len(p.List) == 0 {
		return nil
	}
	slices.SortStableFunc(p.List, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	return p
}
