package twilio

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"github.com/shopspring/decimal"
)

// UsageRecords is Twilio's own sums of usage by category and day; read with
// [Client.UsageRecords].
const UsageRecords Resource = "usage_records"

// UsageRecord is what Twilio's billing says of an account's category on a UTC
// day. The categories overlap: some are parts of others.
type UsageRecord struct {
	Category string    // as Twilio names it; there are more than anyone documents
	Day      time.Time // midnight UTC
	// Count is of usage events, such as calls, and 0 where Twilio leaves it
	// empty. It and Quantity are rounded to 12 decimals: some categories measure
	// gigabytes.
	Count    decimal.Decimal
	Quantity decimal.Decimal
	Unit     string          // of the quantity, as Twilio names it, such as minutes; may be empty
	Cost     decimal.Decimal // positive, as Twilio sends it here; 0 while there is no price
	Currency string          // ISO 4217, upper case; empty while there is no price, or if Twilio names none
	AsOf     time.Time       // what happened until then is in it
}

// IsZero reports whether nothing was used and nothing charged.
func (r *UsageRecord) IsZero() bool {
	return r.Count.IsZero() && r.Quantity.IsZero() && r.Cost.IsZero()
}

// UsageRecords reads an account's own usage by category and UTC day of [from,
// to), which are given as midnights in UTC, without that of its subaccounts.
// See https://www.twilio.com/docs/usage/api/usage-record.
func (c *Client) UsageRecords(ctx context.Context, account string, from, to time.Time) ([]UsageRecord, error) {
	q := url.Values{}
	q.Set("StartDate", from.Format(time.DateOnly))
	q.Set("EndDate", to.AddDate(0, 0, -1).Format(time.DateOnly)) // inclusive
	q.Set("IncludeSubaccounts", "false")
	l, err := accountListing(account, UsageRecords, "Usage/Records/Daily.json", q)
	if err != nil {
		return nil, err
	}
	decode := func(uri string, body []byte) ([]UsageRecord, string, error) {
		return decodeUsageRecords(account, uri, body, from, to)
	}
	return collect(ctx, c, l, decode, func(r UsageRecord) string { return r.Day.Format(time.DateOnly) + " " + r.Category })
}

// decodeUsageRecords reads a page of Usage Records. Those of other days are
// left out.
func decodeUsageRecords(account, uri string, body []byte, from, to time.Time) (all []UsageRecord, next string, err error) {
	var e struct {
		Next text `json:"next_page_uri"`
		Rows *[]struct {
			AccountSID text `json:"account_sid"`
			Category   text `json:"category"`
			StartDate  text `json:"start_date"`
			EndDate    text `json:"end_date"`
			AsOf       text `json:"as_of"`
			Count      text `json:"count"`
			Usage      text `json:"usage"`
			UsageUnit  text `json:"usage_unit"`
			Price      text `json:"price"`
			PriceUnit  text `json:"price_unit"`
		} `json:"usage_records"`
	}
	broken := json.Unmarshal(body, &e)
	next, err = checkEnvelope(account, UsageRecords, uri, broken, "usage_records", e.Rows != nil, e.Next)
	if err != nil {
		return nil, "", err
	}
	for _, row := range *e.Rows {
		// A usage record has no sid: errors name its category and day.
		rec := record{account: account, resource: UsageRecords, url: uri, sid: row.Category.s + " on " + row.StartDate.s}
		rec.owned(row.AccountSID)
		r := UsageRecord{
			Category: rec.required("category", row.Category),
			Day:      rec.day("start_date", row.StartDate),
			Count:    rec.amount("count", row.Count).Round(usagePlaces),
			Quantity: rec.amount("usage", row.Usage).Round(usagePlaces),
			Unit:     rec.str("usage_unit", row.UsageUnit),
			Cost:     rec.cost(row.Price),
			Currency: rec.currency(row.PriceUnit),
			AsOf:     rec.requiredDate("as_of", row.AsOf),
		}
		if row.Price.s == "" {
			r.Currency = ""
		}
		if end := rec.day("end_date", row.EndDate); !end.Equal(r.Day) {
			rec.fail("end_date", row.EndDate.s, "not the same day as start_date")
		}
		if rec.err != nil {
			return nil, "", rec.err
		}
		if !r.Day.Before(from) && r.Day.Before(to) {
			all = append(all, r)
		}
	}
	return all, next, nil
}

// day reads a date without a time, as midnight UTC.
func (r *record) day(field string, t text) time.Time {
	d, err := time.Parse(time.DateOnly, r.required(field, t))
	if err != nil {
		r.fail(field, t.s, "not a date like 2026-10-31")
	}
	return d
}

// cost reads a sum of prices, which is positive here; 0 while there is none.
func (r *record) cost(t text) decimal.Decimal {
	d := r.amount("price", t)
	if !d.Equal(d.Truncate(usagePlaces)) {
		r.fail("price", t.s, fmt.Sprintf("more than %d digits after the point", usagePlaces))
	}
	return d
}

// usagePlaces is how many decimals of a sum of usage or costs are kept, and
// mostUsage the first one with too many digits before the point.
const usagePlaces = 12

var mostUsage = decimal.New(1, 20)

// amount reads a sum, a string or a number; 0 if there is none.
func (r *record) amount(field string, t text) decimal.Decimal {
	if t.s == "" && t.form != other {
		return decimal.Decimal{}
	}
	if len(t.s) > 64 || t.form != number && !plainDecimal(t.s) {
		r.fail(field, t.s, "not a decimal number")
		return decimal.Decimal{}
	}
	d, err := decimal.NewFromString(t.s)
	if err != nil || d.Abs().GreaterThanOrEqual(mostUsage) {
		r.fail(field, t.s, "not a decimal number of a usual size")
		return decimal.Decimal{}
	}
	return d
}
