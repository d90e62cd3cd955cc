package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/shopspring/decimal"
	"go.yaml.in/yaml/v3"

	"subtally/billing"
	"subtally/pricing"
)

func TestSchemasAreCurrent(t *testing.T) {
	files, err := GenerateSchemas("../..")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		if *update {
			if err := os.WriteFile(name, want, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		got, err := Schemas.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s is not what go generate makes (-want +got):\n%s", name, diff)
		}
	}
	if entries, err := Schemas.ReadDir("."); err != nil || len(entries) != len(files) {
		t.Errorf("%d schemas are embedded, %d are made (%v)", len(entries), len(files), err)
	}
}

func TestInvoiceSchemaIsCurrent(t *testing.T) {
	want, err := GenerateInvoiceSchema("../..")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(billing.InvoiceSchema)); diff != "" {
		t.Errorf("billing/invoice.schema.json is not what go generate ./internal/config makes (-want +got):\n%s", diff)
	}
}

// validator holds the compiled schemas, by "config", "plan" and "tenants".
type validator map[string]*jsonschema.Schema

func newValidator(t *testing.T) validator {
	t.Helper()
	c := jsonschema.NewCompiler()
	v := validator{}
	for _, shape := range shapes {
		name := shape.name + ".schema.json"
		text, err := Schemas.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.AddResource(name, doc); err != nil {
			t.Fatal(err)
		}
		if v[shape.name], err = c.Compile(name); err != nil {
			t.Fatal(err)
		}
	}
	return v
}

// check is what the schema for a file, told by its name, says of its text.
func (v validator) check(t *testing.T, file, text string) error {
	t.Helper()
	name := "plan"
	switch filepath.Base(file) {
	case "subtally.yaml":
		name = "config"
	case "tenants.yaml":
		name = "tenants"
	}
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	if doc.Kind == 0 {
		return v[name].Validate(nil)
	}
	return v[name].Validate(jsonOf(doc.Content[0]))
}

