package ingest

import (
	"context"

	"subtally/ingest/twilio"
)

// Suspend suspends a subaccount at Twilio: no calls and no messages until it is
// resumed there. The next sync sees its status.
func (s *Syncer) Suspend(ctx context.Context, account string) error {
	return s.Client.SetStatus(ctx, account, twilio.Suspended)
}
