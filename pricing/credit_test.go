package pricing

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
)

func TestCredits(t *testing.T) {
	credit := func(id, amount string) Credit { return Credit{ID: id, Description: id, Amount: dec(amount)} }
	taken := func(id, amount string) Taken { return Taken{Credit: id, Amount: dec(amount)} }
	tests := []struct {
		name    string
		credits []Credit
		carried []Taken
		want    []string // the lines after the fees of 12.00, taxed as A, and 8.00, taxed as B
		left    []Taken
	}{
		{"shared over the tax codes",
			// 5 x 12/20 and 5 x 8/20.
			[]Credit{credit("c", "5")}, nil,
			[]string{"c: 0 records, 1 month x -3/1 = -3.00", "c: 0 records, 1 month x -2/1 = -2.00"}, []Taken{taken("c", "5")}},
		{"to the cent",
			// 1.01 x 12/20 = 0.606 and 0.404.
			[]Credit{credit("c", "1.01")}, nil,
			[]string{"c: 0 records, 1 month x -0.61/1 = -0.61", "c: 0 records, 1 month x -0.4/1 = -0.40"}, []Taken{taken("c", "1.01")}},
		{"no more than the invoice; the rest is carried",
			[]Credit{credit("c", "50")}, nil,
			[]string{"c: 0 records, 1 month x -12/1 = -12.00", "c: 0 records, 1 month x -8/1 = -8.00"}, []Taken{taken("c", "20")}},
		{"what is left of it",
			// 50 - 45 = 5.
			[]Credit{credit("c", "50")}, []Taken{taken("c", "45")},
			[]string{"c: 0 records, 1 month x -3/1 = -3.00", "c: 0 records, 1 month x -2/1 = -2.00"}, []Taken{taken("c", "50")}},
		{"used up", []Credit{credit("c", "50")}, []Taken{taken("c", "50")}, nil, []Taken{taken("c", "50")}},
		{"lowered below what was used", []Credit{credit("c", "10")}, []Taken{taken("c", "20")}, nil, []Taken{taken("c", "20")}},
		{"raised", // 25 - 20 = 5.
			[]Credit{credit("c", "25")}, []Taken{taken("c", "20")},
			[]string{"c: 0 records, 1 month x -3/1 = -3.00", "c: 0 records, 1 month x -2/1 = -2.00"}, []Taken{taken("c", "25")}},
		{"in order, each on what is left; an untouched one is not carried",
			// 15 is 9 + 6; 3 + 2 are left of 12 + 8.
			[]Credit{credit("a", "15"), credit("b", "10"), credit("c", "1")}, nil,
			[]string{"a: 0 records, 1 month x -9/1 = -9.00", "a: 0 records, 1 month x -6/1 = -6.00",
				"b: 0 records, 1 month x -3/1 = -3.00", "b: 0 records, 1 month x -2/1 = -2.00"}, []Taken{taken("a", "15"), taken("b", "5")}},
		{"one that the plan does not have is kept", nil, []Taken{taken("old", "7")}, nil, []Taken{taken("old", "7")}},
		{"outside its dates, and kept",
			[]Credit{{ID: "c", Description: "c", Amount: dec("5"), From: Date{2026, 10, 2}}, {ID: "d", Description: "d", Amount: dec("5"), Until: october}},
			[]Taken{taken("d", "1")}, nil, []Taken{taken("d", "1")}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := plan(Charge{TaxCode: "A", Flat: &Flat{Amount: dec("12")}}, Charge{TaxCode: "B", Flat: &Flat{Amount: dec("8")}})
			p.Credits = tt.credits
			r := NewRater(p, Tables{}, inOctober, Carried{Credits: tt.carried})
			r.Lines()
			lines := r.Lines()[2:] // asking twice takes nothing twice
			if diff := cmp.Diff(tt.want, showAll(lines)); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.left, r.Carry().Credits); diff != "" {
				t.Errorf("carried (-want +got):\n%s", diff)
			}
			for i, l := range lines {
				if want := []string{"A", "B"}[i%2]; l.TaxCode != want || l.Category != CreditsUsed {
					t.Errorf("line %d: tax code %q, category %q", i, l.TaxCode, l.Category)
				}
			}
		})
	}
}

// A discount on the whole invoice and a surcharge belong to no charge; the
// credit is shared by what their tax codes have left all the same.
func TestCreditFollowsTaxCodes(t *testing.T) {
	p := plan(Charge{TaxCode: "A", Flat: &Flat{Amount: dec("12")}}, Charge{TaxCode: "B", Flat: &Flat{Amount: dec("8")}})
	p.Discounts = []Discount{{ID: "d", Description: "Half", Percent: decp("50")}}
	p.Surcharges = []Surcharge{{ID: "s", Description: "Surcharge", Amount: decp("10"), TaxCode: "B"}}
	p.Credits = []Credit{{ID: "c", Description: "Credit", Amount: dec("10")}}
	// 6 of A and 4 + 10 of B: 10 x 6/20 and 10 x 14/20.
	want := []string{"Credit: 0 records, 1 month x -3/1 = -3.00", "Credit: 0 records, 1 month x -7/1 = -7.00"}
	lines := NewRater(p, Tables{}, inOctober, Carried{}).Lines()
	if diff := cmp.Diff(want, showAll(lines[len(lines)-2:])); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

// A credit is not used on an invoice that a refund has brought below zero.
func TestCreditBesideRefund(t *testing.T) {
	p := plan(Charge{Match: Match{Kind: []Kind{Call}}, CostPlus: &CostPlus{}})
	p.Credits = []Credit{{ID: "c", Description: "Credit", Amount: dec("10")}}
	r := NewRater(p, Tables{}, inOctober, Carried{})
	rec := call("+4930", 60)
	rec.Cost = decimal.NewNullDecimal(dec("-5"))
	r.Rate(&rec)
	if lines := r.Lines(); len(lines) != 1 || r.Carry().Credits != nil {
		t.Errorf("lines %q, carried %v", showAll(lines), r.Carry().Credits)
	}
}
