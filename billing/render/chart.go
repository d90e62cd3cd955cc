package render

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"

	"subtally/billing"
	"subtally/templates"
)

const (
	chartHeight = 62.0 // of the bars
	chartGap    = 28.0 // between two charts
)

// series is one number per day, none below zero.
type series struct {
	title  string
	values []int64
	print  func(int64) string
}

func (s series) max() int64 {
	top := int64(0)
	for _, v := range s.values {
		top = max(top, v)
	}
	return top
}

// dailyCharts draws the usage per day: call minutes and messages side by
// side. A chart without data is left out.
func (c *canvas) dailyCharts(days []billing.Day) block {
	labels := c.layout.Labels
	calls := series{title: labels.CallMinutes, print: func(v int64) string {
		return minutes(decimal.NewFromInt(v), c.layout)
	}}
	messages := series{title: labels.Messages, print: c.layout.Locale.Count}
	for _, d := range days {
		calls.values = append(calls.values, max(d.Seconds, 0))
		messages.values = append(messages.values, max(d.Messages, 0))
	}
	var charts []series
	for _, s := range []series{calls, messages} {
		if s.max() > 0 {
			charts = append(charts, s)
		}
	}
	if len(charts) == 0 {
		return c.textBlock(paragraph{text: labels.NoUsage, style: details})
	}
	width := (c.textWidth() - chartGap) / 2
	return block{height: chartHeight + 32, draw: func(y float64) {
		for i, s := range charts {
			c.barChart(s, days, c.left+float64(i)*(width+chartGap), y, width)
		}
	}}
}

// barChart draws one bar per day beneath a line at the greatest value.
func (c *canvas) barChart(s series, days []billing.Day, x, y, width float64) {
	accent := c.layout.Brand.Accent
	top := s.max()

	c.fitted(width*0.6, false, s.title, body).draw(x, y)
	c.fitted(width*0.4, true, templates.Fill(c.layout.Labels.Maximum, "value", s.print(top)), small).draw(x+width*0.6, y+1)

	y += 16
	c.rule(x, y, width, 0.4, hairline)
	base := y + chartHeight
	step := width / float64(len(days))
	bar := step * 0.68
	for i, v := range s.values {
		// Divided by top first: the product of two large counts would overflow.
		h := float64(v) / float64(top) * chartHeight
		if v > 0 {
			h = max(h, 0.6) // a day with usage is never invisible
		}
		c.fill(x+float64(i)*step+(step-bar)/2, base-h, bar, h, tint(accent, 0.75))
	}
	c.rule(x, base, width, 0.6, muted)

	every := 1
	for _, n := range []int{5, 10, 25, 50, 100, 1000} {
		if float64(every)*step < 18 {
			every = n
		}
	}
	for i, d := range days {
		if i != 0 && (i+1)%every != 0 {
			continue
		}
		text := strconv.Itoa(d.Date.Day)
		s := style{size: 6, colour: muted}
		center := x + (float64(i)+0.5)*step
		c.line(center-c.measure(s)(text)/2, base+3, text, s)
	}
}

const (
	shareHeight = 13.0 // of the bar
	shareLeast  = 1.5  // width of a share, however small
	shareGap    = 0.8  // between two shares
	legendRow   = 13.0
)

// share is a category's part of an invoice.
type share struct {
	name    string
	amount  decimal.Decimal // above zero
	percent string
	colour  colour
}

