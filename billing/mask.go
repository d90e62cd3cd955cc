package billing

import (
	"regexp"
	"strings"
	"unicode"
)

// bullets stand for hidden digits: always as many, so that they do not tell how
// many there are.
const bullets = "•••"

// MaskNumber hides the middle of a telephone number, as Twilio words it in a
// usage record: +14155551234 is +1415•••1234, whatsapp:+49301234567 is
// whatsapp:+4930•••4567. The digits of the text count as one number, whatever
// stands between them:
//
//   - of 8 or more, the first ones, up to five, and the last four are kept, and at
//     least three between them are hidden;
//   - of 3 to 7, such as a short code, only the last two are kept;
//   - fewer are no number: the text stays as it is, as names without digits do.
//
// What stands before the first digit and after the last one is kept. In an
// address with an "@", such as a SIP address, the part before it is masked by
// itself, and the part after it where it has 7 digits or more.
func MaskNumber(address string) string {
	if user, host, ok := strings.Cut(address, "@"); ok {
		if len(digitsAt(host)) >= 7 {
			host = MaskNumber(host)
		}
		return maskDigits(user) + "@" + host
	}
	return maskDigits(address)
}

func maskDigits(text string) string {
	at := digitsAt(text)
	n := len(at)
	switch {
	case n < 3:
		return text
	case n < 8:
		return text[:at[0]] + bullets + text[at[n-2]:]
	}
	return text[:at[min(5, n-7)]] + bullets + text[at[n-4]:]
}

// digitsAt are the offsets of the digits of any script.
func digitsAt(text string) (at []int) {
	for i, r := range text {
		if unicode.IsDigit(r) {
			at = append(at, i)
		}
	}
	return at
}

// numberInText is a telephone number within other text: with a plus sign, or 8
// or more digits that follow each other. What is part of a word, such as digits
// of a sid, is none.
var numberInText = regexp.MustCompile(`\+\d[\d ().\-/]{5,}\d|\b\d{8,}\b`)

// Printed is text of a line as the document's reader may see it: where numbers
// are masked, telephone numbers in it are.
func (d *Document) Printed(text string) string {
	if !d.MaskNumbers {
		return text
	}
	return numberInText.ReplaceAllStringFunc(text, MaskNumber)
}
