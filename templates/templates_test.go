package templates

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDefault(t *testing.T) {
	l, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Colour{0x1F, 0x5F, 0x8B}, l.Page.Accent); diff != "" {
		t.Errorf("accent (-want +got):\n%s", diff)
	}
}

func TestParseRefuses(t *testing.T) {
	for name, test := range map[string]struct{ old, new, want string }{
		"unknown key":      {"  billed_to:", "  biled_to:", "biled_to"},
		"missing label":    {"  billed_to: Billed to\n", "", "labels.billed_to"},
		"missing category": {"  calls: Calls\n", "", "categories.calls"},
		"missing kind":     {"  sms: SMS\n", "", "kinds.sms"},
		"missing plural":   {"{one: day, other: days}", "{one: day}", "units.day"},
		"missing status":   {"  parked: parked\n", "", "statuses.parked"},
		"bad colour":       {`"#1F5F8B"`, `"blue"`, "blue"},
		"margin too small": {"left: 20", "left: 2", "margins"},
		"unknown paper":    {"size: A4", "size: A0", "page.size"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(string(defaultLayout), test.old, test.new, 1)
			if text == string(defaultLayout) {
				t.Fatalf("layout.yaml has no %q", test.old)
			}
			_, err := parse([]byte(text))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one about %s", err, test.want)
			}
		})
	}
}

func TestFill(t *testing.T) {
	got := Fill("{a} of {b}", "a", "{b}", "b", "2")
	if want := "{b} of 2"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFonts(t *testing.T) {
	f, err := Fonts()
	if err != nil {
		t.Fatal(err)
	}
	cut := bytes.Clone(f.Regular)[:40_000]
	if err := checkDigest("cut.ttf", "7da195a74c55bef988d0d48f9508bd5d849425c1770dba5d7bfc6ce9ed848954", cut); err == nil {
		t.Error("a cut font passed the check")
	}
}
