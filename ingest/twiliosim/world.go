// Package twiliosim is a stand-in for Twilio's REST API 2010-04-01: a made-up
// main account with its subaccounts, their numbers, calls, messages, recordings
// and transcriptions, served over HTTP. Demos, tests and benchmarks run against
// it.
//
// The world is a pure function of a seed and a clock: a record's every field is
// computed from its position (account, day, place in the day) when it is asked
// for, and its sid is that position, encrypted. So ten million records take no
// memory, and the same seed always gives the same bytes.
//
// It never dials, sends or charges anything, never reads the wall clock, and
// never talks to Twilio. Its names, numbers and texts are invented.
package twiliosim

import (
	"fmt"
	"math/bits"
	"regexp"
	"time"
)

// World says what to make up. Zero fields get the default named beside them.
type World struct {
	Seed        uint64
	Subaccounts int       // 3 to 10,000, without the main account; 12
	Records     int64     // calls, messages, recordings and transcriptions, about; up to 10,000,000; 20,000
	From, To    time.Time // usage exists in [From, To), one day to ten years; October and November 2026, UTC
	MainSID     string    // sid of the main account; derived from the seed
	AuthToken   string    // its auth token; derived from the seed
}

const (
	minSubaccounts = 3
	maxSubaccounts = 10_000
	maxRecords     = 10_000_000
	maxDays        = 3660

	day   = int64(24 * 60 * 60) // in seconds
	never = int64(1<<63 - 1)    // the time of what does not happen
)

var accountSID = regexp.MustCompile(`^AC[0-9a-f]{32}$`)

// complete fills in the defaults and refuses what cannot be built.
func (w *World) complete() error {
	if w.Subaccounts == 0 {
		w.Subaccounts = 12
	}
	if w.Records == 0 {
		w.Records = 20_000
	}
	if w.From.IsZero() && w.To.IsZero() {
		w.From = time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
		w.To = w.From.AddDate(0, 2, 0)
	}
	switch length := w.To.Sub(w.From); {
	case w.Subaccounts < minSubaccounts || w.Subaccounts > maxSubaccounts:
		return fmt.Errorf("simulate a world of %d subaccounts: choose %d to %d", w.Subaccounts, minSubaccounts, maxSubaccounts)
	case w.Records < 0 || w.Records > maxRecords:
		return fmt.Errorf("simulate a world of %d records: choose 1 to %d", w.Records, maxRecords)
	case w.From.IsZero() || w.To.IsZero():
		return fmt.Errorf("simulate a world from %v to %v: give both ends, or neither", w.From, w.To)
	case length <= 0:
		return fmt.Errorf("simulate a world from %v to %v: the end must be after the start", w.From, w.To)
	case length < 24*time.Hour || length > maxDays*24*time.Hour:
		return fmt.Errorf("simulate a world from %v to %v: choose one day to %d days", w.From, w.To, maxDays)
	case w.MainSID != "" && !accountSID.MatchString(w.MainSID):
		return fmt.Errorf("simulate a world with main account %q: a sid is AC and 32 lower-case hex digits", w.MainSID)
	}
	return nil
}

// Role is what is special about an account of the world.
type Role string

// The roles of the first subaccounts, in this order; worlds with fewer than 12
// subaccounts have the first of them. All later subaccounts are RolePlain.
const (
	RoleMain      Role = "main account"
	RoleMovedFrom Role = "number moves away" // one of its numbers moves to RoleMovedTo half-way through
	RoleMovedTo   Role = "number moves here"
	RoleNoUsage   Role = "no usage" // has a number, never used
	RoleSuspended Role = "suspended"
	RoleClosed    Role = "closed"         // usage stops, numbers are released
	RoleNew       Role = "created midway" // unknown to the API before
	RoleUnicode   Role = "Unicode name"
	RoleLongName  Role = "long name"
	RolePlain     Role = "plain"
)

var special = []struct {
	role Role
	name string
}{
	{RoleMovedFrom, "Harbour Point Dental Group"},
	{RoleMovedTo, "Copperfield Logistics Ltd"},
	{RoleNoUsage, "Quiet Pines Consulting"},
	{RoleSuspended, "Blue Anchor Car Rental"},
	{RoleClosed, "Fernhill Property Management"},
	{RoleNew, "Brightwater Fitness Studio"},
	{RoleUnicode, "Škoda & Söhne GmbH"},
	{RoleUnicode, "Ελληνικές Επικοινωνίες ΑΕ"},
	{RoleUnicode, "Привет Телеком ООО"},
	{RoleUnicode, "🚀 Rocket Tacos LLC"},
	// 64 characters, the most Twilio takes.
	{RoleLongName, "The Honourable Company of Telephone and Telegraph Engineers Ltd."},
	{RoleSuspended, "Old Mill Furniture Warehouse"},
}

