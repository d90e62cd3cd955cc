package billing

import (
	"fmt"

	"github.com/shopspring/decimal"

	"subtally/pricing"
)

// JournalAccounts are the codes that a reseller's books have for what is
// invoiced. A charge's code goes before that of its tax code, this before the
// category's, and Revenue is for all others.
type JournalAccounts struct {
	Receivable        string            `yaml:"receivable"`          // what tenants owe; receivable where left out
	Revenue           string            `yaml:"revenue"`             // what no other code of revenue is for; revenue where left out
	RevenueByCharge   map[string]string `yaml:"revenue_by_charge"`   // by a charge's id
	RevenueByTaxCode  map[string]string `yaml:"revenue_by_tax_code"` // by a charge's tax_code
	RevenueByCategory map[string]string `yaml:"revenue_by_category"` // by a line's category, such as calls
	Tax               string            `yaml:"tax"`                 // what is owed to tax offices; tax where left out
	TaxByName         map[string]string `yaml:"tax_by_name"`         // by a tax's name
	Bank              string            `yaml:"bank"`                // where payments arrive; they are booked where it is there
	Cost              string            `yaml:"cost"`                // what Twilio charges; booked where this and accrued_cost are there
	AccruedCost       string            `yaml:"accrued_cost"`        // what is owed to Twilio
}

// JournalLine is one side of a booking: Debit or Credit is zero and neither is
// negative. Over the lines of one Document and currency both add up to the same.
type JournalLine struct {
	Date        pricing.Date
	Entry       string // invoice, credit_note, payment or cost
	Document    string // its number; of costs, "COST-" and the month
	Account     string // code
	Description string
	Debit       decimal.Decimal // in the currency's minor unit
	Credit      decimal.Decimal
	Currency    string // ISO 4217
	Tenant      string
	Category    pricing.Category // of revenue
	TaxCode     string           // of revenue
}

// revenue is the account of a line.
func (a *JournalAccounts) revenue(l *pricing.Line) string {
	if code := a.RevenueByCharge[l.Charge]; code != "" {
		return code
	}
	if code := a.RevenueByTaxCode[l.TaxCode]; code != "" && l.TaxCode != "" {
		return code
	}
	if code := a.RevenueByCategory[string(l.Category)]; code != "" {
		return code
	}
	return a.Revenue
}

// Invoice books a finalized invoice on the day it was issued: what the tenant
// owes, against revenue by account, category and tax code, and taxes. A credit
// note is booked the other way round, as its amounts are negative.
func (a *JournalAccounts) Invoice(doc *Document) ([]JournalLine, error) {
	nets, err := doc.LineNets()
	if err != nil {
		return nil, err
	}
	book := booking{JournalLine: JournalLine{
		Date: doc.IssueDate, Entry: string(doc.Kind), Document: doc.Number, Currency: doc.Currency, Tenant: doc.Tenant,
	}}
	book.debit(a.Receivable, doc.Buyer.Name, doc.Total)
	type group struct {
		account  string
		category pricing.Category
		taxCode  string
	}
	var groups []group // in the order of their first lines
	sums := map[group]decimal.Decimal{}
	for i := range doc.Lines {
		l := &doc.Lines[i]
		g := group{a.revenue(l), l.Category, l.TaxCode}
		if _, known := sums[g]; !known {
			groups = append(groups, g)
		}
		sums[g] = sums[g].Add(nets[i])
	}
	for _, g := range groups {
		book.Category, book.TaxCode = g.category, g.taxCode
		book.credit(g.account, string(g.category), sums[g])
	}
	book.Category, book.TaxCode = "", ""
	for _, t := range doc.Taxes {
		account := a.TaxByName[t.Name]
		if account == "" {
			account = a.Tax
		}
		book.credit(account, fmt.Sprintf("%s %s %%", t.Name, t.Rate), t.Amount)
	}
	return book.lines, book.balanced()
}

// Receipt is a payment of an invoice.
type Receipt struct {
	Number    string // of the invoice
	Tenant    string
	On        pricing.Date
	Amount    decimal.Decimal // in Currency
	Currency  string
	Reference string
}

// Payment books a payment on its day. It books nothing where there is no account
// for it.
func (a *JournalAccounts) Payment(r Receipt) ([]JournalLine, error) {
	if a.Bank == "" {
		return nil, nil
	}
	book := booking{JournalLine: JournalLine{Date: r.On, Entry: "payment", Document: r.Number, Currency: r.Currency, Tenant: r.Tenant}}
	book.debit(a.Bank, r.Reference, r.Amount)
	book.credit(a.Receivable, r.Reference, r.Amount)
	return book.lines, book.balanced()
}

