package twiliosim

import (
	"math/bits"
	"strconv"
	"time"
)

// number is a phone number as long as one account holds it.
type number struct {
	sid, e164 string
	kind      string // local, mobile or toll free
	country   uint8
	bought    int64
	from, to  int64 // held by this account in [from, to)
}

// movedSlot is the place of the number that moves, after all others.
const movedSlot = 15

// The accounts that a number moves between; see special.
const (
	movedFrom uint32 = 1
	movedTo   uint32 = 2
)

func (s *Server) movedAt() int64 { return s.from + (s.to-s.from)/2 }

// numbers lists what the account holds at any time, first bought first. The
// first is held as long as the account is open.
func (s *Server) numbers(index uint32) []number {
	a := &s.accounts[index]
	end := never
	if a.last == "closed" {
		end = a.changed
	}
	list := make([]number, 0, 8)
	for slot := range uint32(1 + min(bits.LeadingZeros64(draw(a.key, 30)), 6)) {
		n := s.number(index, slot)
		n.from, n.to = n.bought, end
		list = append(list, n)
	}
	switch index {
	case movedFrom:
		n := s.number(movedFrom, movedSlot)
		n.from, n.to = n.bought, s.movedAt()
		list = append(list, n)
	case movedTo:
		n := s.number(movedFrom, movedSlot)
		n.from, n.to = s.movedAt(), never
		list = append(list, n)
	}
	return list
}

// number makes the number that the account bought for this slot.
func (s *Server) number(index, slot uint32) number {
	a := &s.accounts[index]
	h := draw(a.key, 40+uint64(slot))
	n := number{
		sid:     s.sid("PN", pos{kind: kindNumber, account: index, slot: slot}),
		kind:    "local",
		country: a.traits.home,
	}
	switch {
	case slot == 0:
		n.bought = a.created
	case slot == movedSlot || pick(h, 100) < 60:
		n.bought = a.created + int64(pick(draw(h, 1), uint64(max(s.from-a.created, 1))))
	default:
		first := max(s.from, a.created)
		n.bought = first + int64(pick(draw(h, 1), uint64(s.to-first)))
	}
	c := &countries[n.country]
	prefix, length := c.fixed[pick(draw(h, 2), uint64(len(c.fixed)))], c.fixedLen
	switch {
	case n.country == 0 && slot > 0 && pick(draw(h, 3), 100) < 15:
		prefix, n.kind = "833", "toll free"
	case length-len(prefix) < 7: // too few digits to tell all accounts apart
		prefix, length, n.kind = c.mobile[0], c.mobileLen, "mobile"
	}
	// 1,234,567 shares no factor with 8,000,000: no two numbers are alike.
	unique := 2_000_000 + (mix(s.world.Seed)>>32+(uint64(index)*16+uint64(slot))*1_234_567)%8_000_000
	b := append([]byte{'+'}, c.code...)
	b = append(b, prefix...)
	for i := range length - len(prefix) - 7 {
		b = append(b, byte('2'+draw(h, 10+uint64(i))%8))
	}
	n.e164 = string(strconv.AppendUint(b, unique, 10))
	return n
}

func (n *number) callRate() int64 {
	if n.kind == "toll free" {
		return 2200
	}
	return countries[n.country].callIn
}

func (n *number) friendlyName() string { return string(appendDisplay(nil, []byte(n.e164))) }

// NumberMove is the one change of hands in the world.
type NumberMove struct {
	SID, PhoneNumber       string
	FromAccount, ToAccount string // account sids
	At                     time.Time
}

// MovedNumber tells which phone number moves from one subaccount to another.
func (s *Server) MovedNumber() NumberMove {
	n := s.number(movedFrom, movedSlot)
	return NumberMove{
		SID: n.sid, PhoneNumber: n.e164,
		FromAccount: s.accounts[movedFrom].sid, ToAccount: s.accounts[movedTo].sid,
		At: time.Unix(s.movedAt(), 0).UTC(),
	}
}

func (n *number) appendJSON(b []byte, v *view) []byte {
	b = append(b, `{"account_sid":"`...)
	b = append(b, v.account.sid...)
	b = append(b, `","address_sid":null,"address_requirements":"none","api_version":"2010-04-01","beta":false,"capabilities":{"voice":true,"sms":true,"mms":`...)
	b = strconv.AppendBool(b, n.country < northAmerica)
	b = append(b, `,"fax":false},"date_created":`...)
	b = appendDate(b, n.bought)
	b = append(b, `,"date_updated":`...)
	b = appendDate(b, n.from)
	b = append(b, `,"friendly_name":`...)
	b = appendString(b, n.friendlyName())
	b = append(b, `,"identity_sid":null,"phone_number":"`...)
	b = append(b, n.e164...)
	b = append(b, `","origin":"twilio","sid":"`...)
	b = append(b, n.sid...)
	b = append(b, `","sms_application_sid":null,"sms_fallback_method":"POST","sms_fallback_url":"","sms_method":"POST","sms_url":"https://example.com/sms","status_callback":"","status_callback_method":"POST","trunk_sid":null,"uri":"`...)
	b = append(b, v.path...)
	b = append(b, "/IncomingPhoneNumbers/"...)
	b = append(b, n.sid...)
	b = append(b, `.json","voice_receive_mode":"voice","voice_application_sid":null,"voice_caller_id_lookup":false,"voice_fallback_method":"POST","voice_fallback_url":"","voice_method":"POST","voice_url":"https://example.com/voice","emergency_status":"Inactive","emergency_address_sid":null,"emergency_address_status":"unregistered","bundle_sid":null,"status":"in-use","type":"`...)
	b = append(b, n.kind...)
	return append(b, `"}`...)
}
