package main

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"go.yaml.in/yaml/v3"

	"subtally/billing"
	"subtally/pricing"
)

// A key that can stand in a plan or with a tenant is learned from the example:
// one that is new has to be put there.
func TestExampleShowsEveryKey(t *testing.T) {
	dir, _ := example(t)
	for pattern, typ := range map[string]reflect.Type{
		"plans/*.yaml": reflect.TypeFor[pricing.Plan](),
		"tenants.yaml": reflect.TypeFor[struct {
			Tenants []billing.Tenant `yaml:"tenants"`
		}](),
	} {
		missing := map[string]bool{}
		eachKey(typ, func(k key) { missing[k.String()] = true })
		for _, text := range exampleTexts(t, dir, pattern) {
			var file any
			if err := yaml.Unmarshal(text, &file); err != nil {
				t.Fatal(err)
			}
			strike(missing, typ, file)
		}
		for name := range missing {
			t.Errorf("%s: %s is in none of them", pattern, name)
		}
	}
}

// What can be chosen for a key stands by it in the example, also in a comment on
// its line. The names of currencies and of Twilio's statuses are no choice of
// ours.
func TestExampleShowsEveryChoice(t *testing.T) {
	dir, _ := example(t)
	all := string(bytes.Join(exampleTexts(t, dir, "plans/*.yaml"), []byte("\n")))
	choices := pricing.Choices()
	eachKey(reflect.TypeFor[pricing.Plan](), func(k key) {
		list := choices[k.owner.Name()+"."+k.Name]
		if list == nil {
			list = choices[element(k.Type).Name()]
		}
		if name := k.String(); name == "Plan.currency" || name == "Match.status" {
			return
		}
		for _, choice := range list {
			if !regexp.MustCompile(`\b` + k.yaml + `: .*\b` + choice + `\b`).MatchString(all) {
				t.Errorf("%s: no line says that it can be %q", k, choice)
			}
		}
	})
}

// Each charge of each plan is worked out by hand in the script example.txtar.
func TestExamplePlansAreWorkedOut(t *testing.T) {
	_, c := example(t)
	script, err := txtar.ParseFile("testdata/script/example.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for name, plan := range c.Plans {
		var printed []byte
		for _, f := range script.Files {
			if strings.HasPrefix(f.Name, name) && strings.HasSuffix(f.Name, ".txt") {
				printed = append(printed, f.Data...)
			}
		}
		var ids []string
		for _, charge := range plan.Charges {
			if charge.ID != "other-calls" { // which have no direction: a file of usage cannot say so
				ids = append(ids, charge.ID)
			}
		}
		for _, s := range plan.Surcharges {
			ids = append(ids, s.ID)
		}
		for _, id := range ids {
			if !regexp.MustCompile(`(?m)^` + id + ` `).Match(printed) {
				t.Errorf("plan %s: no line of %s is worked out", name, id)
			}
		}
	}
}

// key is a key of a file, with the struct that declares its field.
type key struct {
	owner reflect.Type
	reflect.StructField
	yaml string
}

func (k key) String() string { return k.owner.Name() + "." + k.yaml }

// keysOf are the keys of a struct, those of embedded structs among them.
func keysOf(typ reflect.Type) (out []key) {
	for i := range typ.NumField() {
		f := typ.Field(i)
		switch name, options, _ := strings.Cut(f.Tag.Get("yaml"), ","); {
		case options == "inline":
			out = append(out, keysOf(f.Type)...)
		case name != "":
			out = append(out, key{typ, f, name})
		}
	}
	return out
}

// element is what a type holds one or many of.
func element(typ reflect.Type) reflect.Type {
	for slices.Contains([]reflect.Kind{reflect.Pointer, reflect.Slice, reflect.Map}, typ.Kind()) {
		typ = typ.Elem()
	}
	return typ
}

// eachKey calls each for every key below a type.
func eachKey(typ reflect.Type, each func(key)) {
	if typ = element(typ); typ.Kind() != reflect.Struct {
		return
	}
	for _, k := range keysOf(typ) {
		each(k)
		eachKey(k.Type, each)
	}
}

// strike takes the keys that a value of a type has off those that are missing.
func strike(missing map[string]bool, typ reflect.Type, value any) {
	switch value := value.(type) {
	case []any:
		for _, item := range value {
			strike(missing, typ, item)
		}
	case map[string]any:
		if typ = element(typ); typ.Kind() != reflect.Struct {
			return // statuses, by kind
		}
		for _, k := range keysOf(typ) {
			if inner, ok := value[k.yaml]; ok {
				delete(missing, k.String())
				strike(missing, k.Type, inner)
			}
		}
	}
}

// exampleTexts are the example's files whose names match.
func exampleTexts(t *testing.T, dir, pattern string) (out [][]byte) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files %s: %v", pattern, err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, text)
	}
	return out
}
