package twiliosim

// view is one account at one moment, for one request.
type view struct {
	sealer
	server  *Server
	account *account
	index   uint32
	now     int64
	path    string // of the account: /2010-04-01/Accounts/AC...
	numbers []number
}

func (s *Server) view(index uint32, now int64) *view {
	a := &s.accounts[index]
	return &view{
		sealer: sealer{block: s.block}, server: s, account: a, index: index, now: now,
		path: accountsPath + "/" + a.sid, numbers: s.numbers(index),
	}
}

// held picks a number that the account has at time t; the first one if the
// pick is not held then.
func (v *view) held(h uint64, t int64) *number {
	n := &v.numbers[pick(h, uint64(len(v.numbers)))]
	if t < n.from || t >= n.to {
		n = &v.numbers[0]
	}
	return n
}

// bucket is a day of an account's calls or messages: n slots, spread over
// [from, to). A slot holds one message, or a call and what comes of it.
type bucket struct {
	day      uint16
	from, to int64
	n        uint32
	key      uint64
}

// bucket computes a day of the kind, kindCall or kindMessage.
func (v *view) bucket(k kind, d uint16) bucket {
	start := v.server.firstDay + int64(d)*day
	b := bucket{day: d, from: max(start, v.account.from), to: min(start+day, v.account.to)}
	if b.from >= b.to {
		b.to = b.from
		return b
	}
	rate := v.account.calls
	if k == kindMessage {
		rate = v.account.messages
	}
	b.key = draw(v.account.key^uint64(k)<<56, 100+uint64(d))
	// Conversions keep a compiler from fusing the multiplication with the
	// addition, which would give other counts on other machines.
	mean := float64(rate * float64((b.to-b.from)*weightOf(start)))
	mean = float64(mean * float64(768+draw(b.key, 1)&511) / 1024)
	b.n = uint32(mean + float64(float64(draw(b.key, 2)>>11)/(1<<53)))
	return b
}

// hours are the shares of a day's usage per hour.
var hours = [24]uint64{2, 1, 1, 1, 1, 2, 4, 7, 10, 12, 13, 13, 12, 13, 14, 14, 13, 11, 9, 8, 7, 5, 4, 3}

// hourEnds are the sums of hours so far, scaled to 1<<32.
var hourEnds = func() (ends [25]uint64) {
	var sum, total uint64
	for _, h := range hours {
		total += h
	}
	for i, h := range hours {
		sum += h
		ends[i+1] = sum << 32 / total
	}
	return ends
}()

// time maps a share of the day's usage, of 1<<32, to the second it happens in.
func (b *bucket) time(share uint64) int64 {
	hour := 0
	for hourEnds[hour+1] <= share && hour < 23 {
		hour++
	}
	within := (share - hourEnds[hour]) << 32 / (hourEnds[hour+1] - hourEnds[hour])
	return b.from + int64((uint64(hour)<<32+within)/24*uint64(b.to-b.from)>>32)
}

// slotKey seeds everything about a slot.
func (b *bucket) slotKey(slot uint32) uint64 { return draw(b.key, 1000+uint64(slot)) }

// created is when the slot's first record comes into being: somewhere in the
// slot's part of the day, so that slots are in order of time.
func (b *bucket) created(slot uint32) int64 {
	return b.time((uint64(slot)<<32 + b.slotKey(slot)&(1<<32-1)) / uint64(b.n))
}

// end is when the slot's part of the day ends; later slots begin no earlier.
func (b *bucket) end(slot uint32) int64 {
	if slot+1 == b.n {
		return b.to - 1
	}
	return b.time(uint64(slot+1) << 32 / uint64(b.n))
}

