package render

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"subtally/billing"
	"subtally/templates"
)

func statementHTML(t testing.TB, st *billing.Statement) string {
	t.Helper()
	var b bytes.Buffer
	if err := StatementHTML(&b, st, layout(t)); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestGoldenHTML(t *testing.T) {
	for name, st := range statements(t) {
		t.Run(name, func(t *testing.T) {
			got := statementHTML(t, st)
			if again := statementHTML(t, st); again != got {
				t.Error("the same statement gives another page")
			}
			path := filepath.Join("testdata", name+".html")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("the page (-want +got); if it is right, run the test with -update:\n%s", diff)
			}
		})
	}
}

// walk visits an element and all in it.
func walk(n *html.Node, visit func(*html.Node)) {
	visit(n)
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		walk(c, visit)
	}
}

func parsePage(t *testing.T, page string) *html.Node {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// content is the text in an element.
func content(n *html.Node) string {
	var b strings.Builder
	walk(n, func(c *html.Node) {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
		}
	})
	return b.String()
}

// The page holds all that it needs, and forbids the rest: the policy allows its
// own style and nothing else.
func TestSelfContained(t *testing.T) {
	page := statementHTML(t, statements(t)["statement"])
	var policy, style string
	tables, ids := 0, map[string]bool{}
	walk(parsePage(t, page), func(n *html.Node) {
		if n.Type != html.ElementNode {
			return
		}
		switch n.Data {
		case "script", "link", "img", "iframe", "object", "embed", "form", "base", "a":
			t.Errorf("the page has an element %s", n.Data)
		case "meta":
			if attribute(n, "http-equiv") == "Content-Security-Policy" {
				policy = attribute(n, "content")
			}
		case "style":
			style = content(n)
		case "html":
			if attribute(n, "lang") != "en" {
				t.Errorf("the page is in language %q", attribute(n, "lang"))
			}
		case "table":
			tables++
			if n.FirstChild.NextSibling.Data != "caption" {
				t.Error("a table has no caption")
			}
		case "th":
			if s := attribute(n, "scope"); s != "col" && s != "row" {
				t.Errorf("the head %q has the scope %q", content(n), s)
			}
		}
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "src" || a.Key == "href" {
				t.Errorf("%s has the attribute %s", n.Data, a.Key)
			}
			if a.Key == "id" {
				if ids[a.Val] {
					t.Errorf("two elements have the id %s", a.Val)
				}
				ids[a.Val] = true
			}
		}
	})
	sum := sha256.Sum256([]byte(style))
	want := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'"
	if policy != want {
		t.Errorf("the policy is %s, want %s", policy, want)
	}
	if tables < 9 {
		t.Errorf("%d tables", tables)
	}
	if strings.Contains(style, "url(") || strings.Contains(style, "@import") {
		t.Error("the style asks for another file")
	}
}

// What the PDF says the page says too, cell by cell.
func TestPageSaysWhatThePDFSays(t *testing.T) {
	st := statements(t)["statement"]
	sh, err := newSheet(st, layout(t))
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string][][]string{} // by section
	walk(parsePage(t, statementHTML(t, st)), func(n *html.Node) {
		if n.Type != html.ElementNode || n.Data != "section" {
			return
		}
		walk(n, func(row *html.Node) {
			if row.Data != "tr" || row.Parent.Data != "tbody" {
				return
			}
			var cells []string
			walk(row, func(c *html.Node) {
				if c.Data == "td" || c.Data == "th" {
					cells = append(cells, content(c))
				}
			})
			rows[attribute(n, "id")] = append(rows[attribute(n, "id")], cells)
		})
	})
	for _, s := range sh.Sections {
		var want [][]string
		for _, r := range s.Rows {
			var cells []string
			for _, c := range r.Cells {
				cells = append(cells, strings.Join(append([]string{c.Text}, c.Small...), " "))
			}
			want = append(want, cells)
			if r.Note != "" {
				want = append(want, []string{r.Note})
			}
		}
		if diff := cmp.Diff(want, rows[s.ID]); diff != "" {
			t.Errorf("section %s (-want +got):\n%s", s.ID, diff)
		}
	}
}

