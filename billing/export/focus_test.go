package export

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"subtally/billing"
	"subtally/pricing"
)

// Quantities, units and unit prices of FOCUS rows, by its rules: those of usage
// and purchases are never empty, no unit price is negative, a unit price times
// PricingQuantity is ListCost, and what is consumed is above zero and no money.
func TestFocusQuantities(t *testing.T) {
	usage := func(quantity string, unit pricing.Unit, unitPrice string, per, records int64, amount string) pricing.Line {
		return pricing.Line{Charge: "c", Category: pricing.Calls, Kind: pricing.Call, Quantity: number(quantity), Unit: unit,
			UnitPrice: number(unitPrice), Per: per, Records: records, Amount: number(amount)}
	}
	as := func(c pricing.Category, l pricing.Line) pricing.Line {
		l.Category, l.Kind = c, ""
		return l
	}
	adjusts := usage("-2", pricing.Month, "3", 1, 0, "-6")
	adjusts.Adjusts = "INV-1"
	contained := []pricing.Tax{{Name: "VAT", Rate: number("25"), Base: number("8"), Amount: number("2"), Inclusive: true}}
	tests := []struct {
		name  string
		line  pricing.Line
		taxes []pricing.Tax
		want  string // ListCost PricingQuantity PricingUnit ConsumedQuantity ConsumedUnit ListUnitPrice ContractedUnitPrice x_UnitPrice x_UnitPricePer
	}{
		{name: "seconds", line: usage("120", pricing.Second, "0.03", 60, 2, "0.06"), want: "0.06 120 Seconds 120 Seconds 0.0005 0.0005 0.03 60"},
		{name: "a share of the cost", line: usage("12.5", "USD", "140", 100, 7, "17.5"), want: "17.5 12.5 USD 7 Records 1.4 1.4 140 100"},
		{name: "given back", line: usage("-12.5", "USD", "140", 100, 7, "-17.5"), want: "-17.5 -12.5 USD 7 Records 1.4 1.4 140 100"},
		{name: "no unit", line: usage("2", "", "3", 1, 2, "6"), want: "6 2 Units 2 Records 3 3 3 1"},
		{name: "calls of no seconds", line: usage("0", pricing.Second, "0.03", 60, 3, "0"), want: "0 0 Seconds 3 Records 0.0005 0.0005 0.03 60"},
		{name: "nothing", line: usage("0", pricing.Second, "0.03", 60, 0, "0"), want: "0 0 Seconds - - 0.0005 0.0005 0.03 60"},
		{name: "discount", line: as(pricing.Adjustments, usage("1", pricing.Month, "-5", 1, 0, "-5")), want: "-5 -1 Months - - 5 5 5 1"},
		{name: "credit", line: as(pricing.CreditsUsed, usage("1", pricing.Month, "-2.5", 1, 0, "-2.5")), want: "-2.5 -1 Months - - 2.5 2.5 2.5 1"},
		{name: "surcharge", line: as(pricing.Surcharges, usage("10", "USD", "5", 100, 0, "0.5")), want: "0.5 10 USD - - 0.05 0.05 5 100"},
		{name: "correction", line: adjusts, want: "-6 -2 Months - - 3 3 3 1"},
		{name: "tax in the price", line: usage("5", pricing.Message, "2", 1, 5, "10"), taxes: contained, want: "8 5 Messages 5 Messages 1.6 1.6 2 1"},
		{name: "tax in a fee", line: as(pricing.Fees, usage("1", pricing.Month, "10", 1, 0, "10")), taxes: contained, want: "8 1 Months - - 8 8 10 1"},
	}
	columns := strings.Fields("ListCost PricingQuantity PricingUnit ConsumedQuantity ConsumedUnit ListUnitPrice ContractedUnitPrice x_UnitPrice x_UnitPricePer")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			doc := &billing.Document{Kind: billing.Invoice, Revision: 1, Period: october, Tenant: "acme", Number: "INV-2", Currency: "USD",
				Lines: []pricing.Line{tt.line}, Net: tt.line.Amount, Total: tt.line.Amount, Taxes: tt.taxes}
			for _, tax := range tt.taxes {
				doc.Net = doc.Net.Sub(tax.Amount)
			}
			var b bytes.Buffer
			if err := Focus(&b, Format{}, []Invoice{{Document: doc}}); err != nil {
				t.Fatal(err)
			}
			rows, err := csv.NewReader(&b).ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			cells := map[string]string{}
			for i, name := range rows[0] {
				cells[name] = rows[1][i]
			}
			var got []string
			for _, name := range columns {
				if cells[name] == "" {
					cells[name] = "-"
				}
				got = append(got, cells[name])
			}
			if diff := cmp.Diff(tt.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if cells["ListUnitPrice"] != "-" && !number(cells["ListUnitPrice"]).Mul(number(cells["PricingQuantity"])).Equal(number(cells["ListCost"])) {
				t.Errorf("%s x %s is not %s", cells["ListUnitPrice"], cells["PricingQuantity"], cells["ListCost"])
			}
		})
	}
}
