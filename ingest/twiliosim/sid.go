package twiliosim

import (
	"crypto/cipher"
	"encoding/binary"
	"encoding/hex"
)

// kind says what a sid names.
type kind uint8

const (
	kindAccount kind = iota + 1
	kindToken
	kindCall
	kindMessage
	kindRecording
	kindTranscription
	kindNumber
	kindService
	kindTrunk
)

// pos is the place of a thing in the world. A sid is its pos, encrypted, so a
// page token or a sid in a path leads back to the row without an index.
type pos struct {
	kind    kind
	leg     uint8  // calls: 0, or 1 for the leg that the call in this slot dialled
	day     uint16 // days since the world's first
	account uint32
	slot    uint32 // place in the day; for numbers, in the account
}

// less orders the positions of one account and kind, oldest first.
func (p pos) less(q pos) bool {
	if p.day != q.day {
		return p.day < q.day
	}
	if p.slot != q.slot {
		return p.slot < q.slot
	}
	return p.leg < q.leg
}

// sealer turns positions into sids. It keeps a scratch block, so each
// goroutine needs its own.
type sealer struct {
	block   cipher.Block
	scratch [16]byte
}

func (c *sealer) append(b []byte, prefix string, p pos) []byte {
	s := c.scratch[:]
	s[0], s[1] = byte(p.kind), p.leg
	binary.BigEndian.PutUint16(s[2:], p.day)
	binary.BigEndian.PutUint32(s[4:], p.account)
	binary.BigEndian.PutUint32(s[8:], p.slot)
	clear(s[12:])
	c.block.Encrypt(s, s)
	return hex.AppendEncode(append(b, prefix...), s)
}

// open reads the position in a sid of this world; false for any other text.
func (c *sealer) open(sid string, k kind) (pos, bool) {
	if len(sid) != 34 {
		return pos{}, false
	}
	s := c.scratch[:]
	if _, err := hex.Decode(s, []byte(sid[2:])); err != nil {
		return pos{}, false
	}
	c.block.Decrypt(s, s)
	p := pos{
		kind: kind(s[0]), leg: s[1], day: binary.BigEndian.Uint16(s[2:]),
		account: binary.BigEndian.Uint32(s[4:]), slot: binary.BigEndian.Uint32(s[8:]),
	}
	return p, p.kind == k && binary.BigEndian.Uint32(s[12:]) == 0
}

func (s *Server) sid(prefix string, p pos) string {
	c := sealer{block: s.block}
	return string(c.append(nil, prefix, p))
}

// account finds an account by its sid.
func (s *Server) account(sid string) (uint32, bool) {
	if sid == s.accounts[0].sid {
		return 0, true
	}
	c := sealer{block: s.block}
	p, ok := c.open(sid, kindAccount)
	if !ok || int(p.account) >= len(s.accounts) || s.accounts[p.account].sid != sid {
		return 0, false
	}
	return p.account, true
}

const golden = 0x9E3779B97F4A7C15

// mix is the finalizer of SplitMix64: equal inputs, equal outputs, and no
// visible relation between near inputs.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xBF58476D1CE4E5B9
	x ^= x >> 27
	x *= 0x94D049BB133111EB
	return x ^ x>>31
}

// draw is the n-th random number of key.
func draw(key, n uint64) uint64 { return mix(key + (n+1)*golden) }

// pick maps the upper half of h onto [0, n).
func pick(h, n uint64) uint64 { return h >> 32 * n >> 32 }

// between maps h onto [lo, hi].
func between(h uint64, lo, hi int64) int64 { return lo + int64(pick(h, uint64(hi-lo+1))) }
