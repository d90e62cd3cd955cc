package twilio

// finality says when a record with a status is expected to change no more.
type finality uint8

const (
	// open: the status itself will still change.
	open finality = iota
	// priced: final once Twilio has filled in the price.
	priced
	// free: final with or without a price, because Twilio charges nothing.
	free
	// freeWhatsApp: as free for WhatsApp, as priced otherwise.
	freeWhatsApp
)

// statuses are the statuses Twilio documents per resource. One that is not
// here stops the pull: nobody knows whether it is charged.
var statuses = map[Resource]map[string]finality{
	// https://www.twilio.com/docs/voice/api/call-resource: only completed
	// calls are charged.
	Calls: {
		"queued":      open,
		"ringing":     open,
		"in-progress": open,
		"completed":   priced,
		"busy":        free,
		"failed":      free,
		"no-answer":   free,
		"canceled":    free,
	},
	// https://www.twilio.com/docs/messaging/api/message-resource.
	Messages: {
		"accepted":  open,
		"scheduled": open,
		"queued":    open,
		"sending":   open,
		// A delivery receipt may follow or never come. It changes what is
		// charged only on WhatsApp, and re-reading a settled window brings it.
		"sent":      priced,
		"receiving": open,
		"received":  priced,
		"delivered": priced,
		"read":      priced,
		// The attempt is charged, except on WhatsApp.
		"undelivered": freeWhatsApp,
		// Not charged as a message. Should the processing fee for failed
		// messages come as a price, re-reading the window brings it.
		"failed":              free,
		"canceled":            free,
		"partially_delivered": priced, // deprecated
	},
	// https://www.twilio.com/docs/voice/api/recording.
	Recordings: {
		"in-progress": open,
		"paused":      open,
		"stopped":     open,
		"processing":  open,
		"completed":   priced,
		"deleted":     priced, // the creation was charged before
		"absent":      free,   // nothing was recorded
	},
	// https://www.twilio.com/docs/voice/api/recording-transcription: failed
	// ones have been seen with a price.
	Transcriptions: {
		"in-progress": open,
		"completed":   priced,
		"failed":      priced,
	},
}

// isFinal reports whether a record is expected to change no more.
func (f finality) isFinal(kind string, hasPrice bool) bool {
	switch f {
	case priced:
		return hasPrice
	case free:
		return true
	case freeWhatsApp:
		return hasPrice || kind == KindWhatsApp
	}
	return false
}

// accountStatuses are the documented statuses of an account.
var accountStatuses = map[string]bool{"active": true, "suspended": true, "closed": true}

// directions are the documented directions. Twilio's schema leaves the field
// open, so another one is kept and logged.
var directions = map[Resource]map[string]bool{
	Calls: {
		"inbound": true, "outbound-api": true, "outbound-dial": true,
		"trunking-terminating": true, "trunking-originating": true,
	},
	Messages: {"inbound": true, "outbound-api": true, "outbound-call": true, "outbound-reply": true},
}
