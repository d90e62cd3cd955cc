package config

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"subtally/billing"
	"subtally/pricing"
)

//go:generate go run ./schemagen

// Schemas are the JSON Schemas of what an operator writes, by which editors
// complete and check: config.schema.json, plan.schema.json and
// tenants.schema.json. They take all that [Load] takes, and refuse wrong keys,
// types and words; amounts, dates and names that do not fit each other are left
// to Load.
//
//go:embed *.schema.json
var Schemas embed.FS

// shapes are the kinds of files, with the types that they are decoded into.
var shapes = []struct {
	name, title string
	typ         reflect.Type
}{
	{"config", "Configuration of Subtally, subtally.yaml", reflect.TypeFor[file]()},
	{"plan", "Plan of Subtally: what a tenant pays for which usage", reflect.TypeFor[pricing.Plan]()},
	{"tenants", "Tenants of Subtally", reflect.TypeFor[tenantsFile]()},
}

// rule is what a mapping must hold.
type rule struct {
	required []string
	filled   []string // required, and not empty
	one      []string // exactly one of these
	some     []string // at least one of these
	then     *schema  // what holds besides
}

// rules are those that Load and pricing's Check enforce, by the type that a
// mapping is decoded into.
var rules = map[reflect.Type]rule{
	reflect.TypeFor[file]():              {required: []string{"seller", "billing"}, filled: []string{"plans", "tenants"}},
	reflect.TypeFor[Billing]():           {filled: []string{"start", "time_zone"}},
	reflect.TypeFor[credentialSection](): {filled: []string{"account", "password_env"}},
	reflect.TypeFor[DeckFile]():          {filled: []string{"file"}},

	reflect.TypeFor[tenantsFile]():        {required: []string{"tenants"}},
	reflect.TypeFor[billing.Tenant]():     {required: []string{"buyer"}, filled: []string{"id", "plan", "time_zone"}},
	reflect.TypeFor[billing.Party]():      {filled: []string{"name"}},
	reflect.TypeFor[billing.Seller]():     {filled: []string{"number_format", "credit_note_format"}},
	reflect.TypeFor[billing.Assignment](): {filled: []string{"sid"}},
	reflect.TypeFor[billing.PlanChange](): {filled: []string{"from", "plan"}},
	reflect.TypeFor[pricing.TaxRate]():    {required: []string{"rate"}, filled: []string{"name"}},

	reflect.TypeFor[pricing.Plan]():           {filled: []string{"name", "currency", "charges"}},
	reflect.TypeFor[pricing.Charge]():         {filled: []string{"id", "description"}, one: pricing.Models, then: usageNeedsKind},
	reflect.TypeFor[pricing.PerMinute]():      {some: []string{"rate", "deck", "slots"}},
	reflect.TypeFor[pricing.Slot]():           {required: []string{"rate"}},
	reflect.TypeFor[pricing.Band]():           {filled: []string{"name"}, some: []string{"rate", "deck"}},
	reflect.TypeFor[pricing.PerUnit]():        {some: []string{"unit_price", "deck"}},
	reflect.TypeFor[pricing.Tiered]():         {filled: []string{"tiers"}},
	reflect.TypeFor[pricing.Tier]():           {some: []string{"unit_price", "flat_fee"}},
	reflect.TypeFor[pricing.RecordRounding](): {required: []string{"decimals"}},
	reflect.TypeFor[pricing.Convert]():        {required: []string{"divide"}},
	reflect.TypeFor[pricing.Package]():        {required: []string{"size", "price"}},
	reflect.TypeFor[pricing.Percentage]():     {some: []string{"rate", "tiers", "fee"}},
	reflect.TypeFor[pricing.ShareTier]():      {some: []string{"rate", "flat_fee"}},
	reflect.TypeFor[pricing.Flat]():           {required: []string{"amount"}},
	reflect.TypeFor[pricing.Allowance]():      {required: []string{"quantity"}, filled: []string{"id", "description", "unit", "charges"}},
	reflect.TypeFor[pricing.Discount]():       {filled: []string{"id", "description"}, one: []string{"percent", "amount"}},
	reflect.TypeFor[pricing.Surcharge]():      {filled: []string{"id", "description"}, one: []string{"percent", "amount"}},
	reflect.TypeFor[pricing.Credit]():         {required: []string{"amount"}, filled: []string{"id", "description"}},
}

// usageNeedsKind says that every charge but a flat one has a match.kind.
var usageNeedsKind = &schema{
	If: &schema{Not: &schema{Required: []string{"flat"}}},
	Then: &schema{
		Required:   []string{"match"},
		Properties: map[string]*schema{"match": {Required: []string{"kind"}, Properties: map[string]*schema{"kind": {MinItems: 1}}}},
	},
}

