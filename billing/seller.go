package billing

import "fmt"

// Seller is an entity that invoices tenants, with number series of its own.
type Seller struct {
	Party            `yaml:",inline"`
	NumberFormat     string `yaml:"number_format"`      // of its invoices, such as "INV-{year}-{seq:06}"
	CreditNoteFormat string `yaml:"credit_note_format"` // of its credit notes, such as "CN-{year}-{seq:06}"
}

// Format is the number format of the seller's documents of a kind.
func (s *Seller) Format(kind DocumentKind) string {
	if kind == CreditNote {
		return s.CreditNoteFormat
	}
	return s.NumberFormat
}

// SellerOf is the seller with an id, which a tenant and its documents name; the
// default one where it is empty.
func (b *Biller) SellerOf(id string) (Seller, error) {
	if id == "" {
		return b.Seller, nil
	}
	s, ok := b.Sellers[id]
	if !ok {
		return s, fmt.Errorf("seller %q is not configured any more: put it back under sellers", id)
	}
	return s, nil
}
