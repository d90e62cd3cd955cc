package pricing

import "slices"

// statuses are those that Twilio documents for each kind, and "held" for a
// number's day.
var statuses = map[Kind][]string{
	Call:          {"queued", "ringing", "in-progress", "completed", "busy", "failed", "no-answer", "canceled"},
	SMS:           messageStatuses,
	MMS:           messageStatuses,
	WhatsApp:      messageStatuses,
	Recording:     {"in-progress", "paused", "stopped", "processing", "completed", "absent", "deleted"},
	Transcription: {"in-progress", "completed", "failed"},
	Number:        {"held"},
	Other:         {"counted"},
}

var messageStatuses = []string{
	"queued", "sending", "sent", "failed", "delivered", "undelivered", "receiving", "received",
	"accepted", "scheduled", "read", "partially_delivered", "canceled",
}

// Statuses lists those that a record of this kind can have.
func (k Kind) Statuses() []string { return statuses[k] }

// Charged reports whether the plan charges for a record of this kind and
// status.
func (p *Plan) Charged(k Kind, status string) bool {
	if list, set := p.Statuses[k]; set {
		return slices.Contains(list, status)
	}
	return Charged(k, status)
}

// Charged reports whether a tenant pays for a record of this kind and status.
// Twilio's pages name what it charges itself, and tenants are charged for the
// same: completed calls; messages that were sent, delivered (partially too),
// undelivered, read or received (an undelivered WhatsApp message is free); recordings that were
// made, also when they were deleted since; completed transcriptions; every day
// that a number was held; everything of kind other.
//
// Sources: Twilio help "What do the call statuses mean", support articles
// 223181728 (messages) and 14486716328091 (recordings).
func Charged(k Kind, status string) bool {
	switch k {
	case Call:
		return status == "completed"
	case SMS, MMS:
		switch status {
		case "sent", "delivered", "undelivered", "read", "received", "partially_delivered":
			return true
		}
		return false
	case WhatsApp:
		switch status {
		case "sent", "delivered", "read", "received", "partially_delivered":
			return true
		}
		return false
	case Recording:
		return status == "completed" || status == "deleted"
	case Transcription:
		return status == "completed"
	case Number, Other:
		return true
	}
	return false
}