// hostile is what names may hold that others choose.
var hostile = []string{
	`<script>alert(1)</script>`, `</style><script>alert(1)</script>`, `</title><script>alert(1)</script>`, `"><script>alert(1)</script>`,
	`'><img src=x onerror=alert(1)>`, `<img src=x onerror=alert(1)>`, `<svg onload=alert(1)>`, `</svg><script>alert(1)</script>`,
	`<iframe src="javascript:alert(1)">`, `<a href="javascript:alert(1)">x</a>`, `" onmouseover="alert(1)`, `' onfocus='alert(1)' autofocus='`,
	"` onload=alert(1) `", `<body onload=alert(1)>`, `<meta http-equiv="refresh" content="0;url=https://example.com">`, `<link rel=stylesheet href=//example.com>`,
	`<base href="https://example.com/">`, `<form action=//example.com><input>`, `<object data=x>`, `<embed src=x>`, `<!--`, `-->`, `<![CDATA[<script>alert(1)</script>]]>`,
	`{{.Policy}}`, `{{template "x"}}`, `&lt;script&gt;alert(1)&lt;/script&gt;`, `&#60;script&#62;`, "<scr\x00ipt>alert(1)</script>", "\u202E<script>tpircs\u202C", "\xff<script>\xfe",
	`</td></tr></table><script>alert(1)</script>`, `<style>*{display:none}</style>`, `</caption><h1>`, `<template><script>alert(1)</script></template>`, `<math><mtext><script>`, `javascript:alert(1)`,
	"<plaintext>", `<textarea>`, `expression(alert(1))`, `url(https://example.com)`,
}

// skeleton is the elements of a page with their attributes' names.
func skeleton(t *testing.T, page string) string {
	var b strings.Builder
	walk(parsePage(t, page), func(n *html.Node) {
		if n.Type != html.ElementNode && n.Type != html.CommentNode {
			return
		}
		fmt.Fprintf(&b, "%s", n.Data)
		for _, a := range n.Attr {
			fmt.Fprintf(&b, " %s", a.Key)
		}
		b.WriteString("\n")
	})
	return b.String()
}

// hostileStatement has s wherever others may write.
func hostileStatement(t *testing.T, s string) *billing.Statement {
	st := statements(t)["statement"]
	st.Seller.Name, st.Seller.Address, st.Seller.Email = s, []string{s, s}, s
	st.MainAccount.Name, st.Period.TimeZone = s, s
	for i := range st.Tenants {
		r := &st.Tenants[i]
		r.Name, r.Tenant, r.Reason = s, fmt.Sprint(s, i), s
		if r.Number != "" {
			r.Number = s
		}
	}
	for i := range st.Unassigned {
		st.Unassigned[i].Account.Name, st.Unassigned[i].Status = s, s
	}
	for i := range st.Unrated {
		st.Unrated[i].Tenant, st.Unrated[i].Reason = s, s
	}
	for i := range st.NotCharged {
		st.NotCharged[i].Status = s
	}
	for i := range st.Reconciliation.Differences {
		d := &st.Reconciliation.Differences[i]
		d.Account.Name, d.Cause, d.Category = s, s, s
	}
	return st
}

// Whatever a name holds, it is text: the page has the elements and attributes
// that it has for a harmless name, and the text is the name.
func TestHostileNames(t *testing.T) {
	want := skeleton(t, statementHTML(t, hostileStatement(t, "harmless")))
	for _, s := range hostile {
		page := statementHTML(t, hostileStatement(t, s))
		if diff := cmp.Diff(want, skeleton(t, page)); diff != "" {
			t.Errorf("%q changes the page (-want +got):\n%s", s, diff)
		}
		if strings.ContainsAny(page, "\x00\u202E") {
			t.Errorf("%q: characters that steer the screen are on the page", s)
		}
		if s == `<script>alert(1)</script>` && !strings.Contains(content(parsePage(t, page)), s) {
			t.Errorf("%q is not on the page as text", s)
		}
	}
}

