// Package pricing turns metered usage into exact amounts of money.
//
// A [Plan] lists charges; a [Rater] prices one tenant's period under it,
// record by record: the first charge whose filter fits prices the record, by
// a rate deck where the charge names one. A [Line] collects the records that
// were billed at one price. Quantities are summed exactly; the division (a
// price per minute over seconds) and the rounding to the currency's minor unit
// happen once, per line.
//
// Nothing is priced at zero in silence: usage that no charge or rate covers
// comes back as [Unrated] with its count and cost.
//
// The package is pure. It reads no file, no clock and no database, and it
// imports nothing of Subtally's.
package pricing
