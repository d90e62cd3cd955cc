package render

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jung-kurt/gofpdf"
	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"

	"subtally/billing"
	"subtally/pricing"
	"subtally/templates"
)

// twoPages is an invoice of 40 lines with letters of several languages and
// charts, and a layout in which it has two pages.
func twoPages(t testing.TB) (*billing.Document, templates.Layout) {
	doc, l := withLines(t, 40), layout(t)
	l.Page.Margins = templates.Margins{Left: 20, Right: 20, Top: 10, Bottom: 10}
	doc.Seller = billing.Party{Name: "Północna Telekomunikacja Sp. z o.o.", Address: doc.Seller.Address}
	doc.Buyer.Name = "Überseering Câmara & Søn"
	doc.Accounts, doc.Payment.Instructions = doc.Accounts[:1], nil
	for i := range doc.Lines {
		l := &doc.Lines[i]
		l.Item, l.Description = "", fmt.Sprintf("Outbound calls – São Paulo, zone %d", i+1)
	}
	addUp(doc)
	return doc, l
}

// perCore reports how many files are made in a second of one core's time, by
// the process's own account of its time, so that other work on the machine
// does not count. It also reports the most memory that Go's heap had.
func perCore(b *testing.B, draw func(io.Writer) error) {
	var size countingWriter
	if err := draw(&size); err != nil {
		b.Fatal(err)
	}
	runtime.GC()
	b.ReportAllocs()
	start := cpuTime(b)
	for b.Loop() {
		if err := draw(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
	used := cpuTime(b) - start
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	b.ReportMetric(float64(b.N)/used.Seconds(), "PDFs/s/core")
	b.ReportMetric(float64(size), "bytes")
	b.ReportMetric(float64(memory.HeapSys)/(1<<20), "heap-MB")
}

type countingWriter int

func (w *countingWriter) Write(b []byte) (int, error) {
	*w += countingWriter(len(b))
	return len(b), nil
}

// cpuTime is what the process has used of all cores.
func cpuTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// BenchmarkInvoice2Pages lays out and draws; BenchmarkNaive2Pages, as the
// measure for it, draws the very same page by gofpdf alone.
func BenchmarkInvoice2Pages(b *testing.B) {
	doc, l := twoPages(b)
	perCore(b, func(w io.Writer) error { return Invoice(w, doc, l, nil) })
}

func BenchmarkInvoiceCJK(b *testing.B) {
	ttf := cjkFont(b)
	if ttf == nil {
		b.Skip("fonts-droid-fallback is not installed")
	}
	doc, l := readJSON[billing.Document](b, "cjk"), layout(b)
	l.Fonts.More = []templates.Font{{Name: "cjk.ttf", TTF: ttf}}
	perCore(b, func(w io.Writer) error { return Invoice(w, doc, l, nil) })
}

func BenchmarkStatement300(b *testing.B) {
	st, l := withTenants(b, 300), layout(b)
	perCore(b, func(w io.Writer) error { return Statement(w, st, l) })
}

// BenchmarkNaive2Pages gives gofpdf whole fonts, as one would who does not know
// what that costs. Nothing is measured or laid out here.
func BenchmarkNaive2Pages(b *testing.B) {
	doc, l := twoPages(b)
	var ours bytes.Buffer
	if err := Invoice(&ours, doc, l, nil); err != nil {
		b.Fatal(err)
	}
	operations := operations(b, ours.Bytes())
	perCore(b, func(w io.Writer) error {
		pdf := gofpdf.New("P", "pt", l.Page.Size, "")
		created := pricing.Date{Year: 2026, Month: 1, Day: 1}.Start(time.UTC)
		pdf.SetCreationDate(created)
		pdf.SetModificationDate(created)
		pdf.SetCatalogSort(true)
		pdf.AddUTF8FontFromBytes("sans", "", bytes.Clone(l.Fonts.Regular))
		pdf.AddUTF8FontFromBytes("sans", "B", bytes.Clone(l.Fonts.Bold))
		for _, page := range operations {
			pdf.AddPage()
			for _, o := range page {
				o(pdf)
			}
		}
		return pdf.Output(w)
	})
}

// operations reads the pages of a PDF as calls of gofpdf.
func operations(t testing.TB, file []byte) (all [][]func(*gofpdf.Fpdf)) {
	t.Helper()
	ctx, err := api.ReadAndValidate(bytes.NewReader(file), model.NewDefaultConfiguration())
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range readPDF(t, file) {
		r, err := pdfcpu.ExtractPageContent(ctx, i+1)
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		var page []func(*gofpdf.Fpdf)
		for line := range strings.Lines(string(content)) {
			var x, y, w, h, r, g, b float64
			if n, _ := fmt.Sscanf(line, "%f %f %f %f re f", &x, &y, &w, &h); n == 4 {
				page = append(page, func(pdf *gofpdf.Fpdf) { pdf.Rect(x, p.height-y, w, -h, "F") })
			} else if n, _ := fmt.Sscanf(line, "%f %f %f rg\n", &r, &g, &b); n == 3 {
				page = append(page, func(pdf *gofpdf.Fpdf) { pdf.SetFillColor(int(r*255), int(g*255), int(b*255)) })
			}
		}
		for _, s := range p.texts {
			weight := ""
			if s.bold {
				weight = "B"
			}
			page = append(page, func(pdf *gofpdf.Fpdf) {
				pdf.SetFont("sans", weight, s.size)
				pdf.SetTextColor(30, 38, 48)
				pdf.Text(s.x, s.y, s.s)
			})
		}
		all = append(all, page)
	}
	return all
}

// TestFileSize holds what customers get by mail to a size, with the letters of
// several languages.
func TestFileSize(t *testing.T) {
	doc, l := twoPages(t)
	var pdf bytes.Buffer
	if err := Invoice(&pdf, doc, l, nil); err != nil {
		t.Fatal(err)
	}
	if n := len(readPDF(t, pdf.Bytes())); n != 2 || pdf.Len() >= 30_000 {
		t.Errorf("%d pages are %d bytes, want 2 below 30,000", n, pdf.Len())
	}
}
