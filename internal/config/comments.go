package config

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
)

// comments are what the source says about types and their fields. Whoever
// writes a file knows its keys and not the source: names of fields and
// constants come as the keys and the words that a file has for them.
type comments struct {
	tag    string            // of the keys: yaml or json
	types  map[string]string // by package and type, such as "pricing.Plan"
	fields map[string]string // by package, type and field, such as "pricing.Plan.Name"
	keys   map[string]string // in a file, by type and field, such as "Plan.Name"
	holder map[string]string // the key whose value a type is, such as "flat" of "Flat"
	words  map[string]string // in a file, by constant, such as "day" of "ProrateDay"
}

// readComments reads the packages in some folders of the module at root. Keys are
// those of a struct tag.
func readComments(root, tag string, dirs ...string) (*comments, error) {
	c := &comments{tag: tag, types: map[string]string{}, fields: map[string]string{}, keys: map[string]string{}, holder: map[string]string{}, words: map[string]string{}}
	for _, dir := range dirs {
		names, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
		if err != nil {
			return nil, err
		}
		if len(names) == 0 {
			return nil, fmt.Errorf("no Go source in %s", filepath.Join(root, dir))
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			source, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
			if err != nil {
				return nil, err
			}
			for _, d := range source.Decls {
				if d, ok := d.(*ast.GenDecl); ok {
					c.declared(source.Name.Name, d)
				}
			}
		}
	}
	return c, nil
}

func (c *comments) declared(pkg string, d *ast.GenDecl) {
	for _, spec := range d.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			if body, ok := spec.Type.(*ast.StructType); ok {
				c.types[pkg+"."+spec.Name.Name] = d.Doc.Text()
				c.struc(pkg, spec.Name.Name, body)
			}
		case *ast.ValueSpec:
			for i, value := range spec.Values {
				if lit, ok := value.(*ast.BasicLit); ok && d.Tok == token.CONST && lit.Kind == token.STRING {
					c.words[spec.Names[i].Name], _ = strconv.Unquote(lit.Value) // the parser took it
				}
			}
		}
	}
}

func (c *comments) struc(pkg, typ string, body *ast.StructType) {
	for _, f := range body.Fields.List {
		if f.Tag == nil {
			continue
		}
		tag, _ := strconv.Unquote(f.Tag.Value) // the parser took it
		key, _, _ := strings.Cut(reflect.StructTag(tag).Get(c.tag), ",")
		for _, name := range f.Names {
			c.fields[pkg+"."+typ+"."+name.Name] = f.Doc.Text() + f.Comment.Text()
			c.keys[typ+"."+name.Name] = key
			if star, ok := f.Type.(*ast.StarExpr); ok {
				if of, ok := star.X.(*ast.Ident); ok {
					c.holder[of.Name] = key
				}
			}
		}
	}
}

// typ is what is said about a type, as a sentence without its name.
func (c *comments) typ(typ reflect.Type) string {
	text := strings.TrimPrefix(c.types[path.Base(typ.PkgPath())+"."+typ.Name()], typ.Name()+" ")
	text = strings.TrimPrefix(strings.TrimPrefix(text, "is "), "are ")
	if text == "" {
		return ""
	}
	return c.inFile(typ.Name(), strings.ToUpper(text[:1])+text[1:])
}

// field is what is said about a field; empty where nothing is.
func (c *comments) field(typ reflect.Type, f reflect.StructField) string {
	text := c.fields[path.Base(typ.PkgPath())+"."+typ.Name()+"."+f.Name]
	return c.inFile(typ.Name(), strings.TrimPrefix(text, f.Name+" is "))
}

var (
	docLink = regexp.MustCompile(`\[([A-Z][A-Za-z.]*)\]`)
	goName  = regexp.MustCompile(`\b[A-Z][A-Za-z]*(\.[A-Z][A-Za-z]*)?\b`)
)

// inFile is a comment on a type or its fields, on one line, in the words of a
// file.
func (c *comments) inFile(typ, text string) string {
	text = strings.Join(strings.Fields(text), " ")
	text = docLink.ReplaceAllString(text, "$1")
	return goName.ReplaceAllStringFunc(text, func(name string) string {
		if of, _, dotted := strings.Cut(name, "."); dotted && c.keys[name] != "" {
			return "`" + c.holder[of] + "." + c.keys[name] + "`"
		}
		if key := c.keys[typ+"."+name]; key != "" {
			return "`" + key + "`"
		}
		if word := c.words[name]; word != "" && !strings.EqualFold(name, word) {
			return "`" + word + "`"
		}
		return name
	})
}
