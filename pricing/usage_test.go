package pricing

import "testing"

func TestFarEndAndChannel(t *testing.T) {
	tests := []struct {
		direction, from, to string
		dir                 Direction
		far                 string
		channel             Channel
	}{
		{"inbound", "+14155550100", "+4930123", Inbound, "+14155550100", Voice},
		{"outbound-api", "+14155550100", "+4930123", Outbound, "+4930123", Voice},
		{"outbound-dial", "+14155550100", "client:bob", Outbound, "client:bob", Client},
		{"trunking-originating", "+14155550100", "sip:pbx@example.com", Inbound, "+14155550100", Voice},
		{"trunking-terminating", "sip:pbx@example.com", "+4930123", Outbound, "+4930123", Voice},
		{"outbound-api", "+14155550100", "sip:bob@example.com", Outbound, "sip:bob@example.com", SIP},
		{"outbound-api", "+14155550100", "bob", Outbound, "bob", SIP},
		{"outbound-api", "+14155550100", "sim:DE1", Outbound, "sim:DE1", SIM},
		{"", "+14155550100", "+4930123", "", "+4930123", Voice},
		{"sideways", "+14155550100", "+4930123", Outbound, "+4930123", Voice},
	}
	for _, tt := range tests {
		r := Record{Kind: Call, Direction: tt.direction, From: tt.from, To: tt.to}
		if r.Dir() != tt.dir || r.FarEnd() != tt.far || r.Channel() != tt.channel {
			t.Errorf("%s %s to %s: %q, far end %q, channel %q; want %q, %q, %q",
				tt.direction, tt.from, tt.to, r.Dir(), r.FarEnd(), r.Channel(), tt.dir, tt.far, tt.channel)
		}
	}
}

func TestDigits(t *testing.T) {
	for end, want := range map[string]string{
		"+4915112345678": "4915112345678", "whatsapp:+49151": "49151",
		"4915112345678": "", "12345": "", "ACME": "", "": "", "+": "", "+49 30": "", "client:+49": "",
	} {
		if got := digits(end); got != want {
			t.Errorf("digits(%q) = %q, want %q", end, got, want)
		}
	}
}

func TestCharged(t *testing.T) {
	for _, tt := range []struct {
		kind     Kind
		yes, not []string
	}{
		{Call, []string{"completed"}, []string{"busy", "failed", "no-answer", "canceled", "in-progress", "queued", "ringing"}},
		{SMS, []string{"sent", "delivered", "undelivered", "received", "read"}, []string{"failed", "canceled", "queued", "accepted", "scheduled", "sending", "receiving"}},
		{WhatsApp, []string{"sent", "delivered", "received", "read"}, []string{"undelivered", "failed"}},
		{Recording, []string{"completed", "deleted"}, []string{"absent", "processing", "in-progress"}},
		{Transcription, []string{"completed"}, []string{"failed", "in-progress"}},
		{Number, []string{"held"}, nil},
	} {
		for _, s := range tt.yes {
			if !Charged(tt.kind, s) {
				t.Errorf("a %s %s is not charged", s, tt.kind)
			}
		}
		for _, s := range tt.not {
			if Charged(tt.kind, s) {
				t.Errorf("a %s %s is charged", s, tt.kind)
			}
		}
	}
}
