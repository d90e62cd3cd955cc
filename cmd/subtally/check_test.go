package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"subtally/internal/config"
)

// runCheck runs `subtally check`.
func runCheck(path string, asJSON bool) (stdout string, err error) {
	cmd := checkCommand(&options{Config: path})
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs([]string{fmt.Sprintf("--json=%v", asJSON)})
	err = cmd.Execute()
	return out.String(), err
}

func TestCheckExample(t *testing.T) {
	dir, _ := example(t)
	path := filepath.Join(dir, "subtally.yaml")
	out, err := runCheck(path, false)
	if want := path + ": ok: 6 plans, 4 decks (622 rates), 4 tenants, 6 subaccounts\n"; err != nil || out != want {
		t.Errorf("printed %q, want %q; error %v", out, want, err)
	}
	if out, err := runCheck(path, true); err != nil || out != "[]\n" {
		t.Errorf("as JSON printed %q, want an empty list; error %v", out, err)
	}
}

func TestCheckProblems(t *testing.T) {
	dir, _ := example(t)
	plan := filepath.Join(dir, "plans", "cost-plus.yaml")
	text, err := os.ReadFile(plan)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(plan, bytes.Replace(text, []byte("1.15"), []byte("1e1"), 1), 0o644); err != nil {
		t.Fatal(err)
	}
	want := config.Problem{File: plan, Line: 14, Path: "charges[0].cost_plus.multiplier", Text: `"1e1" is not a plain decimal number such as 0.0125`}

	out, err := runCheck(filepath.Join(dir, "subtally.yaml"), false)
	var problems *config.Problems
	if !errors.As(err, &problems) || len(problems.List) != 1 || problems.List[0] != want || out != "" {
		t.Errorf("printed %q, error %v, want %v", out, err, want)
	}

	out, err = runCheck(filepath.Join(dir, "subtally.yaml"), true)
	if !errors.As(err, &problems) {
		t.Errorf("as JSON: error %v, want the problems", err)
	}
	var list []config.Problem
	if err := json.Unmarshal([]byte(out), &list); err != nil || len(list) != 1 || list[0] != want {
		t.Errorf("printed %s, want %v; error %v", out, want, err)
	}
	if !strings.Contains(out, `"message"`) {
		t.Errorf("JSON keys changed: %s", out)
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0 rates", 1: "1 rate", 1234: "1,234 rates"} {
		if got := count(n, "rate"); got != want {
			t.Errorf("count(%d) = %q, want %q", n, got, want)
		}
	}
}
