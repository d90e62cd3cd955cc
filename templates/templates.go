// Package templates holds what an invoice or a statement looks like: the
// layout (page, colour, every printed word) and the fonts, both embedded in
// the binary. It never draws and never sees an invoice; package render does.
package templates

import (
	"bytes"
	_ "embed"
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"subtally/pricing"
)

//go:embed layout.yaml
var defaultLayout []byte

// Layout is what an invoice and a statement look like. It is in one language.
type Layout struct {
	Page        Page                        `yaml:"page"`
	DateFormat  string                      `yaml:"date_format"`  // for [time.Time.Format]
	MonthFormat string                      `yaml:"month_format"` // for [time.Time.Format]
	Labels      Labels                      `yaml:"labels"`
	Categories  map[pricing.Category]string `yaml:"categories"`
	Kinds       map[pricing.Kind]string     `yaml:"kinds"`
	Units       map[pricing.Unit]UnitName   `yaml:"units"` // also Minute and Hour
	Statuses    map[string]string           `yaml:"statuses"`
}

// Minute and Hour are units that only documents count in: usage is stored in
// seconds.
const (
	Minute pricing.Unit = "minute"
	Hour   pricing.Unit = "hour"
)

// Page is the paper. Statements turn it to landscape.
type Page struct {
	Size    string  `yaml:"size"` // A4 or Letter
	Margins Margins `yaml:"margins"`
	Accent  Colour  `yaml:"accent"`
}

// Margins are in millimetres.
type Margins struct {
	Left   float64 `yaml:"left"`
	Right  float64 `yaml:"right"`
	Top    float64 `yaml:"top"`
	Bottom float64 `yaml:"bottom"`
}

// Colour is an sRGB colour, written "#RRGGBB".
type Colour struct{ R, G, B uint8 }

var hexColour = regexp.MustCompile(`^#[0-9A-Fa-f]{6}$`)

// UnmarshalText reads "#RRGGBB".
func (c *Colour) UnmarshalText(text []byte) error {
	if !hexColour.Match(text) {
		return fmt.Errorf("%q is not a colour like #1F5F8B", text)
	}
	_, err := fmt.Sscanf(string(text), "#%02x%02x%02x", &c.R, &c.G, &c.B)
	return err
}

// UnitName is how a unit is written after a count.
type UnitName struct {
	One   string `yaml:"one"`
	Other string `yaml:"other"`
}

// Labels are the words printed; {words in braces} are filled in by [Fill].
type Labels struct {
	Invoice      string `yaml:"invoice"`
	DraftInvoice string `yaml:"draft_invoice"`
	DraftMark    string `yaml:"draft_mark"`
	Revision     string `yaml:"revision"`
	BilledTo     string `yaml:"billed_to"`
	TaxID        string `yaml:"tax_id"`
	IssueDate    string `yaml:"issue_date"`
	DueDate      string `yaml:"due_date"`
	Period       string `yaml:"period"`
	PeriodRange  string `yaml:"period_range"`
	Plan         string `yaml:"plan"`
	Tenant       string `yaml:"tenant"`
	Subaccounts  string `yaml:"subaccounts"`
	More         string `yaml:"more"`
	TotalDue     string `yaml:"total_due"`

	Summary     string `yaml:"summary"`
	Category    string `yaml:"category"`
	Records     string `yaml:"records"`
	Amount      string `yaml:"amount"`
	Net         string `yaml:"net"`
	DailyUsage  string `yaml:"daily_usage"`
	CallMinutes string `yaml:"call_minutes"`
	Messages    string `yaml:"messages"`
	Maximum     string `yaml:"maximum"`
	NoUsage     string `yaml:"no_usage"`

	Share        string `yaml:"share"`
	ShareLeftOut string `yaml:"share_left_out"`
	LessThan     string `yaml:"less_than"`

	Details          string `yaml:"details"`
	Description      string `yaml:"description"`
	Quantity         string `yaml:"quantity"`
	UnitPrice        string `yaml:"unit_price"`
	PricePer         string `yaml:"price_per"`
	Subtotal         string `yaml:"subtotal"`
	Continued        string `yaml:"continued"`
	NoLines          string `yaml:"no_lines"`
	TaxLine          string `yaml:"tax_line"`
	TaxContained     string `yaml:"tax_contained"`
	WithTaxes        string `yaml:"with_taxes"`
	DayRange         string `yaml:"day_range"`
	Total            string `yaml:"total"`
	Payment          string `yaml:"payment"`
	PaymentTerms     string `yaml:"payment_terms"`
	PaymentOnReceipt string `yaml:"payment_on_receipt"`
	NothingToPay     string `yaml:"nothing_to_pay"`
	InYourFavour     string `yaml:"in_your_favour"`
	Page             string `yaml:"page"`

	Annex           string `yaml:"annex"`
	AnnexNote       string `yaml:"annex_note"`
	AnnexBilled     string `yaml:"annex_billed"`
	AnnexNotCharged string `yaml:"annex_not_charged"`
	AnnexMasked     string `yaml:"annex_masked"`
	AnnexTooLong    string `yaml:"annex_too_long"`
	AnnexTotal      string `yaml:"annex_total"`
	Time            string `yaml:"time"`
	Usage           string `yaml:"usage"`
	Incoming        string `yaml:"incoming"`
	Outgoing        string `yaml:"outgoing"`
	From            string `yaml:"from"`
	To              string `yaml:"to"`
	Destination     string `yaml:"destination"`

	Statement     string `yaml:"statement"`
	MainAccount   string `yaml:"main_account"`
	Totals        string `yaml:"totals"`
	Currency      string `yaml:"currency"`
	Tenants       string `yaml:"tenants"`
	Number        string `yaml:"number"`
	Status        string `yaml:"status"`
	Cost          string `yaml:"cost"`
	Revenue       string `yaml:"revenue"`
	Tax           string `yaml:"tax"`
	Gross         string `yaml:"gross"`
	Margin        string `yaml:"margin"`
	MarginPercent string `yaml:"margin_percent"`
	NoValue       string `yaml:"no_value"`
	Unassigned    string `yaml:"unassigned"`
	Account       string `yaml:"account"`
	Unrated       string `yaml:"unrated"`
	OtherCosts    string `yaml:"other_costs"`
	Kind          string `yaml:"kind"`
	Reason        string `yaml:"reason"`
	None          string `yaml:"none"`
}

