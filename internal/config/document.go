package config

import (
	"bytes"
	"encoding"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/shopspring/decimal"
	"go.yaml.in/yaml/v3"
)

// document is one YAML file, decoded strictly. It remembers the line of every
// path, so that what is found wrong later can still name its line.
type document struct {
	file     string
	lines    map[string]int
	broken   []string // paths that did not decode
	problems *Problems
}

// parse decodes data into the struct that target points to; what the file
// leaves out keeps its value. Problems go to problems. The answer is nil when
// nothing of the file can be used.
//
// It decodes the nodes itself rather than leave that to the YAML package,
// which stops at the first error, takes text for numbers by way of float64 and
// lets many spellings of one value pass.
func parse(file string, data []byte, target any, problems *Problems) *document {
	d := &document{file: file, lines: map[string]int{"": 1}, problems: problems}
	if line := lineNotText(data); line > 0 {
		d.bad(line, "", "not text in UTF-8; save the file as UTF-8")
		return nil
	}
	in := yaml.NewDecoder(bytes.NewReader(data))
	var root yaml.Node
	if err := in.Decode(&root); errors.Is(err, io.EOF) {
		d.bad(0, "", "the file is empty")
		return nil
	} else if err != nil {
		d.syntax(err)
		return nil
	}
	var second yaml.Node
	if err := in.Decode(&second); err == nil {
		d.bad(second.Line, "", "a second YAML document starts here; keep one in a file")
	} else if !errors.Is(err, io.EOF) {
		d.syntax(err)
	}
	top := root.Content[0]
	if top.ShortTag() == "!!null" {
		d.bad(0, "", "the file is empty")
		return nil
	}
	d.decode("", top, reflect.ValueOf(target).Elem())
	if top.Kind != yaml.MappingNode {
		return nil
	}
	return d
}

// lineNotText is the first line that is not UTF-8 or has a control character in
// it; 0 when there is none. The YAML package refuses these too, but does not
// say where they are.
func lineNotText(data []byte) int {
	line := 1
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		switch {
		case r == utf8.RuneError && size == 1, r == '\uFFFE', r == '\uFFFF':
			return line
		case unicode.IsControl(r) && !strings.ContainsRune("\t\n\r\u0085", r):
			return line
		case r == '\n':
			line++
		}
		data = data[size:]
	}
	return 0
}

var syntaxLine = regexp.MustCompile(`^line ([0-9]+): `)

// syntax reports what the YAML package could not read.
func (d *document) syntax(err error) {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 1 // which the YAML package does not name
	if m := syntaxLine.FindStringSubmatch(text); m != nil {
		line, _ = strconv.Atoi(m[1])
		text = text[len(m[0]):]
	}
	d.bad(line, "", "not valid YAML: %s", text)
}

// bad reports a problem of decoding.
func (d *document) bad(line int, path, format string, args ...any) {
	d.broken = append(d.broken, path)
	d.problems.add(Problem{File: d.file, Line: line, Path: path, Text: fmt.Sprintf(format, args...)})
}

// problem reports what is wrong with a value that was decoded. It keeps quiet
// where the value, a part of it or what holds it did not decode, since the
// problem may be a mere consequence of that.
func (d *document) problem(path, format string, args ...any) {
	if !d.damaged(path) {
		d.problems.add(Problem{File: d.file, Line: d.line(path), Path: path, Text: fmt.Sprintf(format, args...)})
	}
}

// damaged reports whether the value at path, a part of it or what holds it did
// not decode.
func (d *document) damaged(path string) bool {
	return slices.ContainsFunc(d.broken, func(b string) bool { return within(b, path) || within(path, b) })
}

// within reports whether path is outer or a part of it. Nothing counts as a
// part of the whole document: its own problems say nothing about its values.
func within(path, outer string) bool {
	rest, ok := strings.CutPrefix(path, outer)
	return ok && (rest == "" || outer != "" && (rest[0] == '.' || rest[0] == '['))
}