// before counts the slots created before t.
func (b *bucket) before(t int64) uint32 {
	switch {
	case b.n == 0 || t <= b.from:
		return 0
	case t >= b.to:
		return b.n
	}
	lo, hi := uint32(0), b.n
	for lo < hi {
		if mid := lo + (hi-lo)/2; b.created(mid) < t {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// row is a call, message, recording or transcription.
type row interface {
	position() pos
	sid(v *view) string
	createdAt() int64
	// dated is the date that Twilio bills and filters by, and ended the end of
	// a call; never while the field is null.
	dated(now int64) int64
	ended(now int64) int64
	matches(f *filter, v *view) bool
	quantity() int64
	// charge is the final price in 1/100,000 USD; 0 until it is known.
	charge(now int64) int64
	appendJSON(b []byte, v *view) []byte
}

// resource is how one kind of row is found and listed. slot appends the rows of
// a slot, oldest first.
type resource[T row] struct {
	key     string // of the rows in a list
	kind    kind
	buckets kind  // whose slots the rows hang on
	lag     int64 // longest time from a slot's creation to its rows' dates
	slot    func(v *view, b *bucket, slot uint32, rows []T) []T
}

// walk visits the account's rows that exist by now, were created in slots of
// [lo, hi), and come after the row at start in the direction of the walk.
// visit returns false to end it.
func walk[T row](v *view, r *resource[T], lo, hi int64, start *pos, newestFirst bool, visit func(*T) bool) {
	lo, hi = max(lo, v.account.from), min(hi, v.now+1, v.account.to)
	if lo >= hi {
		return
	}
	if start != nil {
		// The row at start hangs on a slot of its own day.
		edge := v.server.firstDay + int64(start.day)*day
		if newestFirst {
			hi = min(hi, edge+day)
		} else {
			lo = max(lo, edge)
		}
	}
	first, last := v.server.dayOf(lo), v.server.dayOf(hi-1)
	step := 1
	if newestFirst {
		first, last, step = last, first, -1
	}
	var rows []T
	for d := first; (last-d)*step >= 0; d += step {
		b := v.bucket(r.buckets, uint16(d))
		s0, s1 := int(b.before(lo)), int(b.before(hi))
		if start != nil && int(start.day) == d {
			if newestFirst {
				s1 = min(s1, int(start.slot)+1)
			} else {
				s0 = max(s0, int(start.slot))
			}
		}
		from, to := s0, s1-1
		if newestFirst {
			from, to = to, from
		}
		for slot := from; (to-slot)*step >= 0; slot += step {
			rows = r.slot(v, &b, uint32(slot), rows[:0])
			for i := range rows {
				row := &rows[i]
				if newestFirst {
					row = &rows[len(rows)-1-i]
				}
				if (*row).createdAt() > v.now {
					continue
				}
				if p := (*row).position(); start != nil && (p == *start || p.less(*start) != newestFirst) {
					continue
				}
				if !visit(row) {
					return
				}
			}
		}
	}
}

// unlisted reports whether lists do not show the row at a position yet.
func (v *view) unlisted(p pos) bool {
	for _, l := range v.server.late {
		if uint32(l.Account) == p.account && v.server.dayOf(l.Day.Unix()) == int(p.day) && p.slot < uint32(l.Records) && v.now < l.Until.Unix() {
			return true
		}
	}
	return false
}

// page collects up to size rows that match, newest first, and tells whether
// more follow in the direction of the walk.
func page[T row](v *view, r *resource[T], f *filter, start *pos, newestFirst bool, size int) (rows []T, more bool) {
	lo, hi := f.bounds(r.lag)
	walk(v, r, lo, hi, start, newestFirst, func(row *T) bool {
		if v.unlisted((*row).position()) || !f.matches((*row).dated(v.now), (*row).ended(v.now)) || !(*row).matches(f, v) {
			return true
		}
		if len(rows) == size {
			more = true
			return false
		}
		rows = append(rows, *row)
		return true
	})
	if !newestFirst {
		for i, j := 0, len(rows)-1; i < j; i, j = i+1, j-1 {
			rows[i], rows[j] = rows[j], rows[i]
		}
	}
	return rows, more
}

// find is the row at a position; false if there is none by now.
func find[T row](v *view, r *resource[T], p pos) (T, bool) {
	var none T
	if p.account != v.index || p.kind != r.kind || int(p.day) > v.server.dayOf(v.server.to-1) {
		return none, false
	}
	b := v.bucket(r.buckets, p.day)
	if p.slot >= b.n {
		return none, false
	}
	for _, row := range r.slot(v, &b, p.slot, nil) {
		if row.position() == p && row.createdAt() <= v.now {
			return row, true
		}
	}
	return none, false
}
