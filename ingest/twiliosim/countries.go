package twiliosim

import "strconv"

// country is a numbering plan in brief, with what Twilio might charge there.
// Rates are in 1/100,000 USD: per minute, per segment.
type country struct {
	code                  string
	mobile, fixed         []string // national prefixes
	mobileLen, fixedLen   int      // national digits, prefix included
	callMobile, callFixed int64
	callIn, smsOut, smsIn int64
	weight                uint64 // share of the world's traffic
}

var countries = []country{
	{"1", nil, []string{"212", "415", "646", "312", "213", "305", "617", "206", "512", "404"}, 10, 10, 1400, 1400, 850, 830, 830, 300},
	{"1", nil, []string{"416", "604", "514", "403", "613"}, 10, 10, 1400, 1400, 850, 830, 830, 40},
	{"44", []string{"7400", "7700", "7911", "7520"}, []string{"20", "121", "161", "131"}, 10, 10, 3050, 1580, 1000, 5120, 750, 90},
	{"49", []string{"151", "160", "171", "176"}, []string{"30", "89", "40", "69"}, 11, 10, 4500, 1850, 1000, 11200, 750, 60},
	{"33", []string{"6", "7"}, []string{"1", "4", "5"}, 9, 9, 4150, 1620, 1000, 7980, 750, 40},
	{"34", []string{"61", "65", "72"}, []string{"91", "93"}, 9, 9, 4600, 1480, 1000, 7900, 750, 30},
	{"39", []string{"320", "333", "347"}, []string{"06", "02"}, 10, 10, 4900, 1690, 1000, 9270, 750, 30},
	{"30", []string{"690", "693", "697"}, []string{"21", "231"}, 10, 10, 5200, 1450, 1000, 8300, 750, 15},
	{"420", []string{"602", "731", "777"}, []string{"2", "5"}, 9, 9, 5400, 1750, 1000, 6650, 750, 15},
	{"48", []string{"50", "60", "79"}, []string{"22", "12"}, 9, 9, 5100, 1840, 1000, 4370, 750, 20},
	{"7", []string{"903", "916", "926"}, []string{"495", "812"}, 10, 10, 8900, 5600, 1000, 52000, 750, 15},
	{"7", []string{"701", "777"}, []string{"727", "717"}, 10, 10, 19000, 11500, 1000, 25600, 750, 5},
	{"91", []string{"98", "99", "70"}, []string{"11", "22"}, 10, 10, 3980, 3980, 1000, 8320, 750, 60},
	{"55", []string{"119", "219"}, []string{"113", "213"}, 11, 10, 9100, 2450, 1000, 5990, 750, 25},
	{"52", []string{"55", "81"}, []string{"33", "222"}, 10, 10, 4200, 1700, 1000, 6720, 750, 25},
	{"81", []string{"90", "80"}, []string{"3", "6"}, 10, 9, 18700, 7460, 1000, 7990, 750, 20},
	{"61", []string{"4"}, []string{"2", "3", "7"}, 9, 9, 7500, 2520, 1000, 5150, 750, 30},
	{"65", []string{"8", "9"}, []string{"6"}, 8, 8, 3320, 3320, 1000, 4460, 750, 20},
	{"27", []string{"82", "83", "72"}, []string{"11", "21"}, 9, 9, 11300, 5300, 1000, 10780, 750, 10},
	{"234", []string{"803", "806"}, []string{"1"}, 10, 8, 17200, 15100, 1000, 39120, 750, 10},
	{"971", []string{"50", "55"}, []string{"4", "2"}, 9, 8, 24100, 22500, 1000, 10310, 750, 10},
	{"973", []string{"3"}, []string{"17"}, 8, 8, 13400, 12100, 1000, 7040, 750, 5},
	{"972", []string{"50", "54"}, []string{"3", "2"}, 9, 8, 4300, 1650, 1000, 25750, 750, 10},
	{"46", []string{"70", "73"}, []string{"8", "31"}, 9, 8, 3850, 1350, 1000, 5550, 750, 15},
	{"31", []string{"6"}, []string{"20", "10"}, 9, 9, 5060, 1820, 1000, 10930, 750, 20},
	{"86", []string{"138", "150"}, []string{"10", "21"}, 11, 10, 2480, 2480, 1000, 3990, 750, 10},
	{"92", []string{"300", "321"}, []string{"21", "42"}, 10, 10, 12950, 12400, 1000, 47300, 750, 10},
}

// northAmerica is the number of leading entries of countries that have +1.
const northAmerica = 2

var trafficTotal = func() (sum uint64) {
	for _, c := range countries {
		sum += c.weight
	}
	return sum
}()

// destination picks a country by traffic.
func destination(h uint64) uint8 {
	n := pick(h, trafficTotal)
	for i, c := range countries {
		if n < c.weight {
			return uint8(i)
		}
		n -= c.weight
	}
	panic("unreachable: the weights add up to trafficTotal")
}

// party is one end of a call or message that is not ours.
type party struct {
	via     via
	country uint8
	mobile  bool
	h       uint64
}

type via uint8

const (
	viaPhone via = iota
	viaClient
	viaSIP
	viaWhatsApp
)

// phone draws a party: half of them at home, the others anywhere.
func phone(h uint64, home uint8) party {
	p := party{country: home, h: mix(h)}
	if h&1 == 0 {
		p.country = destination(h)
	}
	p.mobile = h>>1&3 != 0
	return p
}

func (p party) callRate() int64 {
	switch {
	case p.via == viaPhone && p.mobile:
		return countries[p.country].callMobile
	case p.via == viaPhone:
		return countries[p.country].callFixed
	}
	return 400 // client and SIP
}

// append writes the address as Twilio does: E.164, client:name, sip:user@host
// or whatsapp:+number.
func (p party) append(b []byte) []byte {
	switch p.via {
	case viaClient:
		b = append(b, "client:agent_"...)
		return strconv.AppendUint(b, pick(p.h, 40)+1, 10)
	case viaSIP:
		b = append(b, "sip:ext"...)
		b = strconv.AppendUint(b, pick(p.h, 900)+100, 10)
		return append(b, "@pbx.example.com"...)
	case viaWhatsApp:
		b = append(b, "whatsapp:"...)
	}
	c := &countries[p.country]
	prefixes, length := c.fixed, c.fixedLen
	if p.mobile && c.mobile != nil {
		prefixes, length = c.mobile, c.mobileLen
	}
	return appendE164(b, c.code, prefixes[pick(p.h<<32, uint64(len(prefixes)))], length, p.h)
}

// appendE164 fills the national number up to length with the digits of h; the
// first is 2 to 9, since exchanges do not start with 0 or 1.
func appendE164(b []byte, code, prefix string, length int, h uint64) []byte {
	b = append(b, '+')
	b = append(b, code...)
	b = append(b, prefix...)
	h >>= 16
	b = append(b, byte('2'+h%8))
	h /= 8
	for range length - len(prefix) - 1 {
		b = append(b, byte('0'+h%10))
		h /= 10
	}
	return b
}

// appendDisplay writes an address the way to_formatted shows it: North American
// numbers in the national style, the others unchanged.
func appendDisplay(b, address []byte) []byte {
	if len(address) != 12 || address[0] != '+' || address[1] != '1' {
		return append(b, address...)
	}
	b = append(b, '(')
	b = append(b, address[2:5]...)
	b = append(b, ") "...)
	b = append(b, address[5:8]...)
	b = append(b, '-')
	return append(b, address[8:]...)
}
