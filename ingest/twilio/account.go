package twilio

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
)

// The statuses that SetStatus can give a subaccount.
const (
	Active    = "active"
	Suspended = "suspended"
)

// SetStatus suspends a subaccount, or makes a suspended one active again, with
// the main account's credentials: a suspended account makes no calls and sends no
// messages, and keeps its numbers. Asking twice does no harm, so it is tried
// again like a page is. See https://www.twilio.com/docs/iam/api/subaccounts.
func (c *Client) SetStatus(ctx context.Context, account, status string) error {
	if !accountSID.MatchString(account) || account == c.main {
		return fmt.Errorf("set the status of %q: not a subaccount's sid", clip(account))
	}
	l := &listing{
		resource: accounts, account: c.main,
		first: apiPath + "Accounts/" + account + ".json", form: url.Values{"Status": {status}},
	}
	got, err := fetch(ctx, c, l, l.first, func(uri string, body []byte) (said struct{ SID, Status string }, next string, err error) {
		if json.Unmarshal(body, &said) != nil {
			err = l.pageError(uri, "is not JSON")
		}
		return said, "", err
	})
	if err != nil {
		return fmt.Errorf("%v: %w", l, err)
	}
	if got.page.SID != account || got.page.Status != status {
		return fmt.Errorf("%v: twilio answered that %q is %q: look at the account in its console", l, clip(got.page.SID), clip(got.page.Status))
	}
	return nil
}
