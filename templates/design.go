package templates

import (
	"fmt"
	"regexp"
)

// Design is how pages look, as in layout.yaml.
type Design struct {
	Page     Page     `yaml:"page"`
	Brand    Brand    `yaml:"brand"`
	Sections []string `yaml:"sections"` // of an invoice, in their order; see [Sections]
	Columns  []Column `yaml:"columns"`  // of the table of lines, in their order
	Texts    []Text   `yaml:"texts"`
	Footer   Phrase   `yaml:"footer"` // at the foot of every page, in place of the document's name
}

// Page is the paper. Statements turn it to landscape.
type Page struct {
	Size    string  `yaml:"size"` // A4 or Letter
	Margins Margins `yaml:"margins"`
}

// Margins are in millimetres.
type Margins struct {
	Left   float64 `yaml:"left"`
	Right  float64 `yaml:"right"`
	Top    float64 `yaml:"top"`
	Bottom float64 `yaml:"bottom"`
}

// Brand is what makes a page the seller's.
type Brand struct {
	Logo   *Logo     `yaml:"logo"`
	Accent Colour    `yaml:"accent"` // of titles, rules and charts
	Text   Colour    `yaml:"text"`
	Fonts  FontFiles `yaml:"fonts"`
}

// Logo is a picture at the top of an invoice's first page.
type Logo struct {
	File     string  `yaml:"file"`     // PNG or JPEG, beside layout.yaml
	Height   float64 `yaml:"height"`   // mm
	Position string  `yaml:"position"` // left, over the seller, where left out; or right, over the title
}

// FontFiles are TrueType files beside layout.yaml.
type FontFiles struct {
	Regular string   `yaml:"regular"` // the embedded DejaVu Sans where left out
	Bold    string   `yaml:"bold"`    // the regular one where left out
	More    []string `yaml:"more"`    // for the characters that regular lacks, tried in this order
}

// Column is a column of the table of lines; see [Columns].
type Column struct {
	Name  string  `yaml:"name"`
	Width float64 `yaml:"width"` // share of the room that is left; as wide as its cells where 0
}

// Text is free text before or after a section.
type Text struct {
	Before string `yaml:"before"`
	After  string `yaml:"after"`
	Text   Phrase `yaml:"text"`
}

// Phrase is a text by language, and under AllLanguages for those that it does not
// name; a text alone is for all. Its {words in braces} are those of
// [Placeholders].
type Phrase map[string]string

// UnmarshalText reads a text that is for all languages.
func (p *Phrase) UnmarshalText(text []byte) error {
	*p = Phrase{AllLanguages: string(text)}
	return nil
}

// AllLanguages stands for the languages that a phrase does not name.
const AllLanguages = "all"

// In is the phrase in a language; empty where it has none.
func (p Phrase) In(language string) string {
	if text, ok := p[language]; ok {
		return text
	}
	return p[AllLanguages]
}

// Sections are the parts that an invoice is made of.
var Sections = []string{
	"letterhead",  // logo, seller and title
	"parties",     // the buyer, dates, period, plan, subaccounts
	"headline",    // the total and the due date, large
	"summary",     // the amount per category
	"shares",      // chart of each category's share
	"usage",       // charts of daily usage
	"lines",       // every line, grouped by category
	"adjustments", // the lines that adjust earlier invoices, which are else among the others
	"totals",      // net, taxes, total
	"payment",     // until when and how to pay
}

// Columns are what the table of lines can have.
var Columns = []string{"description", "item", "records", "quantity", "unit_price", "tax_code", "amount"}

// Placeholders are what texts may say of an invoice.
var Placeholders = []string{
	"number", "tenant", "seller", "buyer", "issue_date", "due_date", "period", "net", "total", "currency",
}

// Colour is an sRGB colour, written "#RRGGBB".
type Colour struct{ R, G, B uint8 }

// Brightness is the luma of a colour after ITU-R BT.601, from 0 to 1: how light it
// is in grey print.
func (c Colour) Brightness() float64 {
	return (0.299*float64(c.R) + 0.587*float64(c.G) + 0.114*float64(c.B)) / 255
}

var hexColour = regexp.MustCompile(`^#[0-9A-Fa-f]{6}$`)

// UnmarshalText reads "#RRGGBB".
func (c *Colour) UnmarshalText(text []byte) error {
	if !hexColour.Match(text) {
		return fmt.Errorf("%q is not a colour like #1F5F8B", text)
	}
	_, err := fmt.Sscanf(string(text), "#%02x%02x%02x", &c.R, &c.G, &c.B)
	return err
}
