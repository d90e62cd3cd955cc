package main

import (
	"bytes"
	"cmp"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"subtally/internal/config"
	"subtally/pricing"
)

// runInit runs `subtally init dir`.
func runInit(dir string) (stdout string, err error) {
	cmd := initCommand()
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs([]string{dir})
	err = cmd.Execute()
	return out.String(), err
}

// example writes the example configuration to a new folder and loads it.
func example(t *testing.T) (dir string, c *config.Config) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "new")
	if _, err := runInit(dir); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(filepath.Join(dir, "subtally.yaml"), os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	return dir, c
}

func TestInitListsWhatItWrote(t *testing.T) {
	dir := t.TempDir()
	out, err := runInit(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := ""
	for _, name := range []string{
		"decks/carrier.csv", "decks/evening.csv", "decks/sms.csv", "decks/world.csv",
		"layout/labels/de.yaml", "layout/labels/en.yaml", "layout/labels/es.yaml", "layout/labels/fr.yaml",
		"layout/labels/it.yaml", "layout/labels/nl.yaml", "layout/labels/pl.yaml", "layout/labels/pt.yaml", "layout/layout.yaml",
		"plans/cost-plus.yaml", "plans/europe.yaml", "plans/platform.yaml", "plans/standard.yaml", "plans/telecom.yaml", "plans/tiered.yaml",
		"rates.csv", "schema/config.schema.json", "schema/plan.schema.json", "schema/tenants.schema.json", "subtally.yaml", "tenants.yaml",
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
		want += path + "\n"
	}
	if out != want {
		t.Errorf("printed\n%swant\n%s", out, want)
	}
}

func TestInitOverwritesNothing(t *testing.T) {
	dir := t.TempDir()
	mine := filepath.Join(dir, "tenants.yaml")
	if err := os.WriteFile(mine, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := runInit(dir)
	if err == nil || !strings.Contains(err.Error(), mine) {
		t.Errorf("error does not name %s: %v", mine, err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("wrote beside an existing file: %v, %v", entries, err)
	}
	if text, _ := os.ReadFile(mine); string(text) != "mine" {
		t.Errorf("overwrote an existing file with %q", text)
	}
}

// Whoever starts from the example must not find usage without a price, at any
// time of the week and on holidays.
func TestExamplePlansRateEverything(t *testing.T) {
	_, c := example(t)
	month := pricing.Date{Year: 2026, Month: time.December, Day: 1}
	var times []time.Time
	for day := month; day.Before(month.AddDays(7)); day = day.AddDays(1) {
		times = append(times, day.Start(time.UTC), day.Start(time.UTC).Add(7*time.Hour), day.Start(time.UTC).Add(12*time.Hour))
	}
	times = append(times, month.AddDays(24).Start(time.UTC)) // Christmas
	costs := []decimal.NullDecimal{decimal.NewNullDecimal(decimal.New(1, -2)), {}}
	span := pricing.Span{From: month, To: month.NextMonth(), BilledFrom: month, BilledTo: month.NextMonth(), Location: time.UTC}
	status := map[pricing.Kind]string{pricing.Call: "completed", pricing.Recording: "completed", pricing.Transcription: "completed"}
	ends := []string{"+14155550100", "+4915112345678", "+18005550100", "+99912345", "whatsapp:+4915112345678", "client:bob", "sim:DE1", "sip:bob@example.com", "12345", ""}
	for name, plan := range c.Plans {
		rater := pricing.NewRater(plan, pricing.Tables{Decks: c.Decks, Rates: c.Rates}, span, pricing.Carried{})
		for _, kind := range pricing.Kinds {
			if kind == pricing.Other { // what it counts is not known, so neither is its price
				continue
			}
			for _, direction := range []string{"inbound", "outbound-api", "trunking-originating", "trunking-terminating", ""} {
				for _, end := range ends {
					for _, at := range times {
						for _, cost := range costs {
							rec := &pricing.Record{
								Kind: kind, Direction: direction, Status: cmp.Or(status[kind], "sent"), From: end, To: end,
								StartedAt: at, Quantity: decimal.NewFromInt(1), Cost: cost, Currency: "USD",
							}
							if res := rater.Rate(rec); res.Outcome != pricing.Rated {
								t.Errorf("plan %s: %s %s with %q at %s: %s", name, direction, kind, end, at, res.Reason)
							}
						}
					}
				}
			}
		}
	}
}

// countryCodes are the codes that ITU-T E.164 has assigned to countries and
// to services that can be called.
const countryCodes = `1 7
20 211 212 213 216 218 220 221 222 223 224 225 226 227 228 229 230 231 232 233 234 235 236 237 238 239
240 241 242 243 244 245 246 247 248 249 250 251 252 253 254 255 256 257 258 260 261 262 263 264 265 266 267 268 269
27 290 291 297 298 299
30 31 32 33 34 350 351 352 353 354 355 356 357 358 359 36 370 371 372 373 374 375 376 377 378 379 380 381 382 383 385 386 387 389 39
40 41 420 421 423 43 44 45 46 47 48 49
500 501 502 503 504 505 506 507 508 509 51 52 53 54 55 56 57 58 590 591 592 593 594 595 596 597 598 599
60 61 62 63 64 65 66 670 672 673 674 675 676 677 678 679 680 681 682 683 685 686 687 688 689 690 691 692
800 808 81 82 84 850 852 853 855 856 86 870 878 880 881 882 883 886 888
90 91 92 93 94 95 960 961 962 963 964 965 966 967 968 970 971 972 973 974 975 976 977 979 98 992 993 994 995 996 998`

func TestExampleDeckCoversEveryCountry(t *testing.T) {
	_, c := example(t)
	deck := c.Decks["world"]
	for code := range strings.FieldsSeq(countryCodes) {
		for _, day := range []pricing.Date{{Year: 2026, Month: 10, Day: 1}, {Year: 2027, Month: 1, Day: 1}} {
			row := deck.Lookup(code, day)
			if row == nil || strings.HasPrefix(row.Destination, "Other") {
				t.Errorf("+%s has no rate of its own on %s", code, day)
			} else if row.Rate.Sign() <= 0 {
				t.Errorf("+%s, %s, is free", code, row.Destination)
			}
		}
	}
}

// The first line of each file tells editors its schema, which is there.
func TestExampleNamesItsSchemas(t *testing.T) {
	dir, _ := example(t)
	for name, want := range map[string]string{
		"subtally.yaml": "config", "tenants.yaml": "tenants",
		"plans/standard.yaml": "plan", "plans/tiered.yaml": "plan", "plans/cost-plus.yaml": "plan",
		"plans/telecom.yaml": "plan", "plans/platform.yaml": "plan", "plans/europe.yaml": "plan",
	} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		line, _, _ := strings.Cut(string(text), "\n")
		schema, ok := strings.CutPrefix(line, "# yaml-language-server: $schema=")
		if !ok || path.Base(schema) != want+".schema.json" {
			t.Errorf("%s begins with %q, want it to name the schema of %s", name, line, want)
			continue
		}
		got, err := os.ReadFile(filepath.Join(dir, filepath.Dir(name), schema))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if embedded, err := config.Schemas.ReadFile(want + ".schema.json"); err != nil || !bytes.Equal(got, embedded) {
			t.Errorf("%s: %s is not the schema of %s (%v)", name, schema, want, err)
		}
	}
}
