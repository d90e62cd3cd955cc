package config

import (
	"fmt"
	"io"
	"log/slog"
)

// Secret is a password or token. It prints as "[secret]" by every verb of fmt
// and in logs, JSON and YAML.
type Secret string

const masked = "[secret]"

// Reveal is the secret itself, for the request that needs it.
func (s Secret) Reveal() string { return string(s) }

// String is "[secret]".
func (s Secret) String() string { return masked }

// Format prints "[secret]" for every verb. String alone would not cover a
// wrong verb, such as %d, whose complaint shows the value.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, masked) } //nolint:errcheck // fmt keeps the state's error

// LogValue is "[secret]".
func (s Secret) LogValue() slog.Value { return slog.StringValue(masked) }

// MarshalText is "[secret]"; JSON and YAML encoders use it.
func (s Secret) MarshalText() ([]byte, error) { return []byte(masked), nil }