// forms are what texts must look like, by the field they are decoded into.
var forms = map[string]*regexp.Regexp{
	"Tenant.ID":                     tenantForm,
	"Assignment.SID":                accountForm,
	"credentialSection.Account":     accountForm,
	"credentialSection.Username":    regexp.MustCompile("^$|" + usernameForm.String()),
	"credentialSection.PasswordEnv": envForm,
}

// What the types that read text take; none is written as an empty text.
var textForms = map[reflect.Type]string{
	reflect.TypeFor[pricing.Date]():  `^([0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01]))?$`,
	reflect.TypeFor[pricing.Clock](): `^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)?$`,
}

// schema is a JSON Schema, of the keywords that are used here.
type schema struct {
	Dialect     string             `json:"$schema,omitempty"`
	Comment     string             `json:"$comment,omitempty"`
	Title       string             `json:"title,omitempty"`
	Description string             `json:"description,omitempty"`
	Ref         string             `json:"$ref,omitempty"`
	Type        any                `json:"type,omitempty"` // a name, or a list of names
	Enum        []string           `json:"enum,omitempty"`
	Pattern     string             `json:"pattern,omitempty"`   // of texts; others pass
	MinLength   int                `json:"minLength,omitempty"` // of texts; others pass
	Items       *schema            `json:"items,omitempty"`
	MinItems    int                `json:"minItems,omitempty"`
	Required    []string           `json:"required,omitempty"`
	OneOf       []*schema          `json:"oneOf,omitempty"`
	AnyOf       []*schema          `json:"anyOf,omitempty"`
	Not         *schema            `json:"not,omitempty"`
	If          *schema            `json:"if,omitempty"`
	Then        *schema            `json:"then,omitempty"`
	Properties  map[string]*schema `json:"properties,omitempty"`
	Additional  any                `json:"additionalProperties,omitempty"` // a schema or false
	Defs        map[string]*schema `json:"$defs,omitempty"`
}

