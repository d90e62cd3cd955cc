package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"subtally/billing"
	"subtally/templates"
)

// chromium runs a browser without a screen and without a network, and answers
// what it prints and what it complains about.
func chromium(t *testing.T, flags ...string) (stdout, stderr string) {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("chromium is not installed: run make test-deps")
		}
		t.Skip("chromium is not installed (package chromium)")
	}
	cmd := exec.CommandContext(t.Context(), path, append([]string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
		"--host-resolver-rules=MAP * ~NOTFOUND", "--proxy-server=127.0.0.1:9", "--proxy-bypass-list=<-loopback>",
		"--enable-logging=stderr", "--user-data-dir=" + t.TempDir(),
	}, flags...)...)
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil {
		t.Fatalf("chromium: %v\n%s", err, complaints.String())
	}
	return out.String(), complaints.String()
}

// look is what a frame of some width made of a page.
type look struct {
	Width, Overflow  int
	Ground, Font     string
	Text, Title      string
	Resources, Rects int
	Broken           []string // words of names, heads, statuses and amounts that go on on another line
	HeadShown        bool     // whether tables have their heads, or are stacked
}

// harness opens a page in frames of several widths. Its script stands outside of
// the page, whose policy runs none.
const harness = `<!DOCTYPE html><meta charset="utf-8"><body><script>
const widths = [320, 400, 700, 1000, 1280, 1440], looks = [];
function broken(page) {
	const words = [];
	for (const element of page.querySelectorAll("dt, thead th, tbody td.short, tbody td.number")) {
		const texts = page.createTreeWalker(element, NodeFilter.SHOW_TEXT);
		for (let text = texts.nextNode(); text; text = texts.nextNode()) {
			for (const word of text.data.matchAll(/[^ \n]+/g)) {
				const range = page.createRange();
				range.setStart(text, word.index);
				range.setEnd(text, word.index + word[0].length);
				if (new Set([...range.getClientRects()].map(r => r.top)).size > 1) words.push(word[0]);
			}
		}
	}
	return words;
}
for (const width of widths) {
	const frame = document.createElement("iframe");
	frame.width = width; frame.height = 900; frame.src = %q;
	frame.onload = () => {
		const page = frame.contentDocument, root = page.documentElement, style = frame.contentWindow.getComputedStyle(page.body);
		looks.push({
			Width: width, Overflow: root.scrollWidth - root.clientWidth, Ground: style.backgroundColor, Font: style.fontFamily,
			Text: page.body.innerText, Title: page.title, Resources: frame.contentWindow.performance.getEntriesByType("resource").length,
			Rects: [...page.querySelectorAll("svg rect")].filter(r => r.getBoundingClientRect().width > 0).length,
			Broken: broken(page),
			HeadShown: !!page.querySelector("thead th") && page.querySelector("thead").getBoundingClientRect().width > 100,
		});
		if (looks.length === widths.length) {
			const out = document.createElement("pre");
			out.textContent = "LOOKS" + JSON.stringify(looks) + "END";
			document.body.append(out);
		}
	};
	document.body.append(frame);
}
</script>`

var looksText = regexp.MustCompile(`(?s)<pre>LOOKS(.*)END</pre>`)

// looks opens a statement's page from disk.
func looks(t *testing.T, st *billing.Statement, flags ...string) []look {
	t.Helper()
	return looksAt(t, statementHTML(t, st), flags...)
}

func looksAt(t *testing.T, page string, flags ...string) []look {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{"statement.html": page, "harness.html": fmt.Sprintf(harness, "statement.html")}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	flags = append(flags, "--allow-file-access-from-files", "--window-size=1600,1200", "--dump-dom", "file://"+filepath.Join(dir, "harness.html"))
	out, complaints := chromium(t, flags...)
	for line := range strings.Lines(complaints) {
		// Whatever the policy blocks, and whatever a script says.
		if strings.Contains(line, "CONSOLE") {
			t.Errorf("the browser complains: %s", line)
		}
	}
	m := looksText.FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("the page was not looked at: %.2000s", out)
	}
	var all []look
	if err := json.Unmarshal([]byte(html.UnescapeString(m[1])), &all); err != nil {
		t.Fatal(err)
	}
	for _, l := range all {
		if l.Overflow > 0 {
			t.Errorf("at a width of %d the page is %d too wide", l.Width, l.Overflow)
		}
		if l.Resources != 0 {
			t.Errorf("the page asks for %d other files", l.Resources)
		}
		if !strings.Contains(l.Font, "system-ui") {
			t.Errorf("the style sheet is not in force: the font is %s", l.Font)
		}
		if l.HeadShown != (l.Width > 1120) && strings.Contains(l.Text, "INV-") {
			t.Errorf("at a width of %d tables have their heads: %t", l.Width, l.HeadShown)
		}
	}
	return all
}

const (
	lightGround = "rgb(255, 255, 255)"
	darkGround  = "rgb(20, 24, 29)"
)

func TestPageInChromium(t *testing.T) {
	for scheme, want := range map[string]string{"1": lightGround, "0": darkGround} {
		for _, l := range looks(t, statements(t)["statement"], "--blink-settings=preferredColorScheme="+scheme) {
			for _, figure := range []string{
				"Acme Field Service Inc.", "INV-2026-00041", "1,339.24575", "Dunlin & Söhne „Nord“ <KG>", "-USD\u00a0640.00", "overdue by 12 days", "Revision 2",
				"12 calls to +882 have no rate in deck world-2026", "Taxes contained in prices", "4,428.90925", "record after the cut", "-0.120", "SEK\u00a01,234.50",
			} {
				if !strings.Contains(l.Text, figure) {
					t.Errorf("at a width of %d the page lacks %q", l.Width, figure)
				}
			}
			if l.Ground != want {
				t.Errorf("scheme %s: the ground is %s, want %s", scheme, l.Ground, want)
			}
			if l.Rects != 5 {
				t.Errorf("%d bars can be seen, want 5", l.Rects)
			}
			if want := "Statement October 2026 – Norddial Telekommunikation GmbH"; l.Title != want {
				t.Errorf("the title is %q, want %q", l.Title, want)
			}
		}
	}
}

// Neither what others wrote nor how long it is breaks the page.
func TestHostilePageInChromium(t *testing.T) {
	all := strings.Join(hostile, " ")
	for _, name := range []string{all, strings.Repeat("W", 400), strings.Repeat("漢字", 150)} {
		for _, l := range looks(t, hostileStatement(t, name)) {
			if !strings.Contains(l.Text, "4,428.90925") {
				t.Errorf("%.20s...: the page lacks its figures at a width of %d", name, l.Width)
			}
			if name == all && !strings.Contains(l.Text, `<script>alert(1)</script> </style><script>alert(1)</script>`) {
				t.Error("the names are not text")
			}
		}
	}
}

// No word of a head, a status, a number or an amount is broken, and a reason has
// the width of the table.
func TestNoBrokenWordsInChromium(t *testing.T) {
	l, err := templates.Embedded().Layout("de-DE")
	if err != nil {
		t.Fatal(err)
	}
	st := wideStatement(t)
	st.Tenants[1].Reason = "12 calls to +882 have no rate in deck world-2026: add the prefix to the deck, then run again"
	var b bytes.Buffer
	if err := StatementHTML(&b, st, l); err != nil {
		t.Fatal(err)
	}
	for _, l := range looksAt(t, b.String()) {
		if len(l.Broken) > 0 && l.Width >= 400 {
			t.Errorf("at a width of %d words are broken: %q", l.Width, l.Broken)
		}
	}
}
