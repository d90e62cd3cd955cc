package internal_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "subtally"

// pkg is what `go list -json` tells of a package.
type pkg struct {
	ImportPath string
	Name       string
	Dir        string
	GoFiles    []string
	Imports    []string
}

// path is the package's path within the module.
func (p *pkg) path() string { return strings.TrimPrefix(p.ImportPath, module+"/") }

// rule says which packages of the module a package may import, and why no
// others. A path that ends in /... stands for a package and those below it.
type rule struct {
	pkg     string
	imports []string
	why     string
}

var rules = []rule{
	{"pricing", nil, "prices are pure arithmetic: no file, clock or database, so nothing that has one"},
	{"templates", []string{"pricing"}, "words on documents are for pricing's kinds and units, and decide nothing"},
	{"ingest/twilio", nil, "the client speaks Twilio's API and knows neither warehouse nor money"},
	{"ingest/twiliosim", nil, "a stand-in that shared code with the client would share its mistakes"},
	{"ingest", []string{"ingest/twilio", "internal/warehouse"}, "usage is pulled without knowing a price or a tenant"},
	{"internal/warehouse/...", []string{"internal/warehouse/..."}, "storage is plumbing: it must not know what is billed from it"},
	{"billing", []string{"internal/warehouse", "pricing"}, "invoices are drafted from stored usage; nothing in them calls Twilio"},
	{"billing/register", []string{"internal/warehouse", "pricing"}, "a register that cannot read a document cannot change one"},
	{"billing/verify", []string{"billing", "billing/register", "internal/warehouse", "pricing"}, "what is verified is what is stored, not how it was made"},
	{"billing/render", []string{"billing", "pricing", "templates"}, "a PDF is a function of the document alone"},
	{"billing/export", []string{"billing", "pricing"}, "a CSV is a function of what was billed"},
	{"billing/nightly", []string{"billing/...", "ingest", "pricing", "templates"}, "the nightly job puts the steps in order; it reads no configuration"},
	{"internal/config", []string{"billing", "billing/register", "pricing"}, "configuration is checked without Twilio or a warehouse"},
	{"internal/config/schemagen", []string{"internal/config"}, "the schemas are made of what configuration is decoded into"},
	{"cmd/subtally", []string{"..."}, "the command puts everything together"},
	{"internal", nil, "tests only"},
}

func TestImports(t *testing.T) {
	for _, p := range packages(t) {
		i := slices.IndexFunc(rules, func(r rule) bool { return covers(r.pkg, p.path()) })
		if i < 0 {
			t.Errorf("%s has no rule: add one that says what it may import, and why", p.path())
			continue
		}
		for _, imported := range p.Imports {
			ours, ok := strings.CutPrefix(imported, module+"/")
			if !ok {
				continue
			}
			if !slices.ContainsFunc(rules[i].imports, func(pattern string) bool { return covers(pattern, ours) }) {
				t.Errorf("%s imports %s: %s", p.path(), ours, rules[i].why)
			}
		}
	}
}

// Only what is below ingest calls Twilio, and only the command serves: billing
// must not depend on what a network answers while it runs.
func TestNetHTTP(t *testing.T) {
	for _, p := range packages(t) {
		if slices.Contains(p.Imports, "net/http") && !covers("ingest/...", p.path()) && !covers("cmd/...", p.path()) {
			t.Errorf("%s imports net/http; only ingest calls Twilio", p.path())
		}
	}
}

// Each package says once, in a comment of its own, what it is for.
func TestPackageComments(t *testing.T) {
	for _, p := range packages(t) {
		want := "Package " + p.Name + " "
		if p.Name == "main" {
			want = "Command " + filepath.Base(p.Dir) + " "
		}
		var documented []string
		for _, name := range p.GoFiles {
			file := parse(t, filepath.Join(p.Dir, name))
			if file.Doc == nil {
				continue
			}
			documented = append(documented, name)
			if text := file.Doc.Text(); !strings.HasPrefix(text, want) {
				t.Errorf("%s: the comment of %s must start with %q: %.60q", name, p.path(), want, text)
			}
		}
		if len(documented) != 1 {
			t.Errorf("%s has %d package comments %v, want one", p.path(), len(documented), documented)
		}
	}
}

