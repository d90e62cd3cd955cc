package reconcile

import (
	"slices"
	"strings"

	"subtally/internal/warehouse"
	"subtally/pricing"
)

// The categories of Twilio's Usage Records that usage is compared in, and what
// is known of the others. Source: the list of all usage categories at
// https://www.twilio.com/docs/usage/api/usage-record#usage-categories.
//
// A record is in the first one that fits, so their order counts. The page says
// of them: calls does not include client and SIP calls; trunking has categories
// of its own; recordings are those of calls and trunks together; counts are
// records, and the usage of calls, recordings and transcriptions is minutes.
// Each record's minutes are rounded up by themselves: support article 223132307.
var metered = []warehouse.UsageCategory{
	{Name: "trunking-origination", Kind: call, Directions: []string{"trunking-originating"}, Statuses: charged(pricing.Call), Minutes: true},
	{Name: "trunking-termination", Kind: call, Directions: []string{"trunking-terminating"}, Statuses: charged(pricing.Call), Minutes: true},
	{Name: "calls-client", Kind: call, Scheme: "client:", Statuses: charged(pricing.Call), Minutes: true},
	{Name: "calls-sip", Kind: call, Scheme: "sip:", Statuses: charged(pricing.Call), Minutes: true},
	{Name: "calls", Kind: call, Statuses: charged(pricing.Call), Minutes: true},
	{Name: "sms", Kind: string(pricing.SMS), Statuses: charged(pricing.SMS)},
	{Name: "mms", Kind: string(pricing.MMS), Statuses: charged(pricing.MMS)},
	{Name: "channels-messaging-inbound", Kind: string(pricing.WhatsApp), Directions: []string{"inbound"}, Statuses: charged(pricing.WhatsApp)},
	{Name: "channels-messaging-outbound", Kind: string(pricing.WhatsApp), Statuses: charged(pricing.WhatsApp)},
	{Name: "recordings", Kind: string(pricing.Recording), Statuses: charged(pricing.Recording), Minutes: true},
	// Failed ones have been seen with a price.
	{Name: "transcriptions", Kind: string(pricing.Transcription), Statuses: append(charged(pricing.Transcription), "failed"), Minutes: true},
}

const call = string(pricing.Call)

// charged are the statuses of a kind that Twilio charges for.
func charged(k pricing.Kind) []string {
	return slices.DeleteFunc(slices.Clone(k.Statuses()), func(s string) bool { return !pricing.Charged(k, s) })
}

// fees are categories whose costs are in the price of the records of another
// one: a message's price includes its carrier fee, support article
// 46871410243099.
var fees = map[string]string{
	"sms-messages-carrierfees": "sms",
	"mms-messages-carrierfees": "mms",
}

// segments is the category of which the page says that count and usage are both
// the number of messages, while every segment is charged as a message: our
// messages or our segments may be what Twilio counts.
const segments = "sms"

// phoneNumbers are billed for a month at once, on the day of the month that each
// was bought on, and their list has no price: support article 223182908. There
// is no record with a cost to compare with.
const (
	phoneNumbers       = "phonenumbers"
	whyNotPhoneNumbers = "phone numbers are billed by the month, and Twilio's list of them has no prices"
)

// totalPrice is the cost of all categories, and of what is in none.
const totalPrice = "totalprice"

// contained are categories that are parts of others, or sums of them. What
// follows a name after a hyphen is a part of it. Authy's calls and messages are
// "also included in" those of voice and SMS.
var contained = []string{
	"calls-inbound", "calls-outbound", "calls-sip-inbound", "calls-sip-outbound", "calls-recordings",
	"trunking-origination", "trunking-recordings", "sms-inbound", "sms-outbound", "mms-inbound", "mms-outbound",
	"phonenumbers-local", "phonenumbers-mobile", "phonenumbers-tollfree",
	"channels", "authy-calls-outbound", "authy-sms-outbound",
}

// role is what a Usage Record is to the comparison.
type role int

const (
	compared   role = iota // with the usage of the category it names
	fee                    // its cost belongs to another category
	monthly                // phone numbers
	total                  // of all costs
	part                   // of other categories, or their sum
	notMetered             // of no list that is pulled
)

// roleOf is the role of a category, and the category that its figures count for.
func roleOf(category string) (role, string) {
	switch {
	case category == totalPrice:
		return total, category
	case category == phoneNumbers:
		return monthly, category
	case fees[category] != "":
		return fee, fees[category]
	case slices.ContainsFunc(metered, func(c warehouse.UsageCategory) bool { return c.Name == category }):
		return compared, category
	case slices.ContainsFunc(contained, func(name string) bool {
		return category == name || name != "channels" && strings.HasPrefix(category, name+"-")
	}):
		return part, category
	}
	return notMetered, category
}
