package twilio

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// usageRow is a good Usage Record of 2026-10-08, as Twilio's examples are.
func usageRow() fields {
	return fields{
		"account_sid": subSID, "category": "calls", "description": "Voice Minutes", "start_date": "2026-10-08", "end_date": "2026-10-08",
		"as_of": "2026-11-01T05:06:07+00:00", "count": "12", "count_unit": "calls", "usage": "35", "usage_unit": "minutes",
		"price": "0.49050", "price_unit": "usd", "api_version": "2010-04-01", "uri": "/x", "subresource_uris": nil,
	}
}

func TestUsageRecordsOnTheWire(t *testing.T) {
	next := "/2010-04-01/Accounts/" + subSID + "/Usage/Records/Daily.json?PageToken=PAAPMQ%3D%3D&Page=1"
	s := &script{pages: []string{
		encode(t, "usage_records", next, usageRow(),
			usageRow().with(fields{"category": "totalprice", "count": "", "usage": "0.4905", "usage_unit": "usd"}),
			usageRow().with(fields{"category": "sms", "start_date": "2026-11-01", "end_date": "2026-11-01"})), // not asked for
		encode(t, "usage_records", nil,
			usageRow().with(fields{"count": "13"}), // the list moved: it comes again, newer
			usageRow().with(fields{"category": "group-rooms-media-stored", "count": nil, "usage": "0.12345678901234", "price": -0.5, "price_unit": "EUR"})),
	}}
	c := testClient(t, s.serve)
	got, err := c.UsageRecords(t.Context(), subSID, day(1), day(32))
	if err != nil {
		t.Fatal(err)
	}
	first := "/2010-04-01/Accounts/" + subSID + "/Usage/Records/Daily.json?EndDate=2026-10-31&IncludeSubaccounts=false&PageSize=1000&StartDate=2026-10-01"
	if diff := cmp.Diff([]string{first, next}, s.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	var lines []string
	for _, r := range got {
		lines = append(lines, fmt.Sprint(r.Category, r.Day.Format(" 2006-01-02 "), r.Count, " ", r.Quantity, " ", r.Unit, " ", r.Cost, " ", r.Currency, r.AsOf.Format(" 15:04:05")))
	}
	want := []string{
		"calls 2026-10-08 13 35 minutes 0.4905 USD 05:06:07",
		"totalprice 2026-10-08 0 0.4905 usd 0.4905 USD 05:06:07",
		"group-rooms-media-stored 2026-10-08 0 0.123456789012 minutes -0.5 EUR 05:06:07",
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
}

func TestUsageRecordsRefused(t *testing.T) {
	for _, tt := range []struct {
		change fields
		want   string
	}{
		{fields{"account_sid": otherSID}, "field account_sid is"},
		{fields{"category": nil}, "field category is"},
		{fields{"start_date": "Thu, 08 Oct 2026"}, "field start_date is"},
		{fields{"end_date": "2026-10-09"}, "not the same day"},
		{fields{"as_of": ""}, "field as_of is"},
		{fields{"count": "many"}, "calls on 2026-10-08 of " + subSID + ": field count is"},
		{fields{"usage": "1e3"}, "field usage is"},
		{fields{"usage": "123456789012345678901"}, "not a decimal number of a usual size"},
		{fields{"price": "0.1234567890123"}, "more than 12 digits"},
		{fields{"price": true}, "field price is"},
		{fields{"price_unit": "dollars"}, "field price_unit is"},
	} {
		s := &script{pages: []string{encode(t, "usage_records", nil, usageRow().with(tt.change))}}
		_, err := testClient(t, s.serve, once).UsageRecords(t.Context(), subSID, day(1), day(32))
		if _, ok := errors.AsType[*DecodeError](err); !ok || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: %v, want %q", tt.change, err, tt.want)
		}
	}
	// 404 is no month without usage, and neither is a page without its list.
	for _, status := range []int{401, 403, 404} {
		c := testClient(t, func(*http.Request) (*http.Response, error) { return respond(status, ""), nil }, once)
		if _, err := c.UsageRecords(t.Context(), subSID, day(1), day(32)); err == nil {
			t.Errorf("%d passes for no usage", status)
		}
	}
}