// GenerateSchemas makes the files of [Schemas], by name, from the types that
// files are decoded into and from the comments on them. root is the module's
// folder, where the source is.
func GenerateSchemas(root string) (map[string][]byte, error) {
	notes, err := readComments(root, "yaml", "pricing", "billing", "internal/config")
	if err != nil {
		return nil, fmt.Errorf("generating schemas: %w", err)
	}
	choices := pricing.Choices()
	used := map[string]bool{}
	out := map[string][]byte{}
	for _, shape := range shapes {
		g := &generator{notes: notes, choices: choices, used: used, defs: map[string]*schema{}}
		top := g.object(shape.typ)
		top.Dialect = "https://json-schema.org/draft/2020-12/schema"
		top.Comment = "Made from Subtally's Go types by go generate ./internal/config; not to be edited."
		top.Title = shape.title
		top.Defs = g.defs
		if err := errors.Join(g.errs...); err != nil {
			return nil, fmt.Errorf("generating schemas: %w", err)
		}
		text, err := json.MarshalIndent(top, "", "  ")
		if err != nil {
			return nil, fmt.Errorf("generating schemas: %w", err)
		}
		out[shape.name+".schema.json"] = append(text, '\n')
	}
	for _, name := range slices.Sorted(maps.Keys(choices)) {
		if !used[name] {
			return nil, fmt.Errorf("generating schemas: pricing's choices name %s, which no file holds", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(forms)) {
		if !used[name] {
			return nil, fmt.Errorf("generating schemas: forms names %s, which no file holds", name)
		}
	}
	return out, nil
}

// generator makes the schema of one file. It follows the rules by which a
// document is decoded.
type generator struct {
	notes   *comments
	choices map[string][]string
	used    map[string]bool // of choices and forms
	defs    map[string]*schema
	errs    []error
}

// object is the schema of a mapping that is decoded into a struct.
func (g *generator) object(typ reflect.Type) *schema {
	s := &schema{Type: "object", Properties: map[string]*schema{}, Additional: false}
	g.fields(s, typ)
	return s
}

// fields adds the keys of a struct and of those embedded in it.
func (g *generator) fields(s *schema, typ reflect.Type) {
	for i := range typ.NumField() {
		f := typ.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if options == "inline" {
			g.fields(s, f.Type)
		} else if name != "" {
			s.Properties[name] = g.field(typ, f)
		}
	}
	rule := rules[typ]
	for _, key := range slices.Concat(rule.required, rule.filled, rule.one, rule.some) {
		if s.Properties[key] == nil {
			g.errs = append(g.errs, fmt.Errorf("the rule of %s names %q, which is not a key of it", typ, key))
			return
		}
	}
	for _, key := range rule.filled {
		s.Properties[key].fill()
	}
	s.Required = slices.Concat(s.Required, rule.required, rule.filled)
	s.OneOf = append(s.OneOf, each(rule.one)...)
	s.AnyOf = append(s.AnyOf, each(rule.some)...)
	if rule.then != nil {
		s.If, s.Then = rule.then.If, rule.then.Then
	}
}

// each is a schema for each key, which requires it.
func each(keys []string) (out []*schema) {
	for _, key := range keys {
		out = append(out, &schema{Required: []string{key}})
	}
	return out
}

// fill makes a schema refuse the empty value.
func (s *schema) fill() {
	switch {
	case s.Items != nil:
		s.MinItems = 1
	case s.Enum != nil:
		s.Enum = slices.DeleteFunc(s.Enum, func(v string) bool { return v == "" })
	default:
		s.MinLength = 1
	}
}

// field is the schema of one key.
func (g *generator) field(typ reflect.Type, f reflect.StructField) *schema {
	name := typ.Name() + "." + f.Name
	s := g.value(name, f.Type)
	if s.Enum != nil { // left out and empty are the same
		s.Enum = append(s.Enum, "")
	}
	if form := forms[name]; form != nil {
		g.used[name] = true
		s.Pattern = form.String()
	}
	s.Description = g.notes.field(typ, f)
	if s.Description == "" && s.Items != nil && s.Items.Ref != "" {
		s.Description = g.notes.typ(f.Type.Elem())
	}
	return s
}

// value is the schema of a value of a type; name is that of the field that
// holds it.
func (g *generator) value(name string, typ reflect.Type) *schema {
	switch kind := typ.Kind(); {
	case kind == reflect.Pointer:
		return g.value(name, typ.Elem())
	case kind == reflect.Slice:
		return &schema{Type: "array", Items: g.value(name, typ.Elem())}
	case kind == reflect.Map:
		return g.mapping(name, typ)
	case typ == dec:
		return &schema{Type: []string{"number", "string"}, Pattern: decimalForm.String()}
	case typ == deck: // as text it is its file alone
		return &schema{AnyOf: []*schema{{Type: []string{"string", "number"}}, g.ref(typ)}}
	case reflect.PointerTo(typ).Implements(textType):
		if textForms[typ] == "" {
			g.errs = append(g.errs, fmt.Errorf("no form is known of the texts of %s", typ))
		}
		return &schema{Type: "string", Pattern: textForms[typ]}
	case kind == reflect.Struct:
		return g.ref(typ)
	case kind == reflect.Bool:
		return &schema{Type: []string{"boolean", "string"}, Pattern: "^(true|false)$"}
	case kind == reflect.String:
		if list := g.chosen(name, typ); list != nil {
			return &schema{Type: "string", Enum: list}
		}
		return &schema{Type: []string{"string", "number"}} // text needs no quotes, also where it is digits
	case kind == reflect.Int || kind == reflect.Int64:
		return &schema{Type: []string{"integer", "string"}, Pattern: wholeForm.String()}
	}
	g.errs = append(g.errs, fmt.Errorf("%s: no schema for %s", name, typ))
	return &schema{}
}

// chosen is what a text is chosen from; nil for any text.
func (g *generator) chosen(name string, typ reflect.Type) []string {
	for _, name := range []string{name, typ.Name()} {
		if list := g.choices[name]; list != nil {
			g.used[name] = true
			return slices.Clone(list)
		}
	}
	return nil
}

// mapping is the schema of a mapping whose keys are names, or words to choose
// from.
func (g *generator) mapping(name string, typ reflect.Type) *schema {
	s := &schema{Type: "object"}
	keys := g.chosen("", typ.Key())
	if keys == nil {
		s.Additional = g.value(name, typ.Elem())
		return s
	}
	s.Additional = false
	s.Properties = map[string]*schema{}
	for _, key := range keys {
		s.Properties[key] = g.value(name+"."+key, typ.Elem())
	}
	return s
}

// ref is a reference to the schema of a struct.
func (g *generator) ref(typ reflect.Type) *schema {
	if g.defs[typ.Name()] == nil {
		s := &schema{}
		g.defs[typ.Name()] = s
		*s = *g.object(typ)
		s.Description = g.notes.typ(typ)
	}
	return &schema{Ref: "#/$defs/" + typ.Name()}
}
