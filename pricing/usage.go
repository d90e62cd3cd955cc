package pricing

import (
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// Kind says what a usage record is.
type Kind string

// The kinds of usage. The unit of a record's quantity follows from its kind;
// see [Kind.Unit].
const (
	Call          Kind = "call"
	SMS           Kind = "sms"
	MMS           Kind = "mms"
	WhatsApp      Kind = "whatsapp"
	Recording     Kind = "recording"
	Transcription Kind = "transcription"
	Number        Kind = "number"
	Other         Kind = "other" // anything else that is counted; its Category says what
)

// Kinds lists every kind, in the order documents show them.
var Kinds = []Kind{Call, SMS, MMS, WhatsApp, Recording, Transcription, Number, Other}

// Category groups lines on a document, by kind or by what they are.
type Category string

// The categories, in the order documents show them. Fees holds flat fees; those
// per number are under Numbers where they are billed by the days held.
const (
	Calls          Category = "calls"
	Messages       Category = "messages"
	Recordings     Category = "recordings"
	Transcriptions Category = "transcriptions"
	Numbers        Category = "numbers"
	Others         Category = "other"
	Fees           Category = "fees"
	Adjustments    Category = "adjustments" // what follows from other lines: minimums, maximums, discounts
	Surcharges     Category = "surcharges"
	CreditsUsed    Category = "credits"
)

// Categories lists every category in document order.
var Categories = []Category{Calls, Messages, Recordings, Transcriptions, Numbers, Others, Fees, Adjustments, Surcharges, CreditsUsed}

// Category is the group that a kind belongs to; the empty kind is Fees.
func (k Kind) Category() Category {
	switch k {
	case Call:
		return Calls
	case SMS, MMS, WhatsApp:
		return Messages
	case Recording:
		return Recordings
	case Transcription:
		return Transcriptions
	case Number:
		return Numbers
	case Other:
		return Others
	}
	return Fees
}

// Unit names what a quantity counts.
type Unit string

// The units. A Month is one of what is for a whole period: a fee, a cap, an
// amount that is added or taken off.
const (
	Second  Unit = "second"
	Segment Unit = "segment"
	Message Unit = "message"
	Day     Unit = "day"
	PerCall Unit = "call"
	Minute  Unit = "minute"
	Block   Unit = "block"
	Month   Unit = "month"

	PerUnitOfOther Unit = "unit"
	PerNumber      Unit = "number"
	PerSubaccount  Unit = "subaccount"
	PerLine        Unit = "line"   // of an invoice
	PerRecord      Unit = "record" // of several kinds
	PerOnce        Unit = "once"   // a one-off fee
)

// Unit is what the quantity of a usage record of this kind counts: seconds
// for calls, recordings and transcriptions; segments for sms; messages for
// mms and whatsapp; days for numbers; units, whatever they are, for other.
func (k Kind) Unit() Unit {
	switch k {
	case Call, Recording, Transcription:
		return Second
	case SMS:
		return Segment
	case Number:
		return Day
	case Other:
		return PerUnitOfOther
	}
	return Message
}

// recordUnit is what one record of a kind is called when records are counted.
func recordUnit(k Kind) Unit {
	switch k {
	case Call:
		return PerCall
	case SMS, MMS, WhatsApp:
		return Message
	case Number:
		return Day
	}
	return Unit(k)
}

// Channel is the way that a call or message takes. A call's is how its far end
// is reached: voice for a telephone number, else sip, client or sim. A
// message's is its kind: sms, mms or whatsapp. Other records have none.
type Channel string

// The channels; those of messages are spelled as their kinds are.
const (
	Voice  Channel = "voice"
	SIP    Channel = "sip"
	Client Channel = "client"
	SIM    Channel = "sim"
)

// Direction is seen from the subaccount.
type Direction string

// The directions. Records without one, such as recordings, have neither.
const (
	Inbound  Direction = "inbound"
	Outbound Direction = "outbound"
)

// Record is one usage record: a call leg, a message, a recording, a
// transcription, or one phone number held for one day.
type Record struct {
	Account   string // subaccount sid
	SID       string // with Account, the record's identity
	ParentSID string // of a call: the call that made this one
	Kind      Kind
	Category  string // of a record of kind other: what is counted, as Twilio names it
	Direction string // as Twilio words it, such as "outbound-api"
	Status    string // as Twilio words it
	From, To  string // as Twilio words them: "+14155550100", "client:bob", "whatsapp:+49..."
	StartedAt time.Time
	Quantity  decimal.Decimal     // in Kind.Unit()
	Cost      decimal.NullDecimal // what Twilio charges, positive; null while Twilio has not said
	Currency  string              // of Cost, ISO 4217
}

// Dir reduces Twilio's directions to two. In Twilio's Elastic SIP Trunking
// "originating" traffic comes in from the telephone network and "terminating"
// traffic goes out to it.
func (r *Record) Dir() Direction {
	switch r.Direction {
	case "inbound", "trunking-originating":
		return Inbound
	case "":
		return ""
	}
	return Outbound
}

// FarEnd is the other party: who was called, or who called.
func (r *Record) FarEnd() string {
	if r.Dir() == Inbound {
		return r.From
	}
	return r.To
}

// Channel is the way that the call or message takes.
func (r *Record) Channel() Channel {
	switch r.Kind {
	case Call:
	case SMS, MMS, WhatsApp:
		return Channel(r.Kind)
	default:
		return ""
	}
	end := r.FarEnd()
	switch {
	case strings.HasPrefix(end, "client:"):
		return Client
	case strings.HasPrefix(end, "sim:"):
		return SIM
	case digits(end) != "":
		return Voice
	}
	return SIP
}

// digits are the digits of an E.164 number such as "+4915112345678" or
// "whatsapp:+4915112345678"; empty for anything else, short codes included.
func digits(end string) string {
	end = strings.TrimPrefix(end, "whatsapp:")
	number, ok := strings.CutPrefix(end, "+")
	if !ok {
		return ""
	}
	for i := range len(number) {
		if number[i] < '0' || number[i] > '9' {
			return ""
		}
	}
	return number
}