// AccountInfo is one account as the world's clock shows it.
type AccountInfo struct {
	SID          string
	FriendlyName string
	AuthToken    string
	Status       string // active, suspended or closed; empty before Created
	Role         Role
	Created      time.Time
	Changed      time.Time // when it is suspended or closed; zero for never
}

// account is what is kept of an account; its numbers and records are computed.
type account struct {
	sid, token, name string
	role             Role
	created          int64
	changed          int64    // when it turns to status last
	last             string   // suspended or closed
	posted           []change // what was asked for by POST, in order; guarded by Server.mu
	from, to         int64    // its usage lies in here
	key              uint64
	traits           traits
	calls, messages  float64 // call slots and messages per second and unit of dayWeight
}

// traits are the habits of an account.
type traits struct {
	home        uint8 // index into countries
	recorded    uint8 // recorded calls in percent
	transcribed bool
	sip, trunk  bool
	client      bool
	whatsapp    bool
	service     bool // sends through a messaging service
}

// change is a status that an account turned to.
type change struct {
	at     int64
	status string
}

// latest is the account's latest change of status by now, its creation if there
// is none. The world's own suspension or closing is one like those by POST.
func (a *account) latest(now int64) change {
	last := change{a.created, "active"}
	if now >= a.changed {
		last = change{a.changed, a.last}
	}
	for _, c := range a.posted {
		if c.at <= now && c.at >= last.at {
			last = c
		}
	}
	return last
}

func (a *account) status(now int64) string {
	if now < a.created {
		return ""
	}
	return a.latest(now).status
}

// dayWeight is how busy a weekday is, Sunday first.
var dayWeight = [7]int64{3, 10, 11, 10, 10, 9, 4}

func weightOf(dayStart int64) int64 { return dayWeight[((dayStart/day+4)%7+7)%7] }

// load is the sum over [from, to) of seconds times their day's weight.
func load(from, to int64) int64 {
	var sum int64
	for t := from; t < to; {
		start := floorDay(t)
		end := min(start+day, to)
		sum += (end - t) * weightOf(start)
		t = end
	}
	return sum
}

func floorDay(t int64) int64 { return t - ((t%day)+day)%day }

// build makes the accounts. Each gets its part of the records by a Pareto-like
// weight, so that a few subaccounts have most of the usage.
func (s *Server) build() {
	w := s.world
	length := s.to - s.from
	s.accounts = make([]account, 1+w.Subaccounts)
	weights := make([]int64, len(s.accounts))
	full := load(s.from, s.to)
	var total float64
	for i := range s.accounts {
		a := &s.accounts[i]
		a.key = mix(mix(w.Seed) + uint64(i)*golden)
		a.sid = s.sid("AC", pos{kind: kindAccount, account: uint32(i)})
		a.token = s.sid("", pos{kind: kindToken, account: uint32(i)})
		a.role, a.name = RolePlain, plainName(uint64(i))
		a.created = s.from - day*int64(20+pick(draw(a.key, 1), 700)) - int64(pick(draw(a.key, 2), 86400))
		a.changed = never
		a.traits = drawTraits(a.key)
		weights[i] = paretoWeight(draw(a.key, 3))
		switch {
		case i == 0:
			a.role, a.name = RoleMain, "Lighthouse Communications"
			a.created = s.from - 800*day
			weights[i] = 2000
			if w.MainSID != "" {
				a.sid = w.MainSID
			}
			if w.AuthToken != "" {
				a.token = w.AuthToken
			}
		case i <= len(special):
			a.role, a.name = special[i-1].role, special[i-1].name
			// Neither lost among the others nor above them all.
			weights[i] = max(1500, min(weights[i], 6000))
		}
		switch a.role {
		case RoleNoUsage:
			weights[i] = 0
		case RoleSuspended:
			a.changed, a.last = s.from+length*int64(30+2*i)/100, "suspended"
		case RoleClosed:
			a.changed, a.last = s.from+length*60/100, "closed"
		case RoleNew:
			a.created = s.from + length*35/100
		}
		a.from, a.to = max(s.from, a.created), min(s.to, a.changed)
		units := full
		if a.from != s.from || a.to != s.to {
			units = load(a.from, a.to)
		}
		total += float64(weights[i] * units)
	}
	for i := range s.accounts {
		a := &s.accounts[i]
		rate := float64(w.Records) * float64(weights[i]) / total
		voice := float64(20 + pick(draw(a.key, 4), 61)) // percent of its records that hang on calls
		a.calls = rate * voice * 10 / float64(a.traits.rowsPerCall())
		a.messages = rate * (100 - voice) / 100
	}
}

