package register_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"subtally/billing/nightly"
	"subtally/billing/register"
	"subtally/internal/warehouse"
	"subtally/internal/warehouse/engine/enginetest"
	"subtally/internal/warehouse/warehousetest"
	"subtally/pricing"
)

func TestMain(m *testing.M) {
	if where := os.Getenv("REGISTER_WRITER"); where != "" {
		if err := writer(where); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(warehousetest.Main(m))
}

var november = pricing.Date{Year: 2026, Month: 11, Day: 4}

func identity(tenant string) register.Identity {
	return register.Identity{
		Kind: register.Invoice, Tenant: tenant, From: pricing.Date{Year: 2026, Month: 10, Day: 1}, To: pricing.Date{Year: 2026, Month: 11, Day: 1}, Revision: 1,
	}
}

// writer is another process, which finalizes an invoice of each tenant in
// REGISTER_TENANTS and prints its number. REGISTER_STEP names a step at which it
// is killed when it gets there the second time.
func writer(where string) error {
	ctx := context.Background()
	if step := os.Getenv("REGISTER_STEP"); step != "" {
		times := 0
		*register.Reached = func(at string) {
			if at != step {
				return
			}
			if times++; times == 2 {
				syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {}
			}
		}
	}
	tenants := strings.Fields(os.Getenv("REGISTER_TENANTS"))
	if dsn, ok := strings.CutPrefix(where, "server:"); ok {
		return finalizeAll(ctx, warehouse.Options{DSN: dsn, Password: os.Getenv("REGISTER_PASSWORD")}, tenants)
	}
	// On the embedded engine one process is at work at a time: in turns here,
	// so that each finds what the others did.
	for turn := range slices.Chunk(tenants, 50) {
		unlock, err := nightly.Lock(where)
		for errors.Is(err, nightly.ErrLocked) {
			time.Sleep(5 * time.Millisecond)
			unlock, err = nightly.Lock(where)
		}
		if err != nil {
			return err
		}
		if err := finalizeAll(ctx, warehouse.Options{DataDir: where}, turn); err != nil {
			return err
		}
		unlock()
	}
	return nil
}

func finalizeAll(ctx context.Context, o warehouse.Options, tenants []string) (err error) {
	o.Log = slog.New(slog.DiscardHandler)
	db, err := warehouse.Open(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	r, err := register.Open(ctx, db, register.Options{})
	if err != nil {
		return err
	}
	for _, tenant := range tenants {
		e, err := r.Finalize(ctx, identity(tenant), register.Series{Format: "INV-{year}-{seq:06}"}, november, func(number string) (register.Draft, error) {
			return register.Draft{
				Document: []byte("document " + number + " for " + tenant), Total: decimal.NewFromInt(10), Currency: "USD",
				Issued: november, Due: november.AddDays(30),
			}, nil
		})
		if err != nil {
			return err
		}
		fmt.Println(tenant, e.Number)
	}
	return nil
}

// place is an empty warehouse that several processes write to.
type place struct {
	where, password string
	db              *warehouse.DB
	steps           []string
}

// places are a server with Keeper and the embedded engine.
func places(t *testing.T, test func(t *testing.T, p place)) {
	t.Run("keeper", func(t *testing.T) {
		dsn, password := enginetest.KeeperDSN(t)
		test(t, place{"server:" + dsn, password, warehousetest.Connect(t, dsn, password), register.StepsOfClaim})
	})
	t.Run("lock", func(t *testing.T) {
		dir := t.TempDir()
		db, err := warehouse.Open(t.Context(), warehouse.Options{DataDir: dir, Log: slog.New(slog.DiscardHandler)})
		enginetest.Require(t, err)
		t.Cleanup(func() {
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
		test(t, place{dir, "", db, register.StepsOfRow})
	})
}

// start starts a process that finalizes for the tenants, in their order.
func (p *place) start(t *testing.T, step string, tenants ...string) (wait func() (numbers map[string]string, err error)) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "REGISTER_WRITER="+p.where, "REGISTER_PASSWORD="+p.password, "REGISTER_STEP="+step, "REGISTER_TENANTS="+strings.Join(tenants, " "))
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return func() (map[string]string, error) {
		err := cmd.Wait()
		if err != nil {
			err = fmt.Errorf("%w: %s", err, said.Bytes())
		}
		numbers := map[string]string{}
		for lines := bufio.NewScanner(&out); lines.Scan(); {
			tenant, number, _ := strings.Cut(lines.Text(), " ")
			numbers[tenant] = number
		}
		return numbers, err
	}
}

// check answers the numbers of all tenants, and fails where the register has a
// gap, a duplicate, or a document without its hash.
func (p *place) check(t *testing.T) map[string]string {
	t.Helper()
	r, err := register.Open(t.Context(), p.db, register.Options{})
	if err != nil {
		t.Fatal(err)
	}
	numbers := map[string]string{}
	positions := map[uint64]bool{}
	for i, e := range r.Entries() {
		if want := fmt.Sprintf("INV-2026-%06d", i+1); e.Number != want {
			t.Fatalf("entry %d has the number %s", i+1, e.Number)
		}
		if numbers[e.Tenant] != "" {
			t.Errorf("tenant %s has %s and %s", e.Tenant, numbers[e.Tenant], e.Number)
		}
		numbers[e.Tenant] = e.Number
		positions[e.Position] = true
		doc, err := r.Document(t.Context(), e)
		if err != nil {
			t.Error(err)
		}
		if want := "document " + e.Number + " for " + e.Tenant; string(doc) != want {
			t.Errorf("%s: document %q, want %q", e.Number, doc, want)
		}
	}
	if len(positions) != len(numbers) || positions[0] || positions[uint64(len(numbers))+1] {
		t.Errorf("%d entries at %d positions", len(numbers), len(positions))
	}
	return numbers
}

// Several processes that finalize at once, many of the invoices the same, leave
// no gap, no duplicate and no invoice out, and tell of the same numbers.
func TestManyProcesses(t *testing.T) {
	for processes, invoices := range map[int]int{2: 1000, 3: 300} {
		t.Run(strconv.Itoa(processes), func(t *testing.T) {
			places(t, func(t *testing.T, p place) {
				var all []string
				for i := range invoices {
					all = append(all, fmt.Sprintf("t%04d", i))
				}
				var waits []func() (map[string]string, error)
				for i := range processes {
					// Each begins elsewhere and leaves out a quarter.
					from := i * invoices / processes
					own := slices.Concat(all[from:], all[:from])[:invoices*3/4]
					waits = append(waits, p.start(t, "", own...))
				}
				var told []map[string]string
				for _, wait := range waits {
					numbers, err := wait()
					if err != nil {
						t.Fatal(err)
					}
					if len(numbers) != invoices*3/4 {
						t.Errorf("a process has told of %d invoices", len(numbers))
					}
					told = append(told, numbers)
				}
				stored := p.check(t)
				if len(stored) != invoices {
					t.Errorf("%d of %d invoices", len(stored), invoices)
				}
				for i, numbers := range told {
					for tenant, number := range numbers {
						if stored[tenant] != number {
							t.Fatalf("process %d was told %s for tenant %s, who has %s", i+1, number, tenant, stored[tenant])
						}
					}
				}
			})
		})
	}
}

// A process that is killed after any step leaves nothing that the next one does
// not complete, with the same number, whichever invoice comes next.
func TestKilledAtEveryStep(t *testing.T) {
	places(t, func(t *testing.T, p place) {
		numbers := map[string]string{}
		for _, step := range p.steps {
			for _, next := range []string{"same", "other"} {
				name := strings.ReplaceAll(step, " ", "_") + "_" + next
				first, second, third := name+"1", name+"2", name+"3"
				told, err := p.start(t, step, first, second)()
				var exit *exec.ExitError
				if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
					t.Fatalf("the step %q was never reached: %v", step, err)
				}
				taken := len(numbers) + 2 // the number of the second
				numbers[first] = fmt.Sprintf("INV-2026-%06d", taken-1)
				if told[first] != numbers[first] {
					t.Errorf("%s: the first invoice is %s, want %s", step, told[first], numbers[first])
				}
				order := []string{second, third}
				if next == "other" {
					order = []string{third, second}
				}
				if told, err = p.start(t, "", order...)(); err != nil {
					t.Fatal(err)
				}
				after := slices.Clone(order)
				if slices.Contains(register.Decided, step) { // whatever comes next
					after = []string{second, third}
				}
				for i, tenant := range after {
					numbers[tenant] = fmt.Sprintf("INV-2026-%06d", taken+i)
					if told[tenant] != numbers[tenant] {
						t.Errorf("%s, then %v: %s has %s, want %s", step, order, tenant, told[tenant], numbers[tenant])
					}
				}
			}
		}
		stored := p.check(t)
		if len(stored) != len(numbers) {
			t.Errorf("%d entries, want %d", len(stored), len(numbers))
		}
		for tenant, number := range numbers {
			if stored[tenant] != number {
				t.Errorf("%s has %s, want %s", tenant, stored[tenant], number)
			}
		}
	})
}
