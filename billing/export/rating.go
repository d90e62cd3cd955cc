package export

import (
	"encoding/csv"
	"encoding/json"
	"io"

	"github.com/shopspring/decimal"

	"subtally/billing"
	"subtally/pricing"
)

// rating is a [billing.Rating] as JSON. Every amount is text: rounded ones have
// all decimals of the currency's minor unit.
type rating struct {
	Plan       string          `json:"plan"`
	Digest     string          `json:"digest"`
	Period     string          `json:"period"`
	TimeZone   string          `json:"time_zone"`
	Currency   string          `json:"currency"`
	Lines      []ratedLine     `json:"lines"`
	Net        string          `json:"net"`
	Taxes      []tax           `json:"taxes"`
	Total      string          `json:"total"`
	Unrated    []unrated       `json:"unrated"`
	NotCharged int64           `json:"not_charged"`
	Records    int64           `json:"records"`
	Outside    int64           `json:"outside"`
	Carried    pricing.Carried `json:"carried"`

	Rates     []pricing.ExchangeRate `json:"exchange_rates,omitempty"`
	Explained []billing.Explanation  `json:"explained,omitempty"`
}

type ratedLine struct {
	pricing.Line
	Exact  string `json:"exact"` // see pricing.Line.ExactText
	Amount string `json:"amount"`
}

type tax struct {
	pricing.Tax
	Base   string `json:"base"`
	Amount string `json:"amount"`
}

type unrated struct {
	Kind     pricing.Kind    `json:"kind"`
	Reason   string          `json:"reason"`
	Records  int64           `json:"records"`
	Cost     decimal.Decimal `json:"cost"`
	Currency string          `json:"currency"`
}

func ratingOf(r *billing.Rating) rating {
	d := &r.Document
	fixed := minorUnits(d.Currency)
	out := rating{
		Plan: d.Plans[0].Name, Digest: d.Plans[0].Digest, Period: d.Period.Label(), TimeZone: d.Period.TimeZone, Currency: d.Currency,
		Lines: []ratedLine{}, Net: fixed(d.Net), Taxes: []tax{}, Total: fixed(d.Total), Unrated: []unrated{},
		NotCharged: r.NotCharged, Records: d.Usage.Records, Outside: r.Outside, Carried: r.Carried, Rates: d.Rates, Explained: r.Explained,
	}
	for _, l := range d.Lines {
		out.Lines = append(out.Lines, ratedLine{l, l.ExactText(), fixed(l.Amount)})
	}
	for _, t := range d.Taxes {
		out.Taxes = append(out.Taxes, tax{t, fixed(t.Base), fixed(t.Amount)})
	}
	for _, u := range r.Unrated {
		out.Unrated = append(out.Unrated, unrated(u))
	}
	return out
}

// minorUnits writes amounts with all decimals of a currency's minor unit.
func minorUnits(currency string) func(decimal.Decimal) string {
	places := pricing.MinorUnits(currency)
	return func(d decimal.Decimal) string { return d.StringFixed(places) }
}

// RatingJSON writes what usage comes to under one plan.
func RatingJSON(w io.Writer, r *billing.Rating) error { return indented(w, ratingOf(r)) }

// RatingCSV writes the lines of what usage comes to, with the columns of [LinesTable]; there
// is no tenant, invoice or status.
func RatingCSV(w io.Writer, r *billing.Rating) error {
	lines, err := NewLines(w, Format{})
	if err != nil {
		return err
	}
	if err := lines.Add(&r.Document, ""); err != nil {
		return err
	}
	return lines.Close()
}

type difference struct {
	Amount     string `json:"amount"`
	Against    string `json:"against"`
	Difference string `json:"difference"`
}

type chargeDifference struct {
	Charge string `json:"charge"`
	difference
}

func differenceOf(d billing.Difference, currency string) difference {
	fixed := minorUnits(currency)
	return difference{fixed(d.Plan), fixed(d.Against), fixed(d.By())}
}

// ComparisonJSON writes the same usage under two plans: both ratings whole, and
// the differences.
func ComparisonJSON(w io.Writer, c *billing.Comparison) error {
	code := c.Plan.Document.Currency
	charges := []chargeDifference{}
	for _, d := range c.Charges {
		charges = append(charges, chargeDifference{d.Charge, differenceOf(d.Difference, code)})
	}
	return indented(w, struct {
		Plan    rating             `json:"plan"`
		Against rating             `json:"against"`
		Charges []chargeDifference `json:"charges"`
		Net     difference         `json:"net"`
		Tax     difference         `json:"tax"`
		Total   difference         `json:"total"`
	}{
		ratingOf(c.Plan), ratingOf(c.Against), charges,
		differenceOf(c.Net, code), differenceOf(c.Tax, code), differenceOf(c.Total, code),
	})
}

// ComparisonColumns are the columns of [ComparisonCSV].
var ComparisonColumns = []string{"period", "row", "charge", "amount", "against", "difference", "currency"}

// ComparisonCSV writes the same usage under two plans: a row per charge, and
// one each for net, tax and total; difference = against - amount. What is of
// the whole invoice is a row without a charge.
func ComparisonCSV(w io.Writer, c *billing.Comparison) error {
	doc := &c.Plan.Document
	out := csv.NewWriter(w)
	write := func(row, charge string, d billing.Difference) {
		text := differenceOf(d, doc.Currency)
		out.Write([]string{doc.Period.Label(), row, charge, text.Amount, text.Against, text.Difference, doc.Currency}) //nolint:errcheck // csv.Writer keeps its error
	}
	out.Write(ComparisonColumns) //nolint:errcheck // as above
	for _, d := range c.Charges {
		write("charge", d.Charge, d.Difference)
	}
	write("net", "", c.Net)
	write("tax", "", c.Tax)
	write("total", "", c.Total)
	out.Flush()
	return out.Error()
}

func indented(w io.Writer, v any) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	return out.Encode(v)
}
