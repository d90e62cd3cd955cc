package nightly

import (
	"testing"

	"github.com/shopspring/decimal"

	"subtally/billing"
)

func TestCostsThatDoNotAddUpNeedAPerson(t *testing.T) {
	m := Month{Statement: &billing.Statement{}}
	if m.NeedsPerson() {
		t.Error("a person is asked for, though nothing is wrong")
	}
	m.Statement.Check.Tenants = decimal.New(1, -2)
	if !m.NeedsPerson() {
		t.Error("nobody is told of costs that do not add up")
	}
}
