// Command subtally meters, prices and invoices Twilio subaccounts. Each file
// here is one command: it parses flags, calls one function and prints.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"subtally/billing/nightly"
	"subtally/billing/register"
	"subtally/internal/config"
	"subtally/internal/warehouse/engine"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == engine.Command {
		engine.Main(os.Args[2:])
	}
	nightly.BoundMemory()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command(os.Stdout, os.Stderr).ExecuteContext(ctx)
	stop()
	os.Exit(exitStatus(err, os.Stderr))
}

// options are the flags that every command has.
type options struct {
	Config  string
	JSON    bool // of the commands that have --json
	Verbose bool
}

// jsonFlag gives a command the flag --json.
func (o *options) jsonFlag(c *cobra.Command) {
	c.Flags().BoolVar(&o.JSON, "json", false, "print JSON instead of a table")
}

// Exit statuses besides 0, done. 2 is left to Go's panics.
const (
	statusFailed = 1
	statusPerson = 3 // done, but something needs a person
	statusUsage  = 4 // wrong flags or configuration
)

// errNeedsPerson says that a command did its work and found something that a
// person has to look at. What it is has been printed.
var errNeedsPerson = errors.New("something needs a person; see above")

// usageError is a wrong flag or argument.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

// exitStatus prints the error and answers the status that goes with it.
func exitStatus(err error, stderr io.Writer) int {
	var problems *config.Problems
	var usage usageError
	switch {
	case err == nil:
		return 0
	case err == errNeedsPerson:
		return statusPerson
	case errors.As(err, &problems):
		fmt.Fprintln(stderr, problems)
		return statusUsage
	case errors.As(err, &usage), errors.Is(err, register.ErrNoKeeper):
		fmt.Fprintln(stderr, "subtally:", err)
		return statusUsage
	case errors.Is(err, syscall.EPIPE): // who reads has gone, and wants no more
		return statusFailed
	}
	for _, line := range strings.Split(err.Error(), "\n") {
		fmt.Fprintln(stderr, "subtally:", line)
	}
	return statusFailed
}

func command(stdout, stderr io.Writer) *cobra.Command {
	opts := &options{}
	root := &cobra.Command{
		Use:   "subtally",
		Short: "Meter, price and invoice Twilio subaccounts",
		Long: `Subtally pulls the usage of every Twilio subaccount into ClickHouse, prices it by
your own plans, and writes an invoice per tenant and a statement for the main
account.

Twilio's credentials come from TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN.

Exit status: 0 done, 1 failed, 3 done but something needs a person (parked
tenants, unrated or unassigned usage, differences from Twilio's figures), 4 wrong flags or configuration.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRun: func(*cobra.Command, []string) {
			level := slog.LevelWarn
			if opts.Verbose {
				level = slog.LevelInfo
			}
			slog.SetDefault(slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: level})))
		},
	}
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		// A flag of a subcommand that is misspelt: there is no such one, says Args.
		if given := c.Flags().Args(); c.HasSubCommands() && len(given) > 0 {
			if err := c.Args(c, given); err != nil {
				return err
			}
		}
		return usageError{fmt.Errorf("%w; see '%s --help'", err, c.CommandPath())}
	})
	flags := root.PersistentFlags()
	flags.StringVarP(&opts.Config, "config", "c", "subtally.yaml", "configuration file")
	flags.BoolVarP(&opts.Verbose, "verbose", "v", false, "log what is being done")
	root.AddCommand(
		demoCommand(),
		initCommand(),
		checkCommand(opts),
		schemaCommand(),
		simulateCommand(),
		syncCommand(opts),
		runCommand(opts),
		serveCommand(opts),
		invoiceCommand(opts),
		accountsCommand(opts),
		verifyCommand(opts),
		statementCommand(opts),
		exportCommand(opts),
		reconcileCommand(opts),
		rateCommand(opts),
	)
	group(root)
	usageErrors(root)
	return root
}

// group makes a command that only holds others: alone it prints its help, and
// a name that it does not hold is an error.
func group(c *cobra.Command) {
	c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	c.Args = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		hint := fmt.Sprintf("; see '%s --help'", c.CommandPath())
		if near := c.SuggestionsFor(args[0]); len(near) > 0 {
			hint = fmt.Sprintf("; did you mean %q?", near[0])
		}
		return fmt.Errorf("unknown command %q for %q%s", args[0], c.CommandPath(), hint)
	}
	c.SuggestionsMinimumDistance = 2
}

// usageErrors marks a command's complaints about its arguments as such.
func usageErrors(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return usageError{err}
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		usageErrors(sub)
	}
}
