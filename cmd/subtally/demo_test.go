package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"subtally/internal/warehouse/engine"
)

// The demo shows what it says, chapter by chapter, and leaves files that agree.
func TestDemo(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "demo")
	var out bytes.Buffer
	err := demo(t.Context(), &out, dir)
	if errors.Is(err, engine.ErrNotInstalled) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	text := out.String()
	chapters := map[string]string{} // by title
	for _, c := range strings.Split(text, "\n== ")[1:] {
		title, body, _ := strings.Cut(c, "\n")
		chapters[title] = body
	}
	for _, c := range []struct {
		title string
		want  []string // regular expressions of lines
	}{
		{"October is billed", []string{
			`\$ subtally run --as-of 2026-11-18 --period 2026-10`,
			`tenant-08  parked .*`,
			`total +23 tenants +4587\.06 +256\.61 +4843\.67 .*`,
			`AC\w+ calls +2026-10-26 +23 +24 +-0\.518 .*`,
			`22 invoices finalized in this run`,
		}},
		{"A day of which Twilio's figures have more is pulled again", []string{
			`\$ subtally sync --from 2026-10-26 --to 2026-10-27 --account AC0780592276989d72bdbb169e088ad55c`,
		}},
		{"Usage that was not in the lists when October was billed", []string{
			`late usage of INV-2026-000007: 2 records, adjusted on the next invoice`,
			`  tenant-07, Škoda & Söhne GmbH: call CA[0-9a-f]{32} of 2026-10-26`,
			`  tenant-07, Škoda & Söhne GmbH: sms SM[0-9a-f]{32} of 2026-10-26`,
		}},
		// 2212 seconds are 2214 begun by six, at 0.0224 a minute: 0.82656. One
		// segment is 0.0121.
		{"November is billed, and on it what came late", []string{
			`22 invoices finalized in this run`,
			`  INV-2026-000029, tenant-07, adjusts INV-2026-000007: Abgehende Anrufe \| .*United States and Canada \(\+1 record, \+2214 seconds\) \| 0\.83 USD`,
			`  INV-2026-000029, tenant-07, adjusts INV-2026-000007: Gesendete SMS, nach Segmenten \| .*\(\+1 record, \+1 segment\) \| 0\.01 USD`,
		}},
		// 69.12 less 18.80 of surcharges is 50.32, of which a tenth is 5.03; the
		// universal service fee, 35.5 % of some calls, falls by a tenth of 11.65.
		{"An invoice of October was too high: a credit note, and a new revision", []string{
			`Universal service fee +11\.65 +10\.48 +-1\.17 *`,
			`Total USD +69\.12 +62\.92 +-6\.20 *`,
			`CN-2026-000001 takes INV-2026-000004 back, and INV-2026-000045 stands for it`,
		}},
		{"October against Twilio's own figures, which were made to differ by three calls", []string{
			`1 difference, 1 above the tolerance of 0\.01`,
			`AC\w+ +Harbour Point Dental Group +calls +2026-10-15 +10 +13 +19 +22 +0\.926 +1\.046 +ABOVE 0\.12 +record after the cut: .*`,
		}},
		{"October's statement, with all that happened since", []string{
			`INV-2026-000004  credited +69\.12 USD`,
			`CN-2026-000001   finalized +-69\.12 USD`,
			`INV-2026-000045  finalized +62\.92 USD`,
			`all documents +4837\.47 USD`, // 4843.67 - 6.20
		}},
		{"Every invoice and credit note, its number, hash and sums", []string{
			`46 invoices and 0 payments checked; CN-2026-000001 [0-9a-f]{64}; INV-2026-000045 [0-9a-f]{64}`,
		}},
	} {
		for _, line := range c.want {
			if !regexp.MustCompile(`(?m)^` + line + `$`).MatchString(chapters[c.title]) {
				t.Errorf("%q has no line %s:\n%s", c.title, line, chapters[c.title])
			}
		}
	}
	sums := regexp.MustCompile(`sha256 ([0-9a-f]{64})`).FindAllStringSubmatch(chapters["An invoice of October is made again"], -1)
	if len(sums) != 2 || sums[0][1] != sums[1][1] {
		t.Errorf("an invoice made again is not shown to be the same:\n%s", chapters["An invoice of October is made again"])
	}
	if n := strings.Count(chapters["November is billed, and on it what came late"], "adjusts"); n != 2 {
		t.Errorf("%d adjustments, want those of the two records that were late", n)
	}
	checkDemoFiles(t, filepath.Join(dir, "out"))
}

// checkDemoFiles checks that what is in the folder at the end agrees with itself.
func checkDemoFiles(t *testing.T, out string) {
	t.Helper()
	// The lines of a month add up to its statement, with what was corrected.
	for _, c := range []struct{ month, number string }{{"2026-10", "CN-2026-000001"}, {"2026-11", "INV-2026-000029"}} {
		_, lines := readTable(t, filepath.Join(out, c.month, "lines.csv"))
		_, statement := readTable(t, filepath.Join(out, c.month, "statement.csv"))
		var net, revenue decimal.Decimal
		named := false
		for _, row := range lines {
			net = net.Add(dec(row["amount"]))
		}
		for _, row := range statement {
			if row["row"] == "tenant" {
				revenue = revenue.Add(dec(row["revenue"]))
				named = named || row["invoice"] == c.number
			}
		}
		if !net.Equal(revenue) || net.IsZero() || !named {
			t.Errorf("%s: the lines come to %s, and the statement, with %s on it: %v, to %s", c.month, net, c.number, named, revenue)
		}
	}
	if _, err := exec.LookPath("pdftotext"); err != nil {
		t.Skip("pdftotext is not installed (package poppler-utils)")
	}
	for _, c := range []struct{ file, want string }{
		{"2026-11/invoices/INV-2026-000029.pdf", "Anpassungen früherer Rechnungen"},
		{"2026-11/invoices/INV-2026-000029.pdf", `0,83\n`},
		{"2026-10/invoices/INV-2026-000002.pdf", "Itemized usage"},
		{"2026-10/invoices/INV-2026-000002.pdf", `\+[0-9]{3,5}•••[0-9]{4} `},
		{"2026-10/invoices/CN-2026-000001.pdf", "Takes back invoice INV-2026-000004 of November 18, 2026"},
	} {
		text, err := exec.Command("pdftotext", "-layout", filepath.Join(out, c.file), "-").Output()
		if err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile(c.want).Match(text) {
			t.Errorf("%s has no %s", c.file, c.want)
		}
	}
}