var (
	coreInt   = regexp.MustCompile(`^([-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$`)
	coreFloat = regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`)
)

// jsonOf is what editors take a YAML value for: by the core schema of YAML 1.2,
// where 0123 is a number and 2026-10-31 a text.
func jsonOf(n *yaml.Node) any {
	switch n.Kind {
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i < len(n.Content); i += 2 {
			m[n.Content[i].Value] = jsonOf(n.Content[i+1])
		}
		return m
	case yaml.SequenceNode:
		list := []any{}
		for _, item := range n.Content {
			list = append(list, jsonOf(item))
		}
		return list
	}
	switch v := n.Value; {
	case n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0:
		return v
	case v == "" || v == "~" || v == "null":
		return nil
	case v == "true" || v == "false":
		return v == "true"
	case strings.HasPrefix(v, "0o") || strings.HasPrefix(v, "0x"):
		if i, err := strconv.ParseInt(v, 0, 64); err == nil {
			return i
		}
		return v
	case coreInt.MatchString(v) || coreFloat.MatchString(v):
		return json.Number(decimal.RequireFromString(v).String())
	default:
		return v
	}
}

// walk calls each for every value below a YAML node, with a function that
// leaves the value, or the key that has it, out.
func walk(n *yaml.Node, each func(value *yaml.Node, without func(func()))) {
	step, first := 1, 0
	if n.Kind == yaml.MappingNode {
		step, first = 2, 1
	}
	for i := first; i < len(n.Content); i += step {
		each(n.Content[i], func(do func()) {
			whole := n.Content
			n.Content = append(append([]*yaml.Node{}, whole[:i-first]...), whole[i+1:]...)
			do()
			n.Content = whole
		})
		walk(n.Content[i], each)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func node(t *testing.T, text string) *yaml.Node {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	return doc.Content[0]
}

func text(t *testing.T, n *yaml.Node) string {
	t.Helper()
	out, err := yaml.Marshal(n)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestSchemasTakeExamples(t *testing.T) {
	v := newValidator(t)
	seen := 0
	for _, root := range []string{"../../cmd/subtally/example", "testdata/good", "testdata/schema"} {
		err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".yaml" {
				return err
			}
			seen++
			if err := v.check(t, path, read(t, path)); err != nil {
				t.Errorf("%s: %v", path, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if seen < 12 {
		t.Errorf("%d files, want 12 and more", seen)
	}
}

// What is wrong in the shape of a file the schemas refuse too. How a number is
// spelled they cannot see: 1e1 is 10 to an editor.
func TestSchemasRefuseBad(t *testing.T) {
	v := newValidator(t)
	for _, name := range []string{
		"all-at-once/subtally.yaml", "credentials/subtally.yaml", "dates/subtally.yaml", "dates/tenants.yaml",
		"decimals/plans/standard.yaml", "empty/subtally.yaml", "null-document/subtally.yaml", "null-value/subtally.yaml",
		"only-comments/subtally.yaml", "plan/plans/standard.yaml", "plan-no-currency/plans/standard.yaml",
		"plan-no-name/plans/standard.yaml", "plan-prices/plans/standard.yaml", "plan-sums/plans/standard.yaml", "plan-unknown-key/plans/standard.yaml",
		"required/subtally.yaml", "scalar-types/subtally.yaml", "secret-as-variable-name/subtally.yaml", "secrets/subtally.yaml",
		"sid/tenants.yaml", "tenant-ids/tenants.yaml", "tenant-tax/tenants.yaml", "tenants-empty-mapping/tenants.yaml",
		"tenants-missing-keys/tenants.yaml", "top-list/subtally.yaml", "unknown-key/subtally.yaml",
		"unknown-key-no-guess/subtally.yaml", "unknown-key-top/subtally.yaml",
	} {
		t.Run(name, func(t *testing.T) {
			fixture, file, _ := strings.Cut(name, "/")
			archive, err := txtar.ParseFile("testdata/bad/" + fixture + ".txtar")
			if err != nil {
				t.Fatal(err)
			}
			found := false
			for _, f := range archive.Files {
				if f.Name == file {
					found = true
					if v.check(t, file, string(f.Data)) == nil {
						t.Errorf("taken:\n%s", f.Data)
					}
				}
			}
			if !found {
				t.Error("the archive has no such file")
			}
		})
	}
}

// A key that is not known is refused wherever there are keys, besides in decks,
// whose keys are names.
func TestSchemasRefuseUnknownKeys(t *testing.T) {
	v := newValidator(t)
	for file, want := range map[string]int{
		"plans/calls.yaml": 4, "plans/minutes.yaml": 9, "plans/units.yaml": 11, "plans/sums.yaml": 13, "plans/costs.yaml": 7, "plans/whole.yaml": 6,
		"plans/keys.yaml": 20, "subtally.yaml": 6, "tenants.yaml": 7,
	} {
		doc := node(t, read(t, "testdata/schema/"+file))
		mappings := 0
		refused := func(n *yaml.Node) {
			if n.Kind != yaml.MappingNode || n.Content[0].Value == "world" {
				return
			}
			mappings++
			whole := n.Content
			n.Content = append(append([]*yaml.Node{}, whole...), node(t, "unknown: 1").Content...)
			if v.check(t, file, text(t, doc)) == nil {
				t.Errorf("%s: an unknown key is taken beside %s", file, whole[0].Value)
			}
			n.Content = whole
		}
		refused(doc)
		walk(doc, func(n *yaml.Node, _ func(func())) { refused(n) })
		if mappings < want {
			t.Errorf("%s: tried %d mappings, want %d and more", file, mappings, want)
		}
	}
}

// Whatever Load takes the schemas take. Each value of files that have almost
// every key is left out, and replaced by others.
func TestSchemasTakeWhatLoadTakes(t *testing.T) {
	v := newValidator(t)
	others := []string{
		`""`, `x`, `1`, `"1"`, `1.5`, `-1`, `0123`, `1e3`, `.5`, `true`, `"true"`, `TRUE`, `~`,
		`2026-11-01`, `2026-11-1`, `"22:00"`, `up`, `none`, `call`, `records`, `[]`, `{}`, `[x]`,
	}
	plan := func(path string) *Problems {
		l := &loader{docs: map[string]*document{}}
		l.loadPlan("", path, map[string]*pricing.Plan{}, map[string]*pricing.Deck{"world": nil})
		return &l.problems
	}
	tenants := func(path string) *Problems {
		l := &loader{main: &document{}}
		l.loadTenants(&file{Tenants: path, Sellers: map[string]billing.Seller{"europe": {}}}, map[string]*pricing.Plan{"standard": {Name: "standard", Currency: "USD"}})
		return &l.problems
	}
	whole := func(path string) *Problems {
		_, err := Load(path, noEnv)
		problems := &Problems{}
		errors.As(err, &problems)
		return problems
	}
	for _, tt := range []struct {
		file string
		load func(path string) *Problems
	}{
		{"plans/calls.yaml", plan}, {"plans/minutes.yaml", plan}, {"plans/units.yaml", plan}, {"plans/sums.yaml", plan},
		{"plans/costs.yaml", plan}, {"plans/keys.yaml", plan}, {"plans/whole.yaml", plan}, {"tenants.yaml", tenants}, {"subtally.yaml", whole},
	} {
		doc := node(t, read(t, "testdata/schema/"+tt.file))
		path := filepath.Join(good(t, nil), tt.file)
		taken := 0
		try := func(what string) {
			changed := text(t, doc)
			if err := os.WriteFile(path, []byte(changed), 0o644); err != nil {
				t.Fatal(err)
			}
			if tt.load(path).err() != nil {
				return
			}
			taken++
			if err := v.check(t, tt.file, changed); err != nil {
				t.Errorf("%s: %s: Load takes it: %v", tt.file, what, err)
			}
		}
		try("as it is")
		if taken != 1 {
			t.Fatalf("%s: Load does not take it as it is: %v", tt.file, tt.load(path).err())
		}
		walk(doc, func(n *yaml.Node, without func(func())) {
			was := *n
			without(func() { try("without " + text(t, &was)) })
			for _, other := range others {
				*n = *node(t, other)
				try(text(t, &was) + " replaced by " + other)
				*n = was
			}
		})
		if taken < 30 {
			t.Errorf("%s: Load takes only %d changes", tt.file, taken)
		}
	}
}

func TestPlanSchema(t *testing.T) {
	v := newValidator(t)
	const (
		plan   = "{name: n, currency: USD, charges: [{id: a, description: A, flat: {amount: 1}}], %s}"
		charge = "{name: n, currency: USD, charges: [{id: a, description: A, %s}]}"
		calls  = "{name: n, currency: USD, charges: [{id: a, description: A, match: {kind: [call]}, %s}]}"
	)
	for _, tt := range []struct{ of, takes, refuses string }{
		{calls, "per_minute: {rate: 1}", "tax_code: a"},
		{calls, "per_minute: {rate: 1}", "per_minute: {rate: 1}, volume: {tiers: [{unit_price: 1}]}"},
		{calls, "per_minute: {rate: 1}", "per_minute: {increment: 1}"},
		{charge, "match: {kind: [call]}, per_unit: {unit_price: 1}", "match: {kind: [fax]}, per_unit: {unit_price: 1}"},
		{charge, "match: {kind: [call]}, per_unit: {unit_price: 1}", "match: {kind: []}, per_unit: {unit_price: 1}"},
		{charge, "match: {kind: [call]}, per_unit: {unit_price: 1}", "match: {leg: [child]}, per_unit: {unit_price: 1}"},
		{charge, "match: {kind: [call]}, per_unit: {unit_price: 1}", "per_unit: {unit_price: 1}"},
		{charge, "flat: {amount: 1}", "flat: {per: period}"},
		{charge, "flat: {amount: 1, per: number}", "flat: {amount: 1, per: line}"},
		{charge, "flat: {amount: 1, once: true}", "flat: {amount: 1, once: yes}"},
		{calls, "per_minute: {rate: 1, at_boundary: split}", "per_minute: {rate: 1, at_boundary: end}"},
		{calls, "per_minute: {rate: 1, times: [{name: a, days: [monday], rate: 1}]}", "per_minute: {rate: 1, times: [{name: a, days: [mon], rate: 1}]}"},
		{calls, `per_minute: {rate: 1, times: [{name: a, to: "24:00", rate: 1}]}`, `per_minute: {rate: 1, times: [{name: a, to: "24:01", rate: 1}]}`},
		{calls, "per_minute: {rate: 1, times: [{name: a, deck: a}]}", "per_minute: {rate: 1, times: [{name: a}]}"},
		{calls, "round_records: {mode: up, decimals: 2}, per_minute: {rate: 1}", "round_records: {decimals: 2, mode: ceiling}, per_minute: {rate: 1}"},
		{calls, "volume: {tiers: [{unit_price: 0}]}", "volume: {tiers: [{}]}"},
		{calls, "graduated: {tiers: [{flat_fee: 1}]}", "graduated: {tiers: [{cap: 1}]}"},
		{calls, "per_minute: {slots: [{from: 0, rate: 1}]}", "per_minute: {slots: [{from: 0}]}"},
		{calls, "percentage: {fee: 1}", "percentage: {missing_cost: 1}"},
		{calls, "percentage: {tiers: [{rate: 1}]}", "percentage: {tiers: [{}]}"},
		{calls, "package: {size: 1, price: 0}", "package: {size: 1}"},
		{calls, "package: {size: 1, price: 1, quantity: seconds}", "package: {size: 1, price: 1, quantity: hours}"},
		{calls, "package: {size: 1, price: 1, over: tenant}", "package: {size: 1, price: 1, over: number}"},
		{calls, "package: {size: 1, price: 1, round: up}", "package: {size: 1, price: 1, round: half_up}"},
		{calls, "volume: {round: down, tiers: [{unit_price: 1}]}", "volume: {round: half_up, tiers: [{unit_price: 1}]}"},
		{calls, "volume: {tiers: [{flat_fee: 1}]}", "volume: {tiers: []}"},
		{calls, "per_unit: {unit_price: 1, convert: {divide: 1, round: half_up}}", "per_unit: {unit_price: 1, convert: {divide: 1, round: near}}"},
		{plan, "tax_rounding: line", "tax_rounding: total"},
		{plan, "holidays: [2026-12-25]", "holidays: [2026-13-25]"},
		{plan, "statuses: {number: [held]}", "statuses: {number: [completed]}"},
		{plan, "minimum_prorate: day", "minimum_prorate: week"},
		{plan, "allowances: [{id: a, description: A, quantity: 1, unit: minute, charges: [a]}]", "allowances: [{id: a, description: A, quantity: 1, unit: hour, charges: [a]}]"},
		{plan, "surcharges: [{id: a, description: A, percent: 1}]", "surcharges: [{id: a, description: A, percent: 1, amount: 1}]"},
		{plan, "surcharges: [{id: a, description: A, amount: 1, per: line}]", "surcharges: [{id: a, description: A, amount: 1, per: period}]"},
		{plan, "credits: [{id: a, description: A, amount: 1}]", "credits: [{id: a, description: A}]"},
		{plan, "discounts: [{id: a, description: A, amount: 1}]", "discounts: [{id: a, description: A}]"},
	} {
		if err := v.check(t, "plan.yaml", fmt.Sprintf(tt.of, tt.takes)); err != nil {
			t.Errorf("%s: %v", tt.takes, err)
		}
		if v.check(t, "plan.yaml", fmt.Sprintf(tt.of, tt.refuses)) == nil {
			t.Errorf("takes %s", tt.refuses)
		}
	}
}

// What an editor shows of a key is in the words of the file.
func TestSchemaDescriptions(t *testing.T) {
	notes, err := readComments("../..", "yaml", "pricing", "billing", "internal/config")
	if err != nil {
		t.Fatal(err)
	}
	perMinute := reflect.TypeFor[pricing.PerMinute]()
	field := func(typ reflect.Type, name string) string {
		f, ok := typ.FieldByName(name)
		if !ok {
			t.Fatalf("%s has no field %s", typ, name)
		}
		return notes.field(typ, f)
	}
	for _, tt := range []struct{ got, want string }{
		{notes.typ(reflect.TypeFor[pricing.CostPlus]()), "Prices a record from what Twilio charges for it."},
		{notes.typ(reflect.TypeFor[credentialSection]()), "A subaccount with credentials of its own."},
		{field(perMinute, "Deck"), "rates by the far end's number; instead of `rate`"},
		{field(perMinute, "AtBoundary"), "of a call from one band into another; `start` where empty"},
		{field(perMinute, "ConnectFee"), ""},
		{field(reflect.TypeFor[pricing.Percentage](), "MissingCost"), "see `cost_plus.missing_cost`"},
		{field(reflect.TypeFor[pricing.CostPlus](), "MissingCost"), "what a record is taken to cost that Twilio put no price on by the time it is invoiced. Where it is not set such a record has no rate."},
	} {
		if tt.got != tt.want {
			t.Errorf("got  %q\nwant %q", tt.got, tt.want)
		}
	}
}
