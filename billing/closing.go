package billing

import (
	"time"

	"subtally/pricing"
)

// closed is the first day, where the tenant is, on which a subaccount of its is
// not billed any more, since Twilio had closed it; no date while it is open. The
// day of the closing is billed.
func (b *Biller) closed(t *Tenant, sid string) pricing.Date {
	at, closed := b.Closed[sid]
	loc, err := time.LoadLocation(t.TimeZone)
	if !closed || err != nil { // Draft says what is wrong with the time zone
		return pricing.Date{}
	}
	return pricing.DateOf(at.In(loc)).AddDays(1)
}

// Ends is the first day on which a tenant is not billed any more because the last
// of its subaccounts was closed; no date while it has one, or will have. A tenant
// whose last subaccount went to another one goes on.
func (b *Biller) Ends(t *Tenant) (end pricing.Date) {
	for _, a := range t.Subaccounts {
		closed := b.closed(t, a.SID)
		last := earliest(closed, a.Until)
		if last.IsZero() {
			return pricing.Date{}
		}
		end = laterDate(end, last)
	}
	for _, a := range t.Subaccounts {
		if b.closed(t, a.SID) == end && !end.IsZero() {
			return end
		}
	}
	return pricing.Date{}
}

// earliest is the earlier of two dates, of which either may be none.
func earliest(a, b pricing.Date) pricing.Date {
	if a.IsZero() {
		return b
	}
	return earlierDate(a, b)
}

// UntilClosed is the part of a period that must be over before the tenant's invoice
// for it is made: all of it, or the days up to the closing of the tenant's last
// subaccount. final reports the latter.
func (b *Biller) UntilClosed(t *Tenant, p Period) (part Period, final bool) {
	if end := b.Ends(t); p.From.Before(end) && !p.To.Before(end) {
		p.To = end
		return p, true
	}
	return p, false
}
