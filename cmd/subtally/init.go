package main

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"subtally/internal/config"
	"subtally/templates"
)

//go:embed example
var exampleFiles embed.FS

func initCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "init [dir]",
		Short: "Write an example configuration to start from",
		Long: `Write a commented subtally.yaml with plans, rate decks and tenants into dir, or
into the current folder, in layout/ how invoices look and every word on them,
and in schema/ the JSON Schemas by which editors complete and check them.
Nothing that exists is overwritten.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "."
			if len(args) == 1 {
				dir = args[0]
			}
			written, err := writeExample(dir)
			for _, path := range written {
				fmt.Fprintln(cmd.OutOrStdout(), path)
			}
			if err != nil {
				return fmt.Errorf("writing the example configuration: %w", err)
			}
			return nil
		},
	}
}

// writeExample copies the example files and the schemas into dir and answers
// the paths written. Where one of them exists already it writes none.
func writeExample(dir string) (written []string, err error) {
	contents := map[string][]byte{}
	add := func(files fs.FS, to string) error {
		return fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				contents[filepath.Join(dir, to, filepath.FromSlash(name))], err = fs.ReadFile(files, name)
			}
			return err
		})
	}
	files, err := fs.Sub(exampleFiles, "example")
	if err != nil {
		return nil, err
	}
	if err := errors.Join(add(files, "."), add(config.Schemas, "schema"), add(templates.Files, "layout")); err != nil {
		return nil, err
	}
	var existing []string
	paths := slices.Sorted(maps.Keys(contents))
	for _, path := range paths {
		if _, err := os.Lstat(path); err == nil {
			existing = append(existing, path)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	if len(existing) > 0 {
		return nil, fmt.Errorf("already there: %s; move them away or name another folder", strings.Join(existing, ", "))
	}
	for _, path := range paths {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return written, err
		}
		if err := writeNew(path, contents[path]); err != nil {
			return written, err
		}
		written = append(written, path)
	}
	return written, nil
}

// writeNew writes a file that must not exist yet.
func writeNew(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}
