package twilio

import (
	"time"

	"github.com/shopspring/decimal"
)

// The kinds of usage record a page holds.
const (
	KindCall          = "call"
	KindSMS           = "sms"
	KindMMS           = "mms"
	KindWhatsApp      = "whatsapp" // and any other channel that is not the phone network
	KindRecording     = "recording"
	KindTranscription = "transcription"
)

// Price is what Twilio charges for a record, or nothing while it has not said.
//
// For calls and messages it is Twilio's price with the sign turned, because
// Twilio sends a charge as a negative number; a credit would be negative here.
// For recordings and transcriptions it is the absolute value: Twilio's
// documentation shows both signs. It has at most 10 digits before the point and
// 8 after it.
type Price = decimal.NullDecimal

// Page is one page of a list as columns, row i being element i of each. Rows
// outside of the days asked for are not in it, so it may be empty.
type Page struct {
	Account  string // sid of the account the records are of
	Resource Resource
	URL      string // host-relative address, for messages

	SID []string
	// ParentSID is a call's parent call; a recording's call, or its conference
	// if it has no call; a transcription's recording. Empty for others.
	ParentSID []string
	Kind      []string
	Direction []string // calls and messages; as Twilio sends it
	Status    []string // one of the documented ones
	// From and To are addresses of calls and messages as Twilio sends them, with
	// their channel ("whatsapp:", "client:", "sip:") if they have one.
	From, To []string

	Created []time.Time // date_created, UTC
	// Started is the date that decides which day a record belongs to, UTC: a
	// call's start_time, a message's date_sent. Recordings and transcriptions
	// take date_created, because Twilio filters recordings by that and has no
	// other date for transcriptions.
	Started []time.Time
	// Updated is date_updated, UTC; date_created where Twilio gives none.
	Updated []time.Time

	// Quantity is seconds for calls, recordings and transcriptions, segments
	// for sms, and 1 for mms and whatsapp. Unknown yet counts as 0.
	Quantity []int64
	Price    []Price
	Currency []string // ISO 4217, upper case; empty if Twilio names none
	// Final says that no further change is expected: a last status, and a price
	// unless Twilio charges nothing for the status.
	Final []bool

	from, to time.Time // the days asked for
	oddities []oddity
}

// Len is the number of records.
func (p *Page) Len() int { return len(p.SID) }

// oddity is a value that is kept although nobody has heard of it.
type oddity struct {
	resource     Resource
	field, value string
}

// grow makes room for n rows.
func (p *Page) grow(n int) {
	texts := make([]string, 8*n)
	column := func() []string { c := texts[:0:n]; texts = texts[n:]; return c }
	p.SID, p.ParentSID, p.Kind, p.Direction = column(), column(), column(), column()
	p.Status, p.From, p.To, p.Currency = column(), column(), column(), column()
	times := make([]time.Time, 3*n)
	p.Created, p.Started, p.Updated = times[:0:n], times[n:n:2*n], times[2*n:2*n:3*n]
	p.Quantity = make([]int64, 0, n)
	p.Price = make([]Price, 0, n)
	p.Final = make([]bool, 0, n)
}

// Account is a main account or subaccount.
type Account struct {
	SID          string
	OwnerSID     string // the main account's sid; its own for a main account
	FriendlyName string
	Status       string // active, suspended or closed
	Type         string // as Twilio sends it: Trial or Full
	Created      time.Time
	Updated      time.Time // Created where Twilio gives none
}

// Number is a phone number an account holds.
type Number struct {
	SID          string
	PhoneNumber  string // E.164
	FriendlyName string
	Type         string // as Twilio sends it: local, mobile, toll free; may be empty
	Status       string // as Twilio sends it; may be empty
	Created      time.Time
	Updated      time.Time // Created where Twilio gives none
}