// has reports whether the file says anything at path.
func (d *document) has(path string) bool { _, ok := d.lines[path]; return ok }

// line is where path stands, or else the nearest thing that would hold it.
func (d *document) line(path string) int {
	for {
		if line, ok := d.lines[path]; ok {
			return line
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
}

var (
	dec      = reflect.TypeFor[decimal.Decimal]()
	deck     = reflect.TypeFor[DeckFile]()
	textType = reflect.TypeFor[encoding.TextUnmarshaler]()

	wholeForm   = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,17})$`)
	decimalForm = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?$`)
)

// decode sets out, which is at path, from n.
func (d *document) decode(path string, n *yaml.Node, out reflect.Value) {
	switch {
	case n.Kind == yaml.AliasNode:
		d.bad(n.Line, path, "YAML aliases are not supported; write the value out")
		return
	case n.Style&yaml.TaggedStyle != 0:
		d.bad(n.Line, path, "YAML tags are not supported; leave %s out", n.Tag)
		return
	case n.ShortTag() == "!!null":
		d.bad(n.Line, path, "has no value; give it one or leave the key out")
		return
	}
	switch kind := out.Kind(); {
	case kind == reflect.Pointer:
		out.Set(reflect.New(out.Type().Elem()))
		d.decode(path, n, out.Elem())
	case kind == reflect.Slice:
		d.decodeList(path, n, out)
	case kind == reflect.Map && (n.Kind != yaml.ScalarNode || !reflect.PointerTo(out.Type()).Implements(textType)):
		d.decodeMap(path, n, out)
	case out.Type() == deck && n.Kind == yaml.MappingNode: // as text it is its file alone
		d.decodeStruct(path, n, out)
	case out.Type() == dec || reflect.PointerTo(out.Type()).Implements(textType) || kind != reflect.Struct:
		if n.Kind != yaml.ScalarNode {
			d.bad(n.Line, path, "must be a single value, not a %s", nodeNames[n.Kind])
			return
		}
		d.decodeScalar(path, n, out)
	default:
		d.decodeStruct(path, n, out)
	}
}

var nodeNames = map[yaml.Kind]string{yaml.ScalarNode: "single value", yaml.SequenceNode: "list", yaml.MappingNode: "mapping"}

func (d *document) decodeList(path string, n *yaml.Node, out reflect.Value) {
	if n.Kind != yaml.SequenceNode {
		d.bad(n.Line, path, "must be a list, not a %s", nodeNames[n.Kind])
		return
	}
	list := reflect.MakeSlice(out.Type(), len(n.Content), len(n.Content))
	for i, item := range n.Content {
		at := fmt.Sprintf("%s[%d]", path, i)
		d.lines[at] = item.Line
		d.decode(at, item, list.Index(i))
	}
	out.Set(list)
}

func (d *document) decodeMap(path string, n *yaml.Node, out reflect.Value) {
	if out.IsNil() { // else what the file leaves out keeps its value
		out.Set(reflect.MakeMap(out.Type()))
	}
	d.pairs(path, n, func(at string, key, value *yaml.Node) {
		v := reflect.New(out.Type().Elem()).Elem()
		d.decode(at, value, v)
		out.SetMapIndex(reflect.ValueOf(key.Value).Convert(out.Type().Key()), v)
	})
}

func (d *document) decodeStruct(path string, n *yaml.Node, out reflect.Value) {
	fields := map[string]reflect.Value{}
	known := collectFields(out, fields)
	d.pairs(path, n, func(at string, key, value *yaml.Node) {
		if field, ok := fields[key.Value]; ok {
			d.decode(at, value, field)
			return
		}
		text := fmt.Sprintf("unknown key %q", key.Value)
		if hint := secretHint(path, key.Value); hint != "" {
			text += "; " + hint
		} else if s := suggest(key.Value, known); s != "" {
			text += fmt.Sprintf("; did you mean %q?", s)
			if !holds(n, s) { // or what stands there is checked for itself
				d.broken = append(d.broken, join(path, s))
			}
		} else {
			text += "; known here: " + strings.Join(known, ", ")
		}
		d.broken = append(d.broken, at)
		d.problems.add(Problem{File: d.file, Line: key.Line, Path: path, Text: text})
	})
}