// Binary floating point cannot hold 0.01. Drawing has no money in it.
func TestNoFloatsInMoney(t *testing.T) {
	forbidden := []string{
		"float32", "float64", "NewFromFloat", "NewFromFloat32", "NewFromFloatWithExponent",
		"Float64", "InexactFloat64", "ParseFloat", "FormatFloat",
		"Hours", // of a duration
	}
	for _, p := range packages(t) {
		if !covers("pricing/...", p.path()) && !covers("billing/...", p.path()) || covers("billing/render/...", p.path()) {
			continue
		}
		for _, name := range p.GoFiles {
			files := token.NewFileSet()
			file, err := parser.ParseFile(files, filepath.Join(p.Dir, name), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.Ident:
					if slices.Contains(forbidden, n.Name) {
						t.Errorf("%s: %s in money code: use decimal.Decimal", files.Position(n.Pos()), n.Name)
					}
				case *ast.BasicLit:
					if n.Kind == token.FLOAT {
						t.Errorf("%s: %s in money code: use decimal.RequireFromString", files.Position(n.Pos()), n.Value)
					}
				}
				return true
			})
		}
	}
}

// The top level is what a newcomer sees first; it stays as short as this.
func TestTopLevel(t *testing.T) {
	allowed := []string{
		"cmd", "billing", "ingest", "pricing", "templates", "deploy", "internal",
		"go.mod", "go.sum", "README.md", "Makefile", "LICENSE",
	}
	for _, file := range tracked(t) {
		top, _, _ := strings.Cut(file, "/")
		if !strings.HasPrefix(top, ".") && !slices.Contains(allowed, top) {
			t.Errorf("%s: %s is not an entry of the top level: put it into one of %v", file, top, allowed)
		}
	}
}

// A lock file that names the registry of the machine it was made on installs
// nothing on another one.
func TestNoRegistryHosts(t *testing.T) {
	hosts := [][]byte{[]byte("registry." + "npmjs.org"), []byte("registry." + "yarnpkg.com"), []byte("proxy." + "golang.org")}
	for _, file := range tracked(t) {
		data, err := os.ReadFile(filepath.Join("..", file))
		if errors.Is(err, os.ErrNotExist) { // deleted, not yet committed
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, host := range hosts {
			if bytes.Contains(data, host) {
				t.Errorf("%s names the package registry %s", file, host)
			}
		}
	}
}

// covers reports whether a pattern of the rules stands for the package.
func covers(pattern, path string) bool {
	if pattern == "..." {
		return true
	}
	if parent, below := strings.CutSuffix(pattern, "/..."); below {
		return path == parent || strings.HasPrefix(path, parent+"/")
	}
	return path == pattern
}

// packages lists the module's packages.
func packages(t *testing.T) []pkg {
	t.Helper()
	out := output(t, "go", "list", "-json=ImportPath,Name,Dir,GoFiles,Imports", module+"/...")
	var list []pkg
	dirs := []string{".."}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
		dirs = append(dirs, p.Dir)
	}
	if len(list) == 0 {
		t.Fatal("go list found no packages")
	}
	// The test cache sees what the test opens, not what go list does: without
	// this a new package would not make the tests run again.
	for _, dir := range dirs {
		if _, err := os.ReadDir(dir); err != nil {
			t.Fatal(err)
		}
	}
	return list
}

// tracked lists the files that git keeps, relative to the top level.
func tracked(t *testing.T) []string {
	t.Helper()
	if _, err := os.Stat("../.git"); err != nil {
		t.Skip("not a git checkout")
	}
	files := strings.Split(strings.TrimSuffix(string(output(t, "git", "-C", "..", "ls-files", "-z")), "\x00"), "\x00")
	if len(files) < 2 {
		t.Fatal("git ls-files found no files")
	}
	return files
}

// output runs a command and answers what it prints.
func output(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(fmt.Errorf("%s: %w\n%s", cmd, err, stderr.Bytes()))
	}
	return out
}

func parse(t *testing.T, path string) *ast.File {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.PackageClauseOnly)
	if err != nil {
		t.Fatal(err)
	}
	return file
}
