package twiliosim

import (
	"strconv"
	"time"
)

// The server writes its JSON into a buffer by hand: a page of a thousand rows
// would otherwise be mostly reflection, and benchmarks would measure that.

func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	b = appendText(b, s)
	return append(b, '"')
}

// appendText writes the inside of a JSON string; s is valid UTF-8.
func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < 0x20:
			b = append(b, `\u00`...)
			b = append(b, "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15])
		default:
			b = append(b, c)
		}
	}
	return b
}

// appendDate writes Unix seconds as Twilio's RFC 2822 date, in UTC.
func appendDate(b []byte, t int64) []byte {
	const days, months = "SunMonTueWedThuFriSat", "JanFebMarAprMayJunJulAugSepOctNovDec"
	u := time.Unix(t, 0).UTC()
	year, month, mday := u.Date()
	weekday, second := int(u.Weekday()), int(((t%day)+day)%day)
	b = append(b, '"')
	b = append(b, days[3*weekday:3*weekday+3]...)
	b = append(b, ',', ' ')
	b = append2(b, mday)
	b = append(b, ' ')
	b = append(b, months[3*month-3:3*month]...)
	b = append(b, ' ')
	b = append2(append2(b, year/100), year%100)
	b = append(b, ' ')
	b = append2(b, second/3600)
	b = append(b, ':')
	b = append2(b, second/60%60)
	b = append(b, ':')
	b = append2(b, second%60)
	return append(b, ` +0000"`...)
}

func append2(b []byte, n int) []byte { return append(b, byte('0'+n/10), byte('0'+n%10)) }

// appendDateBy writes the date, or null if it has not come by now.
func appendDateBy(b []byte, t, now int64) []byte {
	if t > now {
		return append(b, "null"...)
	}
	return appendDate(b, t)
}

// appendAmount writes a charge of 1/100,000 USD as Twilio does: negative, with
// five decimals.
func appendAmount(b []byte, units int64) []byte {
	b = append(b, '-')
	b = strconv.AppendInt(b, units/100_000, 10)
	b = append(b, '.')
	b = append(b, byte('0'+units/10_000%10))
	return append2(append2(b, int(units/100%100)), int(units%100))
}

// appendPriceBy writes the price as a string, or null until it is known.
func appendPriceBy(b []byte, units, known, now int64) []byte {
	if known > now {
		return append(b, "null"...)
	}
	b = append(b, '"')
	b = appendAmount(b, units)
	return append(b, '"')
}
