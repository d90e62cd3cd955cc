package billing

import (
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"subtally/pricing"
)

// checked is an invoice over 3 minutes at 0.0125, 0.0375 rounded to 0.04, and a
// fee of 10.00; 19 % of 10.04 is 1.9076, rounded to 1.91; in all 11.95.
func checked() *Document {
	return &Document{
		Number: "INV-1", Currency: "USD",
		Lines: []pricing.Line{
			{Charge: "calls", Quantity: number("180"), UnitPrice: number("0.0125"), Per: 60, Amount: number("0.04")},
			{Charge: "fee", Quantity: number("1"), UnitPrice: number("10"), Per: 1, Amount: number("10")},
		},
		Net: number("10.04"), Taxes: []pricing.Tax{{Name: "VAT", Rate: number("19"), Base: number("10.04"), Amount: number("1.91")}},
		Total: number("11.95"),
	}
}

func TestCheck(t *testing.T) {
	if err := checked().Check(); err != nil {
		t.Error(err)
	}
	// Of 119.00 gross 19.00 are contained.
	inclusive := &Document{
		Currency: "EUR", Lines: []pricing.Line{{Quantity: number("1"), UnitPrice: number("119"), Per: 1, Amount: number("119")}},
		Net: number("100"), Taxes: []pricing.Tax{{Rate: number("19"), Base: number("100"), Amount: number("19"), Inclusive: true}}, Total: number("119"),
	}
	if err := inclusive.Check(); err != nil {
		t.Error(err)
	}
	for want, change := range map[string]func(d *Document){
		"line 1 (charge \"calls\") has an amount of 0.05, but its quantity and price come to 0.0375": func(d *Document) {
			d.Lines[0].Amount, d.Net, d.Total = number("0.05"), number("10.05"), number("11.96")
		},
		"line 2 (charge \"fee\"): amount 10.001 has more than the 2 decimals of USD": func(d *Document) { d.Lines[1].Amount = number("10.001") },
		"has a unit price for 0 units":                                                 func(d *Document) { d.Lines[1].Per = 0 },
		"its lines add up to 10.04, not to its net 10.05":                              func(d *Document) { d.Net = number("10.05") },
		"tax \"VAT\" has an amount of 2.91, but 19 % of 10.04 is 1.9076":               func(d *Document) { d.Taxes[0].Amount, d.Total = number("2.91"), number("12.95") },
		"tax \"VAT\": base 10.041 has more":                                            func(d *Document) { d.Taxes[0].Base = number("10.041") },
		"tax \"VAT\": amount 1.911 has more":                                           func(d *Document) { d.Taxes[0].Amount = number("1.911") },
		"its net and taxes add up to 11.95, not to its total 11.96":                    func(d *Document) { d.Total = number("11.96") },
		"its lines add up to 10.04, not to its net 10.04 with contained taxes of 1.91": func(d *Document) { d.Taxes[0].Inclusive = true },
	} {
		d := checked()
		change(d)
		if err := d.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestCheckTakesBack(t *testing.T) {
	note := func() *Document {
		d := checked()
		for i := range d.Lines {
			d.Lines[i].Quantity, d.Lines[i].Amount = d.Lines[i].Quantity.Neg(), d.Lines[i].Amount.Neg()
		}
		d.Taxes[0].Base, d.Taxes[0].Amount = d.Taxes[0].Base.Neg(), d.Taxes[0].Amount.Neg()
		d.Number, d.Net, d.Total = "CN-1", d.Net.Neg(), d.Total.Neg()
		return d
	}
	if err := note().Check(); err != nil {
		t.Error(err)
	}
	if err := note().CheckTakesBack(checked()); err != nil {
		t.Error(err)
	}
	less := decimal.RequireFromString("0.01")
	for want, change := range map[string]func(d *Document){
		"its line 1, quantity, is -179.99":                           func(d *Document) { d.Lines[0].Quantity = d.Lines[0].Quantity.Add(less) },
		"its line 2, amount, is -9.99":                               func(d *Document) { d.Lines[1].Amount = d.Lines[1].Amount.Add(less) },
		"its line 2 (charge \"other\") is not that of invoice INV-1": func(d *Document) { d.Lines[1].Charge = "other" },
		"it has 1 lines":                                             func(d *Document) { d.Lines = d.Lines[1:] },
		"its tax \"VAT\" is -1.9,":                                   func(d *Document) { d.Taxes[0].Amount = d.Taxes[0].Amount.Add(less) },
		"its net is -10.03, and":                                     func(d *Document) { d.Net = d.Net.Add(less) },
		"its total is -11.94, and":                                   func(d *Document) { d.Total = d.Total.Add(less) },
		"in EUR, and invoice INV-1":                                  func(d *Document) { d.Currency = "EUR" },
	} {
		d := note()
		change(d)
		if err := d.CheckTakesBack(checked()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
