package pricing

// RecordRounding rounds the amount of each record before records are added up.
type RecordRounding struct {
	Mode     Rounding `yaml:"mode" json:"mode,omitempty"` // half_up where empty
	Decimals int      `yaml:"decimals" json:"decimals"`
}