// holds reports whether a mapping has the key.
func holds(n *yaml.Node, key string) bool {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return true
		}
	}
	return false
}

// collectFields notes the fields of a struct by their keys, those of embedded
// structs among them, and answers the keys in order.
func collectFields(out reflect.Value, fields map[string]reflect.Value) (known []string) {
	for i := range out.NumField() {
		name, options, _ := strings.Cut(out.Type().Field(i).Tag.Get("yaml"), ",") // other options are for writing YAML
		switch {
		case options == "inline":
			known = append(known, collectFields(out.Field(i), fields)...)
		case name != "":
			fields[name] = out.Field(i)
			known = append(known, name)
		}
	}
	return known
}

// pairs calls each for every key of a mapping, the first time it stands there.
func (d *document) pairs(path string, n *yaml.Node, each func(at string, key, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		d.bad(n.Line, path, "must be a mapping of keys to values, not a %s", nodeNames[n.Kind])
		return
	}
	first := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.ShortTag() == "!!merge" {
			d.bad(key.Line, path, "YAML merge keys are not supported; write the keys out")
			continue
		}
		if key.Kind != yaml.ScalarNode {
			d.bad(key.Line, path, "a key must be plain text")
			continue
		}
		at := join(path, key.Value)
		if line, dup := first[key.Value]; dup {
			d.bad(key.Line, at, "this key already stands on line %d; keep one", line)
			continue
		}
		first[key.Value] = key.Line
		d.lines[at] = key.Line
		each(at, key, value)
	}
}

var plainKey = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// join is the path of a key of the mapping at path.
func join(path, key string) string {
	if !plainKey.MatchString(key) {
		key = strconv.Quote(key)
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

// decodeScalar reads a value from its text, quoted or not, so that nothing is
// lost to YAML's own idea of the value's type.
func (d *document) decodeScalar(path string, n *yaml.Node, out reflect.Value) {
	if out.Type() == dec {
		if !decimalForm.MatchString(n.Value) {
			d.bad(n.Line, path, "%q is not a plain decimal number such as 0.0125", n.Value)
			return
		}
		out.Set(reflect.ValueOf(decimal.RequireFromString(n.Value)))
		return
	}
	if text, ok := out.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if err := text.UnmarshalText([]byte(n.Value)); err != nil {
			d.bad(n.Line, path, "%v", err)
		}
		return
	}
	switch out.Kind() {
	case reflect.String:
		if n.ShortTag() == "!!bool" {
			d.bad(n.Line, path, "%s is a yes or no in YAML; put it in quotes if it is meant as text", n.Value)
			return
		}
		out.SetString(n.Value)
	case reflect.Int, reflect.Int64:
		if !wholeForm.MatchString(n.Value) {
			d.bad(n.Line, path, "%q is not a whole number such as 30", n.Value)
			return
		}
		v, _ := strconv.ParseInt(n.Value, 10, 64) // 18 digits fit
		out.SetInt(v)
	case reflect.Float64: // a length of a layout
		if !decimalForm.MatchString(n.Value) {
			d.bad(n.Line, path, "%q is not a plain decimal number such as 12.5", n.Value)
			return
		}
		v, _ := strconv.ParseFloat(n.Value, 64) // so few digits fit
		out.SetFloat(v)
	case reflect.Bool:
		if n.Value != "true" && n.Value != "false" {
			d.bad(n.Line, path, "%q is neither true nor false", n.Value)
			return
		}
		out.SetBool(n.Value == "true")
	default:
		panic("config: no decoding for " + out.Type().String())
	}
}
