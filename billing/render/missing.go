package render

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"subtally/billing"
	"subtally/templates"
)

// Missing is a character that would be printed as a replacement sign.
type Missing struct {
	Rune rune
	// Where is the first place that it stands at, such as "buyer name" or "line
	// 3 description"; "layout" for one of the layout's own words.
	Where string
	// Script is whether its script cannot be set with any font: one that needs
	// shaping or runs from right to left.
	Script bool
}

// String is such as "buyer name: U+4E2D 中".
func (m Missing) String() string { return fmt.Sprintf("%s: %U %c", m.Where, m.Rune, m.Rune) }

// FindMissing finds the characters that an invoice cannot be printed with in
// the fonts of a layout, each once, in the order of the document. It draws the
// invoice, so that it finds what is printed and nothing else, and answers a
// [DrawError] for one that [Invoice] refuses, or would print a text of in part
// only, because that is longer than what has room.
func FindMissing(doc *billing.Document, l templates.Layout) (missing []Missing, err error) {
	defer func() {
		if r := recover(); r != nil {
			missing, err = nil, &DrawError{invoiceName(doc), fmt.Errorf("%v", r)}
		}
	}()
	drawn := *doc
	drawn.Annex = nil // it has no words but those of the lines
	c, err := paintInvoice(&drawn, l, nil)
	if err == nil && c.cut != "" {
		err = fmt.Errorf("the text that begins with %q is too long to be printed: make it shorter", fmt.Sprintf("%.40s", c.cut))
	}
	if err != nil {
		return nil, &DrawError{invoiceName(doc), err}
	}
	lacking := c.glyphs.lacking
	place := func(where, text string) {
		for _, r := range text {
			if lacking[r] {
				missing = append(missing, Missing{r, where, !settable(r)})
				delete(lacking, r)
			}
		}
	}
	eachString(reflect.ValueOf(doc).Elem(), "", func(where, text string) {
		if len(lacking) > 0 {
			place(where, norm.NFC.String(text))
		}
	})
	place("layout", string(slices.Sorted(maps.Keys(lacking))))
	return missing, nil
}

// eachString visits every string within v, with the way there in words.
func eachString(v reflect.Value, way string, visit func(where, text string)) {
	switch v.Kind() {
	case reflect.String:
		visit(way, v.String())
	case reflect.Pointer:
		if !v.IsNil() {
			eachString(v.Elem(), way, visit)
		}
	case reflect.Slice:
		for i := range v.Len() {
			where := way
			if element := v.Index(i); element.Kind() == reflect.Struct {
				where = fmt.Sprintf("%s %d", singular(way), i+1)
			}
			eachString(v.Index(i), where, visit)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Type().Field(i)
			if !field.IsExported() {
				continue
			}
			where := way
			if !field.Anonymous {
				name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
				where = strings.TrimSpace(way + " " + strings.ReplaceAll(name, "_", " "))
			}
			eachString(v.Field(i), where, visit)
		}
	}
}

func singular(word string) string {
	if strings.HasSuffix(word, "xes") {
		return strings.TrimSuffix(word, "es")
	}
	return strings.TrimSuffix(word, "s")
}

// Explain says of missing characters what to do; empty for none.
func Explain(missing []Missing) string {
	var fonts, scripts []Missing
	for _, m := range missing {
		if m.Script {
			scripts = append(scripts, m)
		} else {
			fonts = append(fonts, m)
		}
	}
	var parts []string
	if len(fonts) > 0 {
		parts = append(parts, "no font of the layout has "+listed(fonts)+": add one that has to the layout's fonts")
	}
	if len(scripts) > 0 {
		parts = append(parts, "the script of "+listed(scripts)+" cannot be set: write it in Latin letters")
	}
	return strings.Join(parts, "; ")
}

// listed names characters, the first few of many.
func listed(missing []Missing) string {
	const most = 6
	var words []string
	for i, m := range missing {
		if i == most {
			words = append(words, fmt.Sprintf("and %d more", len(missing)-most))
			break
		}
		words = append(words, fmt.Sprintf("%U %c (%s)", m.Rune, m.Rune, m.Where))
	}
	return strings.Join(words, ", ")
}