// Bars start at zero and end at the amount, losses to the left; the greatest
// twenty have one of their own.
func TestMargins(t *testing.T) {
	amounts := map[string]string{"a": "60", "b": "-20", "c": "0", "d": "20"}
	st := &billing.Statement{Currency: "USD", Period: october}
	for _, id := range []string{"a", "b", "c", "d"} {
		st.Tenants = append(st.Tenants, billing.StatementRow{Tenant: id, Name: "Tenant " + id, Currency: "USD", Margin: nullDec(amounts[id])})
	}
	sections := func() section {
		m := &sheetMaker{st: st, layout: layout(t), labels: layout(t).Labels, costDigits: 2}
		m.labels.Others, m.labels.OthersCut, m.labels.MarginsElsewhere = "{count} others", "{count} others, cut", "not in {currency}"
		return m.margins()[0]
	}
	s := sections()
	if diff := cmp.Diff([]bar{{"Tenant a", "60.00", 0.75}, {"Tenant d", "20.00", 0.25}, {"Tenant c", "0.00", 0}, {"Tenant b", "-20.00", -0.25}}, s.Bars); diff != "" {
		t.Errorf("bars (-want +got):\n%s", diff)
	}
	c := s.chart()
	if b := c.Bars[0]; b.Zero != "25.000" || b.X != "25.000" || b.Width != "75.000" || b.Loss {
		t.Errorf("the first bar is %+v, want it from 25 to 100", b)
	}
	if b := c.Bars[3]; b.X != "0.000" || b.Width != "25.000" || !b.Loss {
		t.Errorf("the last bar is %+v, want it from 0 to 25", b)
	}
	for i := range 30 {
		st.Tenants = append(st.Tenants, billing.StatementRow{Tenant: fmt.Sprint("e", i), Currency: "USD", Margin: nullDec("1")})
	}
	st.Tenants = append(st.Tenants, billing.StatementRow{Tenant: "f", Currency: "EUR", Margin: nullDec("1000")})
	s = sections()
	if len(s.Bars) != maxBars+1 || s.Bars[0].Name != "Tenant a" || s.Bars[maxBars-1].Name != "Tenant b" || s.Bars[maxBars].Name != "14 others" || s.Bars[maxBars].Value != "13.00" {
		t.Errorf("%d bars, the last two %+v; want the 20 furthest from zero and 14 others with 13.00", len(s.Bars), s.Bars[len(s.Bars)-2:])
	}
	for i := range 60 {
		st.Tenants = append(st.Tenants, billing.StatementRow{Tenant: fmt.Sprint("g", i), Currency: "USD", Margin: nullDec("1")})
	}
	s = sections()
	if b := s.Bars[maxBars]; b != (bar{"74 others, cut", "73.00", 0.75}) || s.Bars[0].Share != 0.75 {
		t.Errorf("the first bar is %+v and that of the others %+v; want both of 0.75", s.Bars[0], b)
	}
	if s.Note != "not in USD" {
		t.Errorf("the note is %q", s.Note)
	}
}

func TestHTMLErrors(t *testing.T) {
	st := statements(t)["statement"]
	full := errors.New("disk full")
	if err := StatementHTML(brokenWriter{full}, st, layout(t)); !errors.Is(err, full) || !strings.Contains(err.Error(), "2026-10") {
		t.Errorf("on a full disk: %v", err)
	}
	if err := StatementHTML(&bytes.Buffer{}, nil, layout(t)); err == nil {
		t.Error("no error for no statement")
	}
	st.Currency = "?"
	if err := StatementHTML(&bytes.Buffer{}, st, layout(t)); err == nil {
		t.Error("no error for an unknown currency")
	}
}

// A page in print begins with its own colours, whatever the screen's are.
var printColours = regexp.MustCompile(`(?s)@media print \{\s*:root \{[^}]*--ground: #ffffff;[^}]*--ink:[^}]*--muted:`)

func TestPrintsInLight(t *testing.T) {
	if !printColours.MatchString(statementHTML(t, statements(t)["statement0"])) {
		t.Error("the colours of print are not set")
	}
}

// Every language has all the words, with everything filled in, and they fit.
func TestStatementInEveryLanguage(t *testing.T) {
	for _, language := range templates.Languages {
		l, err := templates.Embedded().Layout(language)
		if err != nil {
			t.Fatal(err)
		}
		st := statements(t)["statement"]
		var page, pdf bytes.Buffer
		if err := errors.Join(StatementHTML(&page, st, l), Statement(&pdf, st, l)); err != nil {
			t.Fatal(err)
		}
		checkGeometry(t, readPDF(t, pdf.Bytes()))
		walk(parsePage(t, page.String()), func(n *html.Node) {
			if n.Data == "html" && n.Type == html.ElementNode && attribute(n, "lang") != language {
				t.Errorf("the page is in %q, want %q", attribute(n, "lang"), language)
			}
			if n.Type == html.TextNode && n.Parent.Data != "style" && strings.ContainsAny(n.Data, "{}") {
				t.Errorf("%s: %q is not filled in", language, n.Data)
			}
		})
	}
}