// paretoWeight draws from about 1000 × a Pareto distribution with exponent 1.2,
// cut at the top. It is made of integers so that every machine agrees.
func paretoWeight(h uint64) int64 {
	octave := min(bits.LeadingZeros64(h), 11)
	w := int64(1000)
	for range octave {
		w = w * 1782 / 1000 // 2^(1/1.2)
	}
	return w + w*782/1000*int64(h&1023)/1024
}

func drawTraits(key uint64) traits {
	t := traits{
		client:   pick(draw(key, 11), 100) < 40,
		sip:      pick(draw(key, 12), 100) < 25,
		trunk:    pick(draw(key, 13), 100) < 30,
		whatsapp: pick(draw(key, 14), 100) < 50,
		service:  pick(draw(key, 15), 100) < 40,
	}
	if pick(draw(key, 16), 100) >= 45 { // else one of the countries at random
		t.home = uint8(pick(draw(key, 17), uint64(len(countries))))
	}
	if pick(draw(key, 18), 100) < 70 {
		t.recorded = uint8(5 + pick(draw(key, 19), 36))
		t.transcribed = pick(draw(key, 20), 100) < 70
	}
	return t
}

// rowsPerCall is the expected number of records per thousand call slots: the
// calls themselves, their dialled legs, recordings and transcriptions.
func (t traits) rowsPerCall() int64 {
	rows := int64(1110)
	recordings := 8 * int64(t.recorded)
	if t.transcribed {
		recordings += recordings * 28 / 100
	}
	return rows + recordings
}

// Accounts lists all accounts, the main account first, with their secrets. It
// includes the one whose creation the clock has not reached.
func (s *Server) Accounts() []AccountInfo {
	s.mu.RLock()
	defer s.mu.RUnlock()
	now := s.clock.Load()
	infos := make([]AccountInfo, len(s.accounts))
	for i := range s.accounts {
		a := &s.accounts[i]
		infos[i] = AccountInfo{
			SID: a.sid, FriendlyName: a.name, AuthToken: a.token,
			Status: a.status(now), Role: a.role, Created: time.Unix(a.created, 0).UTC(),
		}
		if a.changed != never {
			infos[i].Changed = time.Unix(a.changed, 0).UTC()
		}
	}
	return infos
}

var (
	nameFirst = []string{"Amber", "Aspen", "Atlas", "Beacon", "Birch", "Bluebird", "Canyon", "Cedar", "Clover", "Cobalt",
		"Coral", "Crescent", "Delta", "Ember", "Falcon", "Garnet", "Glacier", "Granite", "Hazel", "Heron",
		"Indigo", "Ivy", "Juniper", "Keystone", "Lakeside", "Larkspur", "Linden", "Maple", "Meadow", "Nimbus",
		"Northgate", "Oakwood", "Orchard", "Pioneer", "Quarry", "Redwood", "Ridgeline", "Saffron", "Summit", "Willow"}
	nameSecond = []string{"Auto Repair", "Bakery", "Bookkeeping", "Catering", "Cleaning", "Courier", "Credit Union", "Dental", "Electric", "Estates",
		"Events", "Farms", "Florists", "Freight", "Garden Supply", "Health Clinic", "Heating", "Hospitality", "Insurance", "Interiors",
		"Landscaping", "Legal", "Lettings", "Marketing", "Medical", "Moving", "Optics", "Outfitters", "Payroll", "Pharmacy",
		"Photography", "Plumbing", "Printing", "Recruiting", "Roofing", "Security", "Software", "Solar", "Staffing", "Storage",
		"Surveyors", "Tax Advisers", "Taxis", "Telecom", "Textiles", "Tutoring", "Travel", "Veterinary", "Wholesale", "Yoga"}
	nameLast = []string{"Ltd", "LLC", "Inc", "Group", "Partners", "Co", "GmbH", "SARL", "BV", "Pty"}
)

// plainName is a company name; no two accounts have the same one, because 7919
// shares no factor with the number of names.
func plainName(i uint64) string {
	all := uint64(len(nameFirst) * len(nameSecond) * len(nameLast))
	n := i * 7919 % all
	first := n % uint64(len(nameFirst))
	n /= uint64(len(nameFirst))
	second := n % uint64(len(nameSecond))
	n /= uint64(len(nameSecond))
	return nameFirst[first] + " " + nameSecond[second] + " " + nameLast[n]
}
