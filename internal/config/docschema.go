package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"subtally/billing"
)

// GenerateInvoiceSchema makes the JSON Schema of finalized documents, as
// billing.InvoiceSchema has it, from [billing.Document] and the comments on its
// types. root is the module's folder, where the source is.
func GenerateInvoiceSchema(root string) ([]byte, error) {
	notes, err := readComments(root, "json", "pricing", "billing")
	if err != nil {
		return nil, fmt.Errorf("generating the schema of invoices: %w", err)
	}
	g := &docGenerator{notes: notes, defs: map[string]*schema{}, types: map[string]reflect.Type{}}
	top := g.object(reflect.TypeFor[billing.Document]())
	top.Dialect = "https://json-schema.org/draft/2020-12/schema"
	top.Comment = "Made from Subtally's Go types by go generate ./internal/config; not to be edited."
	top.Title = "Document of an invoice or a credit note of Subtally, " + billing.DocumentSchema
	top.Properties["schema"].Enum = []string{billing.DocumentSchema}
	top.Properties["kind"].Enum = []string{string(billing.Invoice), string(billing.CreditNote)}
	top.Defs = g.defs
	if err := errors.Join(g.errs...); err != nil {
		return nil, fmt.Errorf("generating the schema of invoices: %w", err)
	}
	text, err := json.MarshalIndent(top, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("generating the schema of invoices: %w", err)
	}
	return append(text, '\n'), nil
}

// docGenerator makes a schema by the rules of encoding/json.
type docGenerator struct {
	notes *comments
	defs  map[string]*schema
	types map[string]reflect.Type // of defs
	errs  []error
}

func (g *docGenerator) object(typ reflect.Type) *schema {
	s := &schema{Type: "object", Properties: map[string]*schema{}, Additional: false}
	g.fields(s, typ)
	return s
}

func (g *docGenerator) fields(s *schema, typ reflect.Type) {
	for i := range typ.NumField() {
		f := typ.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" {
			g.fields(s, f.Type)
			continue
		}
		if name == "" {
			g.errs = append(g.errs, fmt.Errorf("%s.%s has no json tag", typ, f.Name))
			continue
		}
		value := g.value(f.Type)
		if options == "" {
			s.Required = append(s.Required, name)
			if f.Type.Kind() == reflect.Slice { // nil is null
				value.Type = []string{"array", "null"}
			}
		}
		value.Description = g.notes.field(typ, f)
		s.Properties[name] = value
	}
}

func (g *docGenerator) value(typ reflect.Type) *schema {
	switch kind := typ.Kind(); {
	case kind == reflect.Pointer:
		return g.value(typ.Elem())
	case kind == reflect.Slice:
		return &schema{Type: "array", Items: g.value(typ.Elem())}
	case typ == dec:
		return &schema{Type: "string", Pattern: `^-?(0|[1-9][0-9]*)(\.[0-9]*[1-9])?$`}
	case typ == reflect.TypeFor[time.Time]():
		return &schema{Type: "string", Pattern: `^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$`}
	case textForms[typ] != "":
		return &schema{Type: "string", Pattern: textForms[typ]}
	case kind == reflect.Struct:
		return g.ref(typ)
	case kind == reflect.Bool:
		return &schema{Type: "boolean"}
	case kind == reflect.String:
		return &schema{Type: "string"}
	case kind == reflect.Int || kind == reflect.Int64:
		return &schema{Type: "integer"}
	}
	g.errs = append(g.errs, fmt.Errorf("no schema for %s", typ))
	return &schema{}
}

// ref is a reference to the schema of a struct.
func (g *docGenerator) ref(typ reflect.Type) *schema {
	name := typ.Name()
	if g.types[name] == nil {
		g.types[name] = typ
		s := &schema{}
		g.defs[name] = s
		*s = *g.object(typ)
		s.Description = g.notes.typ(typ)
	} else if g.types[name] != typ {
		g.errs = append(g.errs, fmt.Errorf("%s and %s have one name", g.types[name], typ))
	}
	return &schema{Ref: "#/$defs/" + name}
}