// Fill replaces the {words in braces} of a label: pairs are a word and its
// value, in turn. Values are not searched for words again.
func Fill(label string, pairs ...string) string {
	oldnew := make([]string, len(pairs))
	for i, p := range pairs {
		if i%2 == 0 {
			p = "{" + p + "}"
		}
		oldnew[i] = p
	}
	return strings.NewReplacer(oldnew...).Replace(label)
}

// Default is the embedded layout: A4, English.
func Default() (Layout, error) {
	l, err := parse(defaultLayout)
	if err != nil {
		return Layout{}, fmt.Errorf("embedded layout.yaml: %w", err)
	}
	return l, nil
}

// parse decodes a layout strictly: an unknown key is an error, and so is a
// word that is missing.
func parse(text []byte) (Layout, error) {
	var l Layout
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&l); err != nil {
		return Layout{}, err
	}
	return l, l.validate()
}

func (l Layout) validate() error {
	if l.Page.Size != "A4" && l.Page.Size != "Letter" {
		return fmt.Errorf("page.size is %q: use A4 or Letter", l.Page.Size)
	}
	m := l.Page.Margins
	for _, mm := range []float64{m.Left, m.Right, m.Top, m.Bottom} {
		// Without these bounds a table or a footer would not fit.
		if mm < 10 || mm > 40 {
			return fmt.Errorf("page.margins has %g: use 10 to 40 mm", mm)
		}
	}
	if l.DateFormat == "" || l.MonthFormat == "" {
		return fmt.Errorf("date_format and month_format must not be empty")
	}
	labels := reflect.ValueOf(l.Labels)
	for i := range labels.NumField() {
		if labels.Field(i).String() == "" {
			return fmt.Errorf("labels.%s is missing", labels.Type().Field(i).Tag.Get("yaml"))
		}
	}
	for _, c := range pricing.Categories {
		if l.Categories[c] == "" {
			return fmt.Errorf("categories.%s is missing", c)
		}
	}
	for _, k := range pricing.Kinds {
		if l.Kinds[k] == "" {
			return fmt.Errorf("kinds.%s is missing", k)
		}
	}
	for _, u := range []pricing.Unit{pricing.Second, Minute, Hour, pricing.Segment, pricing.Message,
		pricing.Day, pricing.PerCall, pricing.Month, pricing.Block, pricing.PerUnitOfOther,
		pricing.PerNumber, pricing.PerSubaccount, pricing.PerLine, pricing.PerRecord, pricing.PerOnce} {
		if n := l.Units[u]; n.One == "" || n.Other == "" {
			return fmt.Errorf("units.%s needs one and other", u)
		}
	}
	for _, s := range []string{"finalized", "draft", "parked"} {
		if l.Statuses[s] == "" {
			return fmt.Errorf("statuses.%s is missing", s)
		}
	}
	return nil
}
