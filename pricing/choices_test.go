package pricing

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A model that is added to Charge is one of those that Models lists, in the
// same order.
func TestModels(t *testing.T) {
	var want []string
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Charge]()) {
		if f.Type.Implements(reflect.TypeFor[model]()) {
			want = append(want, f.Tag.Get("yaml"))
		}
	}
	if !slices.Equal(Models, want) {
		t.Errorf("Models are %v, a charge has %v", Models, want)
	}
}

// Constants that are declared together with one that a key is chosen from are
// choices too, all in one list.
func TestChoicesAreWhole(t *testing.T) {
	subsets := []string{"Unit", "Category"} // an allowance has some units only, and match.category is Twilio's word
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	blocks := 0
	for _, name := range names {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			d, ok := d.(*ast.GenDecl)
			if !ok || d.Tok != token.CONST || !d.Lparen.IsValid() {
				continue
			}
			typ, values := constants(d)
			if len(values) == 0 || slices.Contains(subsets, typ) {
				continue
			}
			blocks++
			whole := func(list []string) bool {
				return !slices.ContainsFunc(values, func(v string) bool { return !slices.Contains(list, v) })
			}
			found := false
			for of, list := range Choices() {
				found = found || (typ == "" || typ == of) && whole(list)
			}
			if !found {
				t.Errorf("%s: no choices hold all of %s %s", name, typ, strings.Join(values, ", "))
			}
		}
	}
	if blocks < 12 {
		t.Errorf("found %d blocks of constants, want 12 and more", blocks)
	}
}

// constants are the exported texts of a block, and their type.
func constants(d *ast.GenDecl) (typ string, values []string) {
	for _, spec := range d.Specs {
		spec := spec.(*ast.ValueSpec)
		if ident, ok := spec.Type.(*ast.Ident); ok {
			typ = ident.Name
		}
		for i, value := range spec.Values {
			if lit, ok := value.(*ast.BasicLit); ok && lit.Kind == token.STRING && spec.Names[i].IsExported() {
				text, _ := strconv.Unquote(lit.Value)
				values = append(values, text)
			}
		}
	}
	return typ, values
}
