package nightly

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"subtally/billing"
	"subtally/ingest/twiliosim"
	"subtally/pricing"
)

// dearer makes a minute cost so much from now on.
func dearer(j *Job, price string) {
	p := *j.Biller.Plans["hand"]
	p.Charges = slices.Clone(p.Charges)
	rate := amount(price)
	p.Charges[0].PerMinute = &pricing.PerMinute{Rate: &rate, Initial: 1, Increment: 1}
	j.Biller.Plans = map[string]*pricing.Plan{"hand": &p}
}

func rerated(t *testing.T, j *Job, number, day string) *Rerating {
	t.Helper()
	r, err := j.Rerate(t.Context(), number, "wrong price", at(t, day))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// documents are what the register has of the tenant, in the order of its log.
func documents(t *testing.T, j *Job) (out []string) {
	t.Helper()
	if err := j.openRegister(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, e := range j.ofTenant["t"] {
		out = append(out, strings.Join([]string{e.Number, e.Kind, e.From.String()[:7], string(rune('0' + e.Revision)), e.Corrects, e.Total.String()}, " "))
	}
	return out
}

func wantDocuments(t *testing.T, j *Job, want ...string) {
	t.Helper()
	if got := documents(t, j); !slices.Equal(got, want) {
		t.Errorf("the register has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestRerate(t *testing.T) {
	j, sim, _ := quiet(t, func(_ *pricing.Plan, who *billing.Tenant) {
		who.Taxes = []pricing.TaxRate{{Name: "VAT", Rate: amount("19")}}
	})
	called(t, j, "a", "2026-10-10", 600, 1)
	october := finalized(t, j, sim, "2026-11-05", "2026-10")
	if r := rerated(t, j, october.Number, "2026-11-06"); r.Differs() {
		t.Errorf("differs though nothing has changed: %v", billing.CompareLines(r.Before, r.After))
	}
	dearer(j, "0.30")
	r := rerated(t, j, october.Number, "2026-11-06")
	diff := billing.CompareLines(r.Before, r.After)
	if !r.Differs() || len(diff) != 1 || diff[0].Before.String() != "6" || diff[0].After.String() != "3" {
		t.Fatalf("lines differ by %v", diff)
	}
	wantDocuments(t, j, "INV-2026-000001 invoice 2026-10 1  7.14")
	if err := j.Correct(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	// 600 s at 0.30 a minute are 3.00, and 19 % of that 0.57.
	corrected := []string{"INV-2026-000001 invoice 2026-10 1  7.14", "CN-2026-000001 credit_note 2026-10 1 INV-2026-000001 -7.14", "INV-2026-000002 invoice 2026-10 2  3.57"}
	wantDocuments(t, j, corrected...)
	wantAmounts(t, "credit note", r.Credit, "Calls -6.00", "net -6.00 total -7.14")
	if l := r.Credit.Lines[0]; l.Quantity.String() != "-600" || l.UnitPrice.String() != "0.6" || r.Credit.Taxes[0].Base.String() != "-6" || r.Credit.Taxes[0].Amount.String() != "-1.14" {
		t.Errorf("credit note: line %+v, taxes %+v", l, r.Credit.Taxes)
	}
	if c := r.After.Corrects; r.After.Revision != 2 || c == nil || c.Number != october.Number || c.Reason != "wrong price" || *c != *r.Credit.Corrects {
		t.Errorf("revision %d corrects %+v, the credit note %+v", r.After.Revision, c, r.Credit.Corrects)
	}
	for _, number := range []string{"CN-2026-000001", "INV-2026-000002"} {
		if _, err := os.Stat(filepath.Join(j.Files.Dir, "2026-10", "invoices", number+".pdf")); err != nil {
			t.Error(err)
		}
	}
	if _, err := j.Rerate(t.Context(), october.Number, "", at(t, "2026-11-07")); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "CN-2026-000001 has taken it back, and INV-2026-000002 was made after it") {
		t.Errorf("rerated again: %v", err)
	}
	if _, err := j.Rerate(t.Context(), "CN-2026-000001", "", at(t, "2026-11-07")); !errors.Is(err, ErrRefused) {
		t.Errorf("a credit note rerated: %v", err)
	}
	// The statement has all three, and the usage once.
	m := night(t, j, sim, "2026-11-08")["2026-10"]
	if got, want := statuses(m), "t credited INV-2026-000001, t finalized CN-2026-000001, t finalized INV-2026-000002"; got != want {
		t.Errorf("statement has %s, want %s", got, want)
	}
	if total := m.Statement.Totals[0]; total.Revenue.String() != "3" {
		t.Errorf("revenue %s, want 3", total.Revenue)
	}
	wantDocuments(t, j, corrected...)
}

// A process that dies between the credit note and the revision leaves the latter
// to the next one, which makes neither twice.
func TestRerateGoesOn(t *testing.T) {
	j, sim, _ := quiet(t)
	called(t, j, "a", "2026-10-10", 600, 1)
	finalized(t, j, sim, "2026-11-05", "2026-10")
	dearer(j, "0.30")
	r := rerated(t, j, "INV-2026-000001", "2026-11-06")
	if _, err := j.credit(t.Context(), r.Before, r.After.IssueDate, *r.After.Corrects); err != nil {
		t.Fatal(err)
	}
	night(t, j, sim, "2026-11-07") // does not invoice it again
	wantDocuments(t, j, "INV-2026-000001 invoice 2026-10 1  6", "CN-2026-000001 credit_note 2026-10 1 INV-2026-000001 -6")
	for range 2 {
		r, err := j.Rerate(t.Context(), "INV-2026-000001", "another reason", at(t, "2026-11-08"))
		if errors.Is(err, ErrRefused) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if r.Credit == nil || !r.Differs() || r.After.Corrects.Reason != "wrong price" {
			t.Errorf("goes on with credit note %v, reason %q", r.Credit, r.After.Corrects.Reason)
		}
		if err := j.Correct(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	wantDocuments(t, j, "INV-2026-000001 invoice 2026-10 1  6", "CN-2026-000001 credit_note 2026-10 1 INV-2026-000001 -6", "INV-2026-000002 invoice 2026-10 2  3")
}

// A month that was adjusted on a later invoice is not billed twice when it is
// rerated, nor are the adjustments that its invoice has of months before it lost.
func TestRerateOfAnAdjustedMonth(t *testing.T) {
	j, sim, _ := quiet(t)
	called(t, j, "a", "2026-10-10", 600, 1)
	finalized(t, j, sim, "2026-11-05", "2026-10")
	called(t, j, "b", "2026-10-11", 60, 1)
	called(t, j, "c", "2026-11-11", 120, 1)
	finalized(t, j, sim, "2026-12-05", "2026-11") // with 0.60 of October's
	dearer(j, "0.30")
	r := rerated(t, j, "INV-2026-000001", "2026-12-06")
	// 660 s at 0.30 a minute are 3.30, of which November has billed 0.60.
	wantAmounts(t, "October", r.After, "Calls 3.30", "Calls [2026-10: already invoiced on INV-2026-000002 (-1 record, -60 seconds)] of INV-2026-000001: -0.60", "net 2.70 total 2.70")
	if err := j.Correct(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	wantAdjusted := func(day, want string) {
		t.Helper()
		if got := strings.Join(amounts(look(t, j, day, "t", "2026-12")[0].Document), "; "); got != want {
			t.Errorf("%s: December is %s, want %s", day, got, want)
		}
	}
	wantAdjusted("2026-12-07", "net 0.00 total 0.00")
	called(t, j, "d", "2026-10-12", 20, 1) // at the price of the revision
	wantAdjusted("2026-12-08", "Calls [2026-10: usage came late or changed (+1 record, +20 seconds)] of INV-2026-000003: 0.10; net 0.10 total 0.10")

	r = rerated(t, j, "INV-2026-000002", "2026-12-09")
	// 120 s at 0.30 a minute. What October came to is 3.40: 2.70 were invoiced on its
	// revision, of 3.30, so that 0.60 of the call and 0.10 of the late one are left.
	wantAmounts(t, "November", r.After, "Calls 0.60", "Calls [2026-10: usage came late or changed (+2 records, +80 seconds)] of INV-2026-000003: 0.70", "net 1.30 total 1.30")
	if err := j.Correct(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	wantAdjusted("2026-12-10", "net 0.00 total 0.00")
}

func TestRerateRefuses(t *testing.T) {
	tests := []struct {
		name   string
		before func(*pricing.Plan, *billing.Tenant)
		after  func(*testing.T, *Job, *twiliosim.Server)
		number string
		want   string
	}{
		{"a draft", nil, nil, "t", `invoice "t" is not in the register; a draft has no number`},
		{"usage without a rate", nil, func(_ *testing.T, j *Job, _ *twiliosim.Server) {
			p := *j.Biller.Plans["hand"]
			p.Charges = p.Charges[1:]
			j.Biller.Plans = map[string]*pricing.Plan{"hand": &p}
		}, "INV-2026-000001", "usage has no rate today, such as 1 records of call: no charge fits"},
		{"a tenant that is gone", nil, func(_ *testing.T, j *Job, _ *twiliosim.Server) { j.Biller.Tenants[0].ID = "other" },
			"INV-2026-000001", "tenant t is not configured any more"},
		{"the next month has what it left", func(p *pricing.Plan, _ *billing.Tenant) {
			p.Charges = append(p.Charges, advance("10.00"))
		}, func(t *testing.T, j *Job, sim *twiliosim.Server) {
			finalized(t, j, sim, "2026-12-05", "2026-11")
			p := *j.Biller.Plans["hand"]
			p.Charges = slices.Clone(p.Charges)
			p.Charges[2] = advance("12.00")
			j.Biller.Plans = map[string]*pricing.Plan{"hand": &p}
		}, "INV-2026-000001", "it leaves fees in advance, an allowance or credits to INV-2026-000002, which is finalized"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var change []func(*pricing.Plan, *billing.Tenant)
			if tt.before != nil {
				change = append(change, tt.before)
			}
			j, sim, _ := quiet(t, change...)
			called(t, j, "a", "2026-10-10", 600, 1)
			finalized(t, j, sim, "2026-11-05", "2026-10")
			if tt.after != nil {
				tt.after(t, j, sim)
			}
			if _, err := j.Rerate(t.Context(), tt.number, "", at(t, "2026-12-06")); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %s", err, tt.want)
			}
			if n := len(j.ofTenant["t"]); tt.after == nil && n != 1 {
				t.Errorf("%d documents", n)
			}
		})
	}
}

// A month that a person has credited stays so until a person finalizes it.
func TestCreditAlone(t *testing.T) {
	j, sim, who := quiet(t)
	called(t, j, "a", "2026-10-10", 600, 1)
	finalized(t, j, sim, "2026-11-05", "2026-10")
	for range 2 { // the second time it is there
		note, path, err := j.Credit(t.Context(), "INV-2026-000001", "not theirs", at(t, "2026-11-06"))
		if err != nil || note.Number != "CN-2026-000001" || filepath.Base(path) != "CN-2026-000001.pdf" || note.Corrects.Reason != "not theirs" {
			t.Fatalf("%v, %s, %v", note, path, err)
		}
	}
	m := night(t, j, sim, "2026-11-07")["2026-10"]
	if got, want := statuses(m), "t credited INV-2026-000001, t finalized CN-2026-000001"; got != want {
		t.Errorf("statement has %s, want %s", got, want)
	}
	o := at(t, "2026-11-08")
	o.Period = date(t, "2026-10-01")
	sim.SetNow(o.Now)
	for range 2 {
		tm, _, err := j.Finalize(t.Context(), who, o)
		if err != nil || tm.Status != billing.Finalized || tm.Document.Number != "INV-2026-000002" || tm.Document.Revision != 2 ||
			tm.Document.Corrects == nil || tm.Document.Corrects.Number != "INV-2026-000001" {
			t.Fatalf("finalized again: %+v, %v", tm, err)
		}
	}
	wantDocuments(t, j, "INV-2026-000001 invoice 2026-10 1  6", "CN-2026-000001 credit_note 2026-10 1 INV-2026-000001 -6", "INV-2026-000002 invoice 2026-10 2  6")
	if _, ok := j.reg.Latest("t", date(t, "2026-10-01"), date(t, "2026-11-01")); !ok {
		t.Error("no invoice stands")
	}
}

// A correction that could not be printed is refused before anything of it is
// finalized.
func TestCorrectionIsPrintable(t *testing.T) {
	j, sim, _ := quiet(t, func(*pricing.Plan, *billing.Tenant) {})
	called(t, j, "a", "2026-10-10", 600, 1)
	october := finalized(t, j, sim, "2026-11-05", "2026-10")
	dearer(j, "0.30")
	refused := func(err error, want string) {
		t.Helper()
		if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	_, _, err := j.Credit(t.Context(), october.Number, "wrong שם", at(t, "2026-11-06"))
	refused(err, "its credit note cannot be printed: the script of U+05E9 ש (corrects reason)")
	_, err = j.Rerate(t.Context(), october.Number, "価格", at(t, "2026-11-06"))
	refused(err, "no font of the layout has U+4FA1 価 (corrects reason), U+683C 格 (corrects reason)")
	undrawable(t, j)
	_, err = j.Rerate(t.Context(), october.Number, "wrong price", at(t, "2026-11-06"))
	refused(err, "its revision cannot be printed: it cannot be drawn: logo our.png: ")
	wantDocuments(t, j, "INV-2026-000001 invoice 2026-10 1  6")
}