// shareChart draws what part of the invoice each category is, as a bar with a
// legend. Categories below zero cannot be a part of it; a note names them. It is
// nothing where no category is above zero.
func (inv *invoice) shareChart() []block {
	shares, below := shares(inv.groups, inv.layout)
	if len(shares) == 0 {
		return nil
	}
	columns, column := 2, (inv.textWidth()-chartGap)/2
	for _, s := range shares {
		if inv.measure(body)(inv.money(s.amount)) > column*0.35 { // an amount is never cut
			columns, column = 1, inv.textWidth()
		}
	}
	legend := body // of one size, that of the longest name
	for _, s := range shares {
		for legend.size > 6 && inv.measure(legend)(inv.glyphs.clean(s.name)) > column*0.45-13 {
			legend.size -= 0.5
		}
	}
	note := legend
	note.colour = muted
	rows := (len(shares) + columns - 1) / columns
	blocks := []block{
		space(16),
		inv.heading(templates.Fill(inv.labels.Share, "currency", inv.doc.Currency)),
		{height: shareHeight + 8 + float64(rows)*legendRow, draw: func(y float64) {
			x := inv.left
			for i, w := range shareWidths(shares, inv.textWidth()) {
				inv.fill(x, y, w, shareHeight, shares[i].colour)
				x += w + shareGap
			}
			y += shareHeight + 8
			for i, s := range shares {
				x, y := inv.left+float64(i/rows)*(column+chartGap), y+float64(i%rows)*legendRow
				inv.fill(x, y+2, 7, 7, s.colour)
				inv.fitted(column*0.45-13, false, s.name, legend).draw(x+13, y)
				inv.fitted(column*0.35, true, inv.money(s.amount), legend).draw(x+column*0.45, y)
				inv.fitted(column*0.2-4, true, s.percent, note).draw(x+column*0.8+4, y)
			}
		}},
	}
	if len(below) > 0 {
		blocks[len(blocks)-1].keep = true
		blocks = append(blocks, inv.textBlock(paragraph{
			text: templates.Fill(inv.labels.ShareLeftOut, "categories", strings.Join(below, ", ")), style: details,
		}))
	}
	return blocks
}

// shares are the groups above zero, and below the names of those below it.
func shares(groups []group, l templates.Layout) (shares []share, below []string) {
	var amounts []decimal.Decimal
	for _, g := range groups {
		switch g.amount.Sign() {
		case 1:
			shares = append(shares, share{name: g.name, amount: g.amount})
			amounts = append(amounts, g.amount)
		case -1:
			below = append(below, g.name)
		}
	}
	if len(shares) == 0 {
		return nil, below
	}
	tenths := apportion(amounts, 1000)
	for i := range shares {
		shares[i].colour = shade(l.Brand.Accent, i, len(shares))
		shares[i].percent = l.Locale.Percent(decimal.New(tenths[i], -1), 1)
		if tenths[i] == 0 {
			shares[i].percent = templates.Fill(l.Labels.LessThan, "value", l.Locale.Percent(decimal.New(1, -1), 1))
		}
	}
	return shares, below
}

// apportion divides so many seats in the proportion of amounts above zero, by
// largest remainder: they add up to all of them. Of equal remainders the first
// amount's goes first.
func apportion(amounts []decimal.Decimal, seats int64) []int64 {
	var sum decimal.Decimal
	for _, a := range amounts {
		sum = sum.Add(a)
	}
	out := make([]int64, len(amounts))
	rests := make([]decimal.Decimal, len(amounts))
	order := make([]int, len(amounts))
	left := seats
	for i, a := range amounts {
		var whole decimal.Decimal
		whole, rests[i] = a.Mul(decimal.NewFromInt(seats)).QuoRem(sum, 0)
		out[i], order[i] = whole.IntPart(), i
		left -= out[i]
	}
	slices.SortStableFunc(order, func(a, b int) int { return rests[b].Cmp(rests[a]) })
	for _, i := range order[:left] {
		out[i]++
	}
	return out
}

// shareWidths are the widths of a bar's shares, with gaps between them. Small ones
// are widened at the cost of the others.
func shareWidths(shares []share, width float64) []float64 {
	room := width - float64(len(shares)-1)*shareGap
	sum := decimal.Zero
	for _, s := range shares {
		sum = sum.Add(s.amount)
	}
	widths := make([]float64, len(shares))
	total := 0.0
	for i, s := range shares {
		widths[i] = max(s.amount.Div(sum).InexactFloat64()*room, shareLeast)
		total += widths[i]
	}
	for i := range widths {
		if widths[i] > shareLeast {
			widths[i] -= (total - room) * (widths[i] - shareLeast) / (total - float64(len(widths))*shareLeast)
		}
	}
	return widths
}

// shade is the i-th of n colours made from the accent, from dark to light. They
// are as far apart in brightness as can be, so that a grey print tells them apart.
func shade(accent colour, i, n int) colour {
	const darkest, lightest = 0.25, 0.88
	want := (darkest + lightest) / 2
	if n > 1 {
		want = darkest + (lightest-darkest)*float64(i)/float64(n-1)
	}
	has := accent.Brightness()
	if has < want {
		return tint(accent, (1-want)/(1-has))
	}
	dim := func(v uint8) uint8 { return uint8(math.Round(float64(v) * want / has)) }
	return colour{R: dim(accent.R), G: dim(accent.G), B: dim(accent.B)}
}
