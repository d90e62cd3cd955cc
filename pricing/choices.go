package pricing

import (
	"maps"
	"slices"

	"github.com/bojanz/currency"
)

// What keys of a plan whose type is their own are chosen from.
var (
	Directions = []Direction{Inbound, Outbound}
	Channels   = []Channel{Voice, SIP, Client, SIM, Channel(SMS), Channel(MMS), Channel(WhatsApp)}
	NearEnds   = []NearEnd{LongCode, ShortCode, Name}
	Legs       = []Leg{Parent, Child}
	Roundings  = []Rounding{HalfUp, HalfEven, Up, Down}
)

// Models lists the keys of a charge's models.
var Models = []string{"per_minute", "per_unit", "graduated", "volume", "package", "percentage", "cost_plus", "flat"}

// Choices lists the values that a plan's keys are chosen from, by the Go name
// of their type, such as "Leg", or of the field, such as "Flat.Per", which goes
// before its type. "Plan.Statuses.call" are the statuses of a kind. Keys that
// are not here take any value of their type.
func Choices() map[string][]string {
	prorate := []string{ProrateDay, ProrateNone}
	blocks := texts([]Rounding{Up, Down})
	out := map[string][]string{
		"Kind":      texts(Kinds),
		"Direction": texts(Directions),
		"Channel":   texts(Channels),
		"NearEnd":   texts(NearEnds),
		"Leg":       texts(Legs),
		"Rounding":  texts(Roundings),
		"Weekday":   texts(Weekdays),

		"Plan.Currency":         currency.GetCurrencyCodes(),
		"Plan.TaxRounding":      {TaxPerInvoice, TaxPerLine},
		"Limits.MinimumProrate": prorate,
		"Meter.Quantity":        Quantities,
		"Meter.Over":            {OverTenant, OverSubaccount},
		"PerMinute.AtBoundary":  {BoundaryStart, BoundarySplit},
		"PerUnit.Per":           {PerMonth},
		"Tiered.Round":          blocks,
		"Package.Round":         blocks,
		"Flat.Per":              {FlatPeriod, FlatSubaccount, FlatNumber},
		"Flat.Prorate":          prorate,
		"Allowance.Prorate":     prorate,
		"Surcharge.Per":         {SurchargeTenant, SurchargeSubaccount, SurchargeNumber, SurchargeLine},
	}
	units := map[Unit]bool{Minute: true}
	status := map[string]bool{}
	for _, k := range Kinds {
		out["Plan.Statuses."+string(k)] = statuses[k]
		for _, s := range statuses[k] {
			status[s] = true
		}
		units[k.Unit()], units[recordUnit(k)] = true, true
	}
	out["Match.Status"] = slices.Sorted(maps.Keys(status))
	out["Allowance.Unit"] = texts(slices.Sorted(maps.Keys(units)))
	return out
}

func texts[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = string(v)
	}
	return out
}