// Costs books what Twilio charged for a month on its last day: per tenant and
// unassigned account, each rounded half up to the currency's minor unit, against
// what is owed to Twilio. It books nothing where the accounts are not both set.
func (a *JournalAccounts) Costs(st *Statement) ([]JournalLine, error) {
	if a.Cost == "" || a.AccruedCost == "" {
		return nil, nil
	}
	book := booking{JournalLine: JournalLine{
		Date: st.Period.Last(), Entry: "cost", Document: "COST-" + st.Period.Label(), Currency: st.Currency,
	}}
	places := pricing.MinorUnits(st.Currency)
	var owed decimal.Decimal
	cost := func(description string, exact decimal.Decimal) {
		rounded := pricing.Round(exact, places, pricing.HalfUp)
		book.debit(a.Cost, description, rounded)
		owed = owed.Add(rounded)
	}
	for _, t := range st.Tenants {
		book.Tenant = t.Tenant
		cost(t.Name, t.Cost)
	}
	book.Tenant = ""
	for _, u := range st.Unassigned {
		cost("no tenant: "+u.Account.SID, u.Cost)
	}
	book.credit(a.AccruedCost, "Twilio", owed)
	for _, other := range st.OtherCosts {
		book.Currency = other.Currency
		rounded := pricing.Round(other.Cost, pricing.MinorUnits(other.Currency), pricing.HalfUp)
		book.debit(a.Cost, "in "+other.Currency, rounded)
		book.credit(a.AccruedCost, "Twilio", rounded)
	}
	return book.lines, book.balanced()
}

// booking gathers the lines of one document. Its own line is what they share.
type booking struct {
	JournalLine
	lines []JournalLine
}

// debit books a sum, on the other side where it is negative, and not where it is
// zero.
func (b *booking) debit(account, description string, sum decimal.Decimal) {
	l := b.JournalLine
	l.Account, l.Description = account, description
	switch sum.Sign() {
	case 0:
		return
	case 1:
		l.Debit = sum
	case -1:
		l.Credit = sum.Neg()
	}
	b.lines = append(b.lines, l)
}

func (b *booking) credit(account, description string, sum decimal.Decimal) {
	b.debit(account, description, sum.Neg())
}

// balanced is an error where debits and credits of a currency differ: the
// document does not add up.
func (b *booking) balanced() error {
	sums := map[string]decimal.Decimal{}
	for _, l := range b.lines {
		sums[l.Currency] = sums[l.Currency].Add(l.Debit).Sub(l.Credit)
	}
	for _, l := range b.lines {
		if off := sums[l.Currency]; !off.IsZero() {
			return fmt.Errorf("journal: %s %s of tenant %q does not balance: debits less credits are %s %s", l.Entry, l.Document, l.Tenant, off, l.Currency)
		}
	}
	return nil
}

// LineNets are the amounts of the document's lines without the taxes contained
// in them; they add up to Net. What is contained is taken from the lines in
// proportion to their amounts, to the minor unit, those without tax left out:
// a document says how much tax it contains, and not on which line.
func (d *Document) LineNets() ([]decimal.Decimal, error) {
	nets := make([]decimal.Decimal, len(d.Lines))
	var sum, taxed decimal.Decimal
	for i := range d.Lines {
		nets[i] = d.Lines[i].Amount
		sum = sum.Add(nets[i])
		if d.Lines[i].TaxCode != pricing.Untaxed {
			taxed = taxed.Add(nets[i])
		}
	}
	var contained decimal.Decimal
	for _, t := range d.Taxes {
		if t.Inclusive {
			contained = contained.Add(t.Amount)
		}
	}
	if !sum.Sub(contained).Equal(d.Net) || len(nets) == 0 && !contained.IsZero() {
		return nil, fmt.Errorf("document %q of tenant %s does not add up: its lines are %s, less %s of taxes in them, and its net %s",
			d.Number, d.Tenant, sum, contained, d.Net)
	}
	if contained.IsZero() {
		return nets, nil
	}
	if taxed.IsZero() { // lines that cancel out have no proportion
		nets[len(nets)-1] = nets[len(nets)-1].Sub(contained)
		return nets, nil
	}
	// The shares are the steps of a running sum that is rounded: they end at the
	// whole without a cent over.
	places := pricing.MinorUnits(d.Currency)
	var running, given decimal.Decimal
	for i := range d.Lines {
		if d.Lines[i].TaxCode == pricing.Untaxed {
			continue
		}
		running = running.Add(d.Lines[i].Amount)
		until := contained.Mul(running).DivRound(taxed, places)
		nets[i] = nets[i].Sub(until.Sub(given))
		given = until
	}
	return nets, nil
}
