package billing

import "testing"

// Late and changed usage are told apart only where the watermarks do.
func TestReason(t *testing.T) {
	one := Watermark{Records: 1, SIDHash: "a", Content: "b"}
	for now, want := range map[Watermark]AdjustmentReason{
		one:                                      FollowsAdjustment,
		{Records: 1, SIDHash: "a", Content: "c"}: UsageChanged,
		{Records: 1, SIDHash: "d", Content: "c"}: UsageLateOrChanged,
		{Records: 2, SIDHash: "d", Content: "c"}: UsageLateOrChanged,
	} {
		if got := reason(one, now); got != want {
			t.Errorf("%+v: %s, want %s", now, got, want)
		}
	}
	if got := reason(Watermark{}, one); got != UsageLate {
		t.Errorf("of no usage: %s, want %s", got, UsageLate)
	}
}
