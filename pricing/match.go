package pricing

import (
	"fmt"
	"slices"
	"strings"
)

// Match is a charge's filter. A record fits when it fits every list that is
// not empty.
type Match struct {
	Kind       []Kind      `yaml:"kind" json:"kind,omitempty"`
	Direction  []Direction `yaml:"direction" json:"direction,omitempty"`
	Category   []string    `yaml:"category" json:"category,omitempty"`       // of kind other
	Channel    []Channel   `yaml:"channel" json:"channel,omitempty"`         // of calls and messages
	Status     []string    `yaml:"status" json:"status,omitempty"`           // as Twilio words it
	NearEnd    []NearEnd   `yaml:"near_end" json:"near_end,omitempty"`       // the subaccount's own number or sender
	Leg        []Leg       `yaml:"leg" json:"leg,omitempty"`                 // of calls
	Subaccount []string    `yaml:"subaccount" json:"subaccount,omitempty"`   // sids
	FromPrefix []string    `yaml:"from_prefix" json:"from_prefix,omitempty"` // digits, without +
	ToPrefix   []string    `yaml:"to_prefix" json:"to_prefix,omitempty"`     // digits, without +
}

// NearEnd is what the subaccount's own end of a call or message is.
type NearEnd string

// The near ends.
const (
	LongCode  NearEnd = "long_code"  // a telephone number with its country code
	ShortCode NearEnd = "short_code" // digits alone
	Name      NearEnd = "name"       // anything else, such as an alphanumeric sender
)

// Leg says whether a call came alone or first, or was made by another one, as
// <Dial> does. Twilio lists and charges both.
type Leg string

// The legs.
const (
	Parent Leg = "parent"
	Child  Leg = "child"
)

// NearEnd is what the subaccount's own end is; empty for records without ends.
func (r *Record) NearEnd() NearEnd {
	end := r.From
	if r.Dir() == Inbound {
		end = r.To
	}
	end = strings.TrimPrefix(end, "whatsapp:")
	switch {
	case end == "":
		return ""
	case digits(end) != "":
		return LongCode
	case digits("+"+end) != "":
		return ShortCode
	}
	return Name
}

// Leg is which leg of a call the record is; empty for other kinds.
func (r *Record) Leg() Leg {
	switch {
	case r.Kind != Call:
		return ""
	case r.ParentSID != "":
		return Child
	}
	return Parent
}

func (m *Match) fits(rec *Record) bool {
	return fits(m.Kind, rec.Kind) &&
		(len(m.Direction) == 0 || slices.Contains(m.Direction, rec.Dir())) &&
		fits(m.Category, rec.Category) &&
		(len(m.Channel) == 0 || slices.Contains(m.Channel, rec.Channel())) &&
		fits(m.Status, rec.Status) &&
		(len(m.NearEnd) == 0 || slices.Contains(m.NearEnd, rec.NearEnd())) &&
		(len(m.Leg) == 0 || slices.Contains(m.Leg, rec.Leg())) &&
		fits(m.Subaccount, rec.Account) &&
		fitsPrefix(m.FromPrefix, rec.From) &&
		fitsPrefix(m.ToPrefix, rec.To)
}

func fits[T comparable](list []T, v T) bool { return len(list) == 0 || slices.Contains(list, v) }

func fitsPrefix(prefixes []string, end string) bool {
	if len(prefixes) == 0 {
		return true
	}
	number := digits(end)
	return number != "" && slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(number, p) })
}

// check lists what is wrong with the filter, which stands at the path at.
func (m *Match) check(at string) []Problem {
	var out problems
	oneOf(&out, at+".kind", m.Kind, "kind of usage", Kinds)
	oneOf(&out, at+".direction", m.Direction, "direction", Directions)
	oneOf(&out, at+".channel", m.Channel, "channel", Channels)
	oneOf(&out, at+".near_end", m.NearEnd, "near end", NearEnds)
	oneOf(&out, at+".leg", m.Leg, "leg", Legs)
	for i, k := range m.Kind {
		if len(m.Category) > 0 && k != Other {
			out.add(fmt.Sprintf("%s.kind[%d]", at, i), "only kind other has a category; leave match.category out for %s", k)
		}
	}
	var known []string
	for _, k := range m.Kind {
		known = append(known, statuses[k]...)
	}
	if len(m.Status) > 0 && len(m.Kind) == 0 {
		out.add(at+".status", "statuses differ by kind: give match.kind too")
	} else {
		oneOf(&out, at+".status", m.Status, "status of these kinds", known)
	}
	out.prefixes(at+".from_prefix", m.FromPrefix)
	out.prefixes(at+".to_prefix", m.ToPrefix)
	return out
}

func (p *problems) prefixes(at string, list []string) {
	for i, prefix := range list {
		if digits("+"+prefix) == "" {
			p.add(fmt.Sprintf("%s[%d]", at, i), "prefix %q must be digits, without +", prefix)
		}
	}
}

// oneOf checks that every element of a list is among those known.
func oneOf[T ~string](out *problems, at string, list []T, what string, known []T) {
	for i, v := range list {
		if !slices.Contains(known, v) {
			out.add(fmt.Sprintf("%s[%d]", at, i), "%q is not a %s; use one of %v", v, what, known)
		}
	}
}

func (m *Match) empty() bool {
	return len(m.Kind)+len(m.Category)+len(m.Direction)+len(m.Channel)+len(m.Status)+len(m.NearEnd)+len(m.Leg)+
		len(m.Subaccount)+len(m.FromPrefix)+len(m.ToPrefix) == 0
}
