package billing

import (
	"fmt"

	"github.com/shopspring/decimal"

	"subtally/pricing"
)

// Check says where a document does not add up, in its currency: a line that is
// not quantity x unit price / per, rounded to the minor unit (ISO 4217); a net
// that is not the lines; a tax that is not its rate of its base; a total that is
// not net and taxes.
func (d *Document) Check() error {
	places := pricing.MinorUnits(d.Currency)
	unit := decimal.New(1, -places)
	minor := func(what string, amount decimal.Decimal) error {
		if !amount.Equal(amount.Truncate(places)) {
			return fmt.Errorf("%s %s has more than the %d decimals of %s: round it when it is made", what, amount, places, d.Currency)
		}
		return nil
	}
	var lines, contained decimal.Decimal
	for i := range d.Lines {
		line := &d.Lines[i]
		what := fmt.Sprintf("line %d (charge %q)", i+1, line.Charge)
		if line.Per < 1 {
			return fmt.Errorf("%s has a unit price for %d units: it must be for 1 or more", what, line.Per)
		}
		if err := minor(what+": amount", line.Amount); err != nil {
			return err
		}
		// The document does not say which way it was rounded.
		if exact := line.Exact(); !line.Amount.Sub(exact).Abs().LessThan(unit) {
			return fmt.Errorf("%s has an amount of %s, but its quantity and price come to %s", what, line.Amount, exact)
		}
		lines = lines.Add(line.Amount)
	}
	total := d.Net
	// Each line's tax may have been rounded, and what the base is less.
	most := unit.Mul(decimal.NewFromInt(int64(len(d.Lines) + len(d.Taxes) + 1)))
	for _, tax := range d.Taxes {
		what := fmt.Sprintf("tax %q", tax.Name)
		if err := minor(what+": base", tax.Base); err != nil {
			return err
		}
		if err := minor(what+": amount", tax.Amount); err != nil {
			return err
		}
		if exact := tax.Base.Mul(tax.Rate).Shift(-2); tax.Amount.Sub(exact).Abs().GreaterThan(most) {
			return fmt.Errorf("%s has an amount of %s, but %s %% of %s is %s", what, tax.Amount, tax.Rate, tax.Base, exact)
		}
		total = total.Add(tax.Amount)
		if tax.Inclusive {
			contained = contained.Add(tax.Amount)
		}
	}
	if !lines.Equal(d.Net.Add(contained)) {
		return fmt.Errorf("its lines add up to %s, not to its net %s with contained taxes of %s: draft it again", lines, d.Net, contained)
	}
	if !total.Equal(d.Total) {
		return fmt.Errorf("its net and taxes add up to %s, not to its total %s: draft it again", total, d.Total)
	}
	return nil
}

// CheckTakesBack says where a credit note is not the whole of an invoice with
// its quantities and amounts negated.
func (d *Document) CheckTakesBack(invoice *Document) error {
	negated := func(what string, got, of decimal.Decimal) error {
		if !got.Equal(of.Neg()) {
			return fmt.Errorf("its %s is %s, and %s on invoice %s, which it takes back", what, got, of, invoice.Number)
		}
		return nil
	}
	if d.Currency != invoice.Currency || len(d.Lines) != len(invoice.Lines) || len(d.Taxes) != len(invoice.Taxes) {
		return fmt.Errorf("it has %d lines and %d taxes in %s, and invoice %s, which it takes back, %d and %d in %s",
			len(d.Lines), len(d.Taxes), d.Currency, invoice.Number, len(invoice.Lines), len(invoice.Taxes), invoice.Currency)
	}
	for i := range d.Lines {
		line, of := &d.Lines[i], &invoice.Lines[i]
		what := fmt.Sprintf("line %d", i+1)
		if line.Charge != of.Charge || line.Kind != of.Kind || line.Item != of.Item || !line.UnitPrice.Equal(of.UnitPrice) || line.Per != of.Per || line.TaxCode != of.TaxCode {
			return fmt.Errorf("its %s (charge %q) is not that of invoice %s, which it takes back", what, line.Charge, invoice.Number)
		}
		if err := negated(what+", quantity,", line.Quantity, of.Quantity); err != nil {
			return err
		}
		if err := negated(what+", amount,", line.Amount, of.Amount); err != nil {
			return err
		}
	}
	for i := range d.Taxes {
		if err := negated(fmt.Sprintf("tax %q", d.Taxes[i].Name), d.Taxes[i].Amount, invoice.Taxes[i].Amount); err != nil {
			return err
		}
	}
	if err := negated("net", d.Net, invoice.Net); err != nil {
		return err
	}
	return negated("total", d.Total, invoice.Total)
}
