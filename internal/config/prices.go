package config

import (
	"fmt"
	"slices"

	"subtally/pricing"
)

// checkPrices reports the prices that a plan leaves out, and decimals to round
// to. Decoded they are 0, which may be meant: only the file tells one from the
// other.
func checkPrices(doc *document, plan *pricing.Plan) {
	for i := range plan.Charges {
		charge, in := &plan.Charges[i], fmt.Sprintf("charges[%d].", i)
		if charge.RoundRecords != nil {
			price(doc, in+"round_records", "say to how many decimals; 0 rounds to whole units of the currency", "decimals")
		}
		if charge.PerMinute != nil {
			eachPrice(doc, in+"per_minute.slots", len(charge.PerMinute.Slots), "a slot needs a rate", "rate")
		}
		if charge.Graduated != nil {
			eachPrice(doc, in+"graduated.tiers", len(charge.Graduated.Tiers), tierNeeds, "unit_price", "flat_fee")
		}
		if charge.Volume != nil {
			eachPrice(doc, in+"volume.tiers", len(charge.Volume.Tiers), tierNeeds, "unit_price", "flat_fee")
		}
		if charge.Package != nil {
			price(doc, in+"package", "a package needs a price", "price")
		}
		if m := charge.Percentage; m != nil {
			price(doc, in+"percentage", "a percentage needs a rate, tiers or a fee", "rate", "tiers[0]", "fee")
			eachPrice(doc, in+"percentage.tiers", len(m.Tiers), "a tier needs a rate or a flat_fee; where it is free, a rate of 0", "rate", "flat_fee")
		}
		if charge.Flat != nil {
			price(doc, in+"flat", "a flat fee needs an amount", "amount")
		}
	}
}

const tierNeeds = "a tier needs a unit_price or a flat_fee; where it is free, a unit_price of 0"

// price reports what a mapping needs where it has none of the keys, nor one
// that was meant to be one of them.
func price(doc *document, at, needs string, keys ...string) {
	if !slices.ContainsFunc(keys, func(key string) bool { return doc.has(at+"."+key) || doc.damaged(at+"."+key) }) {
		doc.problem(at+"."+keys[0], "%s", needs)
	}
}

// eachPrice is price for each of the n mappings in a list.
func eachPrice(doc *document, list string, n int, needs string, keys ...string) {
	for i := range n {
		price(doc, fmt.Sprintf("%s[%d]", list, i), needs, keys...)
	}
}
