package register

// What the tests with processes of their own need.
var (
	Reached      = &reached
	StepsOfRow   = []string{stepBuilt, stepWritten}
	StepsOfClaim = []string{stepBuilt, stepStored, stepClaimed, stepWritten}
	Decided      = []string{stepClaimed, stepWritten} // the number, from these on
)
