package warehouse

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"strings"
	"text/template"
	"time"
)

//go:embed migrations/*.sql
var embedded embed.FS

// migrations is the schema: files NNNN_name.sql, numbered from 0001 without
// gaps. A file is a list of statements, each ended by a ";" at the end of a
// line; lines that begin with "--" are comments. ClickHouse has no transactions
// for this, so each statement is a step of its own that can be run again
// without harm (IF NOT EXISTS). A step that has been released is never changed:
// the next change is the next file.
//
// Statements are templates of two functions, so that one schema can serve one
// node or a cluster: {{on_cluster}} after the name of a table, and
// {{engine "ReplacingMergeTree" "version"}} for its engine.
func migrations() fs.FS {
	sub, err := fs.Sub(embedded, "migrations")
	if err != nil {
		panic(err) // the name is a constant
	}
	return sub
}

const createMigrationsTable = `
CREATE TABLE IF NOT EXISTS migrations {{on_cluster}} (
    version    UInt32,
    step       UInt32,
    name       String,
    sha256     String,
    applied_at DateTime64(3, 'UTC')
) ENGINE = {{engine "ReplacingMergeTree"}} ORDER BY (version, step)`

// migration is one file.
type migration struct {
	version uint32
	name    string // the file's
	steps   []string
}

// stepID names a step: the version of its file and its place in it, from 1.
type stepID struct{ version, step uint32 }

type appliedStep struct {
	stepID
	name, sha256 string
}

// migrate applies the steps that the database does not have yet, in order, and
// notes each one after it. A run that was killed continues with the step it was
// killed in; two runs at once apply some steps twice, which does no harm.
func (db *DB) migrate(ctx context.Context, fsys fs.FS) error {
	all, err := loadMigrations(fsys)
	if err != nil {
		return err
	}
	create, err := renderStep(createMigrationsTable)
	if err != nil {
		return err
	}
	if err := db.exec(ctx, create); err != nil {
		return fmt.Errorf("create table migrations: %w", err)
	}
	done, err := db.appliedSteps(ctx)
	if err != nil {
		return err
	}
	applied, err := checkApplied(all, done)
	if err != nil {
		return err
	}
	for _, m := range all {
		for i, text := range m.steps {
			id := stepID{m.version, uint32(i + 1)}
			if applied[id] {
				continue
			}
			if err := db.applyStep(ctx, m, id, text); err != nil {
				return fmt.Errorf("migration %s, step %d: %w", m.name, id.step, err)
			}
			db.log.Debug("applied migration", "file", m.name, "step", id.step)
		}
	}
	return nil
}

func (db *DB) appliedSteps(ctx context.Context) ([]appliedStep, error) {
	rows, err := db.query(ctx, "SELECT version, step, name, sha256 FROM migrations FINAL ORDER BY version, step")
	if err != nil {
		return nil, fmt.Errorf("read table migrations: %w", err)
	}
	defer rows.Close()
	var done []appliedStep
	for rows.Next() {
		var s appliedStep
		if err := rows.Scan(&s.version, &s.step, &s.name, &s.sha256); err != nil {
			return nil, fmt.Errorf("read table migrations: %w", err)
		}
		done = append(done, s)
	}
	return done, db.rowsErr("read table migrations", rows)
}

func (db *DB) applyStep(ctx context.Context, m migration, id stepID, text string) error {
	statement, err := renderStep(text)
	if err != nil {
		return err
	}
	if err := db.exec(ctx, statement); err != nil {
		return err
	}
	return db.exec(ctx, "INSERT INTO migrations (version, step, name, sha256, applied_at) VALUES (?, ?, ?, ?, ?)",
		id.version, id.step, m.name, sum(text), time.Now().UTC())
}

// checkApplied holds what the database has against what this program has.
func checkApplied(all []migration, done []appliedStep) (map[stepID]bool, error) {
	applied := make(map[stepID]bool, len(done))
	for _, r := range done {
		if int(r.version) > len(all) || int(r.step) > len(all[r.version-1].steps) {
			return nil, fmt.Errorf("the database is newer than this program: it has step %d of migration %s; "+
				"install the version of subtally that made it, or a later one", r.step, r.name)
		}
		if want := sum(all[r.version-1].steps[r.step-1]); r.sha256 != want {
			return nil, fmt.Errorf("step %d of migration %s was applied with another text than this program has "+
				"(sha256 %.12s in the database, %.12s here); use the version of subtally that made the database, "+
				"or undo the change of that file", r.step, r.name, r.sha256, want)
		}
		applied[r.stepID] = true
	}
	return applied, nil
}

var migrationName = regexp.MustCompile(`^(\d{4})_[a-z0-9_]+\.sql$`)

// loadMigrations reads the files in order.
func loadMigrations(fsys fs.FS) ([]migration, error) {
	names, err := fs.Glob(fsys, "*.sql")
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	var all []migration
	for i, name := range names { // Glob sorts
		parts := migrationName.FindStringSubmatch(name)
		if parts == nil {
			return nil, fmt.Errorf("migration %s: want a name like 0001_usage.sql", name)
		}
		version, err := strconv.Atoi(parts[1])
		if err != nil || version != i+1 {
			return nil, fmt.Errorf("migration %s: want number %04d: they run from 0001 without gaps", name, i+1)
		}
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("read migration %s: %w", name, err)
		}
		steps, err := splitSteps(string(text))
		if err != nil {
			return nil, fmt.Errorf("migration %s: %w", name, err)
		}
		all = append(all, migration{uint32(version), name, steps})
	}
	return all, nil
}

// splitSteps cuts a file into its statements, without comment lines and the
// ending ";".
func splitSteps(text string) ([]string, error) {
	var steps []string
	var step strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(line), "--") {
			continue
		}
		line = strings.TrimRight(line, " \t\r\n")
		body, ended := strings.CutSuffix(line, ";")
		step.WriteString(body + "\n")
		if !ended {
			continue
		}
		s := strings.TrimSpace(step.String())
		if s == "" {
			return nil, fmt.Errorf("step %d is empty", len(steps)+1)
		}
		steps = append(steps, s)
		step.Reset()
	}
	if rest := strings.TrimSpace(step.String()); rest != "" {
		return nil, fmt.Errorf("step %d does not end with a ;", len(steps)+1)
	}
	if len(steps) == 0 {
		return nil, fmt.Errorf("it has no statement")
	}
	return steps, nil
}

var stepFuncs = template.FuncMap{
	"on_cluster": func() string { return "" },
	"engine": func(name string, args ...string) string {
		return name + "(" + strings.Join(args, ", ") + ")"
	},
}

func renderStep(text string) (string, error) {
	t, err := template.New("step").Funcs(stepFuncs).Parse(text)
	if err != nil {
		return "", fmt.Errorf("read template: %w", err)
	}
	var b strings.Builder
	if err := t.Execute(&b, nil); err != nil {
		return "", fmt.Errorf("fill in template: %w", err)
	}
	return b.String(), nil
}

// sum identifies a step by its text before it is filled in, which is the same
// on one node and on a cluster.
func sum(step string) string {
	s := sha256.Sum256([]byte(step))
	return hex.EncodeToString(s[:])
}
