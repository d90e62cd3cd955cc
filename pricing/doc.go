// Package pricing turns metered usage into exact amounts of money.
//
// A [Plan] lists charges; a [Rater] prices one tenant's period under it,
// record by record: the first charge whose filter fits prices the record, by
// the charge's model. A [Line] collects the records that were billed at one
// price, or is a part of a sum that is priced as a whole, or a fee. Its exact
// amount is quantity x unit price / per and nothing else. Quantities are summed
// exactly; the division and the rounding to the currency's minor unit happen
// once, per line. What follows from lines comes after: limits, discounts,
// surcharges, credits, and last [Plan.Total] with the taxes.
//
// Nothing is priced at zero in silence: usage that no charge or rate covers
// comes back as [Unrated] with its count and cost. [Rater.Explain] and
// [Rater.ExplainLine] tell how an amount came about.
//
// What one period leaves to the next (fees in advance, allowances that roll
// over, credits) is in [Carried]: it goes in with one period and comes out with
// the next, and nothing is remembered in between.
//
// README.md beside this file is the reference of plans, with an amount worked
// out for each model.
//
// The package is pure. It opens no file, reads no clock and no database, and it
// imports nothing of Subtally's.
package pricing
