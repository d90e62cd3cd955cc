package templates

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"reflect"

	"go.yaml.in/yaml/v3"
)

//go:embed statement.yaml
var statementWords []byte

//go:embed statement.html
var statementPage string

//go:embed statement.css
var statementStyle string

// StatementWords are the words of a statement beside [Labels]; {words in
// braces} are filled in by [Fill].
type StatementWords struct {
	Language string `yaml:"language"` // BCP 47

	Attention       string `yaml:"attention"`
	ParkedCount     string `yaml:"parked_count"`
	DraftCount      string `yaml:"draft_count"`
	OverdueCount    string `yaml:"overdue_count"`
	UnratedCount    string `yaml:"unrated_count"`
	UnassignedCount string `yaml:"unassigned_count"`
	AboveCount      string `yaml:"above_count"`
	CheckFailed     string `yaml:"check_failed"`
	OtherCurrency   string `yaml:"other_currency"`
	Nothing         string `yaml:"nothing"`

	Margins            string `yaml:"margins"`
	Others             string `yaml:"others"`
	OthersCut          string `yaml:"others_cut"`
	MarginsDescription string `yaml:"margins_description"`
	MarginsElsewhere   string `yaml:"margins_elsewhere"`

	KindInvoice    string `yaml:"kind_invoice"`
	KindCreditNote string `yaml:"kind_credit_note"`
	Revision       string `yaml:"revision"`
	Corrects       string `yaml:"corrects"`
	Overdue        string `yaml:"overdue"`

	Categories     string `yaml:"categories"`
	ContainedTaxes string `yaml:"contained_taxes"`
	Total          string `yaml:"total"`

	Leakage         string `yaml:"leakage"`
	LeakageNote     string `yaml:"leakage_note"`
	Cause           string `yaml:"cause"`
	MainAccount     string `yaml:"main_account"`
	NoTenant        string `yaml:"no_tenant"`
	NoPrice         string `yaml:"no_price"`
	NotCharged      string `yaml:"not_charged"`
	NotChargedTitle string `yaml:"not_charged_title"`
	Vanished        string `yaml:"vanished"`
	Event           string `yaml:"event"`

	Check           string `yaml:"check"`
	CheckTenants    string `yaml:"check_tenants"`
	CheckOutside    string `yaml:"check_outside"`
	CheckUnassigned string `yaml:"check_unassigned"`
	CheckElsewhere  string `yaml:"check_elsewhere"`
	CheckSum        string `yaml:"check_sum"`
	CheckAll        string `yaml:"check_all"`
	CheckDifference string `yaml:"check_difference"`

	Reconciliation string `yaml:"reconciliation"`
	NotReconciled  string `yaml:"not_reconciled"`
	NoDifferences  string `yaml:"no_differences"`
	Compared       string `yaml:"compared"`
	Differences    string `yaml:"differences"`
	Above          string `yaml:"above"`
	Tolerance      string `yaml:"tolerance"`
	Ours           string `yaml:"ours"`
	Twilio         string `yaml:"twilio"`
	Difference     string `yaml:"difference"`
	Largest        string `yaml:"largest"`
	Day            string `yaml:"day"`
	RecordsOurs    string `yaml:"records_ours"`
	RecordsTwilio  string `yaml:"records_twilio"`
	LikelyCause    string `yaml:"likely_cause"`
}

// Statement answers the words of statements.
func Statement() (StatementWords, error) {
	var w StatementWords
	d := yaml.NewDecoder(bytes.NewReader(statementWords))
	d.KnownFields(true)
	if err := d.Decode(&w); err != nil {
		return w, fmt.Errorf("embedded statement.yaml: %w", err)
	}
	words := reflect.ValueOf(w)
	for i := range words.NumField() {
		if words.Field(i).String() == "" {
			return w, fmt.Errorf("embedded statement.yaml: %s is missing", words.Type().Field(i).Tag.Get("yaml"))
		}
	}
	return w, nil
}

// StatementHTML answers the page of a statement, which escapes what it is given,
// and its style sheet. The page's only colour of its own is the layout's accent,
// which the style sheet reads from the variable --accent.
func StatementHTML() (*template.Template, string, error) {
	page, err := template.New("statement.html").Parse(statementPage)
	if err != nil {
		return nil, "", fmt.Errorf("embedded statement.html: %w", err)
	}
	return page, statementStyle, nil
}
