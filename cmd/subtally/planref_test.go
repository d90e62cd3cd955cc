package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the expected output of scripts and of the plan reference")

// Every example of the plan reference is priced, and shows what comes out. Its
// amounts are worked out by hand in the text above each.
func TestPlanReference(t *testing.T) {
	const page = "../../pricing/README.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	var more []string // flags of the next example
	examples := 0
	block := regexp.MustCompile("(?ms)^```(\\w+) ?([^\n]*)\n(.*?)^```\n")
	fresh := block.ReplaceAllFunc(text, func(whole []byte) []byte {
		m := block.FindSubmatch(whole)
		lang, info, body := string(m[1]), string(m[2]), string(m[3])
		switch {
		case lang == "csv" && strings.HasPrefix(info, "deck "):
			write(strings.TrimPrefix(info, "deck ")+".csv", body)
		case lang == "csv" && info == "usage":
			write("usage.csv", body)
		case lang == "csv" && info == "rates":
			more = append(more, "--rates", write("rates.csv", body))
		case lang == "yaml" && info == "taxes":
			more = append(more, "--taxes", write("taxes.yaml", body))
		case lang == "yaml":
			write("plan.yaml", "name: example\ncurrency: USD\n"+body)
		case lang == "console":
			examples++
			args := append([]string{"rate", "--plan", filepath.Join(dir, "plan.yaml"), "--usage", filepath.Join(dir, "usage.csv"), "--period", "2026-10"}, more...)
			args = append(args, strings.Fields(info)...)
			more = nil
			var out, errs bytes.Buffer
			c := command(&out, &errs)
			c.SetArgs(args)
			if err := c.Execute(); err != nil {
				t.Errorf("%v: %v\n%s%s", args, err, &out, &errs)
			}
			shown := regexp.MustCompile(`(?m)[ \t]+$`).ReplaceAllString(out.String(), "")
			if shown != body && !*update {
				t.Errorf("example %d shows\n%s\nbut comes to\n%s", examples, body, shown)
			}
			return fmt.Appendf(nil, "```%s\n%s```\n", strings.TrimSpace(lang+" "+info), shown)
		}
		return whole
	})
	if examples < 20 {
		t.Errorf("found %d examples", examples)
	}
	if *update {
		if err := os.WriteFile(page, fresh, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
