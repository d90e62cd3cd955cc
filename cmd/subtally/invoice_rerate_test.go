package main

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// Only a yes takes an invoice back, and nobody to answer is no yes.
func TestAsk(t *testing.T) {
	for answer, want := range map[string]bool{"y\n": true, "YES\n": true, " yes \n": true, "y": true, "\n": false, "n\n": false, "yesterday\n": false} {
		c := &cobra.Command{}
		c.SetIn(strings.NewReader(answer))
		var asked bytes.Buffer
		c.SetErr(&asked)
		if got, err := (&correcting{}).ask(c, "Sure?"); err != nil || got != want || asked.String() != "Sure? [y/N] " {
			t.Errorf("answer %q: %v, %v, asked %q", answer, got, err, &asked)
		}
	}
	pipe, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer pipe.Close()
	defer in.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for _, stdin := range []*os.File{pipe, null} {
		c := &cobra.Command{}
		c.SetIn(stdin)
		c.SetErr(&bytes.Buffer{})
		var usage usageError
		if yes, err := (&correcting{}).ask(c, "Sure?"); yes || !errors.As(err, &usage) {
			t.Errorf("%s: %v, %v", stdin.Name(), yes, err)
		}
		if yes, err := (&correcting{yes: true}).ask(c, "Sure?"); !yes || err != nil {
			t.Errorf("%s with --yes: %v, %v", stdin.Name(), yes, err)
		}
	}
}
