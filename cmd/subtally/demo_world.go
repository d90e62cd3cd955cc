package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/shopspring/decimal"
	"go.yaml.in/yaml/v3"

	"subtally/billing"
	"subtally/ingest/twiliosim"
	"subtally/internal/config"
	"subtally/pricing"
)

// demoMark is the first line of a demo's configuration; only a folder that has
// it is cleared for another demo.
const demoMark = "# A demo's configuration, written by `subtally demo`.\n"

func mustDate(s string) pricing.Date {
	d, err := pricing.ParseDate(s)
	if err != nil {
		panic(err)
	}
	return d
}

// clearDemo removes what an earlier demo left in dir, and nothing else's.
func clearDemo(dir string) error {
	path := filepath.Join(dir, "subtally.yaml")
	old, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		entries, err := os.ReadDir(dir)
		if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
			return nil
		}
		return fmt.Errorf("demo: folder %s is not a demo's: name another with --dir", dir)
	}
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	if !bytes.HasPrefix(old, []byte(demoMark)) {
		return fmt.Errorf("demo: %s is not a demo's: name another folder with --dir", path)
	}
	// The mark goes last: a demo that dies in between can still be cleared.
	for _, name := range []string{"out", "data", "schema", "plans", "decks", "tenants.yaml", "subtally.yaml"} {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("demo: %w", err)
		}
	}
	return nil
}

// writeDemo writes the demo's configuration: the example's plans, decks and
// schemas, and tenants that own the world's subaccounts.
func writeDemo(dir, url string, accounts []twiliosim.AccountInfo) (path string, err error) {
	path = filepath.Join(dir, "subtally.yaml")
	text := demoMark + `twilio:
  base_url: ` + url + `
clickhouse:
  data_dir: data
seller:
  name: Example Voice Inc.
  address: [548 Market Street, "San Francisco, CA 94104", United States]
  tax_id: 00-0000000
  email: billing@example.com
  phone: +1 415 555 0100
  website: https://example.com
billing:
  start: ` + demoMonth + `-01
  time_zone: America/New_York
  payment_instructions:
    - "Bank: Example Bank, San Francisco"
    - "Account: 000123456789, routing number 000000000"
output_dir: out
plans: [plans/*.yaml]
decks: {world: decks/world.csv, sms: decks/sms.csv, evening: decks/evening.csv}
tenants: tenants.yaml
`
	tenants, err := yaml.Marshal(map[string]any{"tenants": demoTenants(accounts)})
	if err != nil {
		return "", fmt.Errorf("demo: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("demo: %w", err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return "", fmt.Errorf("demo: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "tenants.yaml"), tenants, 0o644); err != nil {
		return "", fmt.Errorf("demo: %w", err)
	}
	for _, name := range []string{"plans", "decks"} {
		files, err := fs.Sub(exampleFiles, "example/"+name)
		if err != nil {
			return "", fmt.Errorf("demo: %w", err)
		}
		if err := os.CopyFS(filepath.Join(dir, name), files); err != nil {
			return "", fmt.Errorf("demo: %w", err)
		}
	}
	if err := germanPlan(filepath.Join(dir, "plans")); err != nil {
		return "", err
	}
	if err := os.CopyFS(filepath.Join(dir, "schema"), config.Schemas); err != nil {
		return "", fmt.Errorf("demo: %w", err)
	}
	return path, nil
}

// germanPlan writes the standard plan with what its lines are called in German.
func germanPlan(dir string) error {
	text, err := exampleFiles.ReadFile("example/plans/standard.yaml")
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	german := string(text)
	for _, line := range [][2]string{
		{"name: standard", "name: standard-de"},
		{"description: Outgoing calls", "description: Abgehende Anrufe"},
		{"description: Incoming calls to toll-free numbers", "description: Anrufe auf gebührenfreie Rufnummern"},
		{"description: Incoming calls", "description: Ankommende Anrufe"},
		{"description: Calls over the internet (SIP, browser and app)", "description: Anrufe über das Internet (SIP, Browser und App)"},
		{"description: Text messages sent, by segment", "description: Gesendete SMS, nach Segmenten"},
		{"description: Text messages received, by segment", "description: Empfangene SMS, nach Segmenten"},
		{"description: Picture messages", "description: Bildnachrichten"},
		{"description: WhatsApp messages", "description: WhatsApp-Nachrichten"},
		{"description: Recordings, by minute", "description: Aufzeichnungen, nach Minuten"},
		{"description: Transcriptions, by minute", "description: Transkriptionen, nach Minuten"},
		{"description: Phone numbers", "description: Rufnummern"},
		{"description: Platform fee", "description: Grundgebühr"},
		{"description: Other calls", "description: Sonstige Anrufe"},
		{"description: Other messages", "description: Sonstige Nachrichten"},
	} {
		if !strings.Contains(german, line[0]+"\n") {
			return fmt.Errorf("demo: the standard plan has no line %q", line[0])
		}
		german = strings.ReplaceAll(german, line[0]+"\n", line[1]+"\n")
	}
	if err := os.WriteFile(filepath.Join(dir, "standard-de.yaml"), []byte(german), 0o644); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	return nil
}

// demoTenants gives the subaccounts to tenants: one each, but for some that own
// several, and the last subaccount, which nobody owns. Those in Berlin have
// invoices in German; one in Tokyo has every record listed, with numbers masked.
func demoTenants(accounts []twiliosim.AccountInfo) []billing.Tenant {
	homes := []struct {
		zone, locale, plan string
		address            []string
		taxes              []pricing.TaxRate
	}{
		{"America/New_York", "", "standard", []string{"350 Fifth Avenue", "New York, NY 10118", "United States"}, []pricing.TaxRate{{Name: "Sales tax", Rate: decimal.RequireFromString("8.875")}}},
		{"Asia/Tokyo", "", "standard", []string{"1-9-1 Marunouchi, Chiyoda", "Tokyo 100-0005", "Japan"}, nil},
		{"Europe/Berlin", "de-DE", "standard-de", []string{"Friedrichstraße 43", "10117 Berlin", "Deutschland"}, []pricing.TaxRate{{Name: "Umsatzsteuer", Rate: decimal.RequireFromString("19")}}},
		{"America/Los_Angeles", "", "standard", []string{"1 Ferry Building", "San Francisco, CA 94111", "United States"}, nil},
	}
	var tenants []billing.Tenant
	owned := accounts[1 : len(accounts)-1] // without the main account and the one that nobody owns
	for i := 0; i < len(owned); {
		n := 1
		if len(tenants)%8 == 7 {
			n = min(3, len(owned)-i)
		}
		home := homes[len(tenants)%len(homes)]
		t := billing.Tenant{
			ID: fmt.Sprintf("tenant-%02d", len(tenants)+1), Plan: home.plan, TimeZone: home.zone, Locale: home.locale,
			Buyer: billing.Party{Name: owned[i].FriendlyName, Address: home.address},
			Taxes: home.taxes,
		}
		switch {
		case len(tenants) == 1:
			t.Itemize, t.MaskNumbers = true, true
		case len(tenants) == 3:
			t.Plan = "telecom"
		case len(tenants)%6 == 5:
			t.Plan = "cost-plus"
		}
		for _, a := range owned[i : i+n] {
			t.Subaccounts = append(t.Subaccounts, billing.Assignment{SID: a.SID})
		}
		i += n
		tenants = append(tenants, t)
	}
	return tenants
}
