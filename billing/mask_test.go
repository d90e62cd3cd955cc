package billing

import (
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"
)

func TestMaskNumber(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"+14155551234", "+1415•••1234"},
		{"+493012344567", "+49301•••4567"},
		{"whatsapp:+493012344567", "whatsapp:+49301•••4567"},
		{"messenger:123456789012345", "messenger:12345•••2345"},
		{"+4915112345678", "+49151•••5678"},
		{"+1 (415) 555-1234", "+1 (415) •••1234"},
		{"4155551234", "415•••1234"},
		{"12345678", "1•••5678"},
		{"1234567", "•••67"},
		{"+12345", "+•••45"},
		{"24680", "•••80"}, // a short code
		{"911", "•••11"},
		{"12", "12"},
		{"", ""},
		{"anonymous", "anonymous"},
		{"Acme", "Acme"}, // a sender's name
		{"O2", "O2"},
		{"client:alice", "client:alice"},
		{"client:alice_4155551234", "client:alice_415•••1234"},
		{"sip:alice@example.com", "sip:alice@example.com"},
		{"sip:+14155551234@pbx1.example.com:5060", "sip:+1415•••1234@pbx1.example.com:5060"},
		{"sip:bob@14155551234.example.com", "sip:bob@1415•••1234.example.com"},
		{"sip:bob@example.com;caller=+14155551234", "sip:bob@example.com;caller=+1415•••1234"},
		{"sim:DE0123456789abcdef0123456789abcdef", "sim:DE01234•••6789abcdef"},
		{"٠١٢٣٤٥٦٧٨٩", "٠١٢•••٦٧٨٩"},
		{"+14155\xff551234", "+1415•••1234"},
	} {
		if got := MaskNumber(test.in); got != test.want {
			t.Errorf("MaskNumber(%q) = %q, want %q", test.in, got, test.want)
		}
	}
}

func TestPrinted(t *testing.T) {
	doc := Document{MaskNumbers: true}
	for _, test := range []struct{ in, want string }{
		{"Germany, mobile", "Germany, mobile"},
		{"Hotline +49 30 1234-4567, evening", "Hotline +49 30 1•••4567, evening"},
		{"to 4915112345678", "to 49151•••5678"},
		{"second 0 to 60", "second 0 to 60"},
		{"2026-10-01 – 2026-10-31: 3 records", "2026-10-01 – 2026-10-31: 3 records"},
		{"AC0a1b2c3d4e5f60718293a4b5c6d7e8f9", "AC0a1b2c3d4e5f60718293a4b5c6d7e8f9"},
		{sid(2), sid(2)},
		{"share of 12.5 % of 1234567.89", "share of 12.5 % of 1234567.89"},
	} {
		if got := doc.Printed(test.in); got != test.want {
			t.Errorf("Printed(%q) = %q, want %q", test.in, got, test.want)
		}
		if got := (&Document{}).Printed(test.in); got != test.in {
			t.Errorf("without masking, Printed(%q) = %q", test.in, got)
		}
	}
}

// TestMaskNumberHides holds for any text in place of a number: of the digits at
// most the first five and the last four are left, at least three of 8 or more are
// gone, and what is left does not tell how many were.
func TestMaskNumberHides(t *testing.T) {
	part := rapid.SampledFrom([]string{"+", "0", "1", "23", "456", "789012", "0123456789", " ", "-", "(", ")", ".", ":", "@", "a", "sip:", "whatsapp:", "٣", "７", "•", "\xff", "é"})
	number := rapid.Custom(func(r *rapid.T) string {
		if rapid.Bool().Draw(r, "any") {
			return rapid.String().Draw(r, "text")
		}
		return strings.Join(rapid.SliceOfN(part, 0, 12).Draw(r, "parts"), "")
	})
	digits := func(s string) (out []rune) {
		for _, r := range s {
			if unicode.IsDigit(r) {
				out = append(out, r)
			}
		}
		return out
	}
	rapid.Check(t, func(r *rapid.T) {
		in := number.Draw(r, "number")
		got := MaskNumber(in)
		users, shownUsers := in, got
		if user, host, ok := strings.Cut(in, "@"); ok {
			shown, shownHost, _ := strings.Cut(got, "@")
			users, shownUsers = user, shown
			if n := len(digits(shownHost)); n > 9 || n >= 7 && n == len(digits(host)) {
				r.Fatalf("MaskNumber(%q) = %q shows %d digits after the @", in, got, n)
			}
		}
		all, left := digits(users), digits(shownUsers)
		n := len(all)
		first, last := min(5, n-7), 4
		switch {
		case n < 3:
			first, last = n, 0
		case n < 8:
			first, last = 0, 2
		}
		if want := string(all[:first]) + string(all[n-last:]); string(left) != want {
			r.Fatalf("MaskNumber(%q) = %q leaves the digits %s, want %s", in, got, string(left), want)
		}
		if n >= 3 && !strings.Contains(shownUsers, bullets) {
			r.Fatalf("MaskNumber(%q) = %q has no bullets", in, got)
		}
	})
}
