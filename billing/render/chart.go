package render

import (
	"strconv"

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
