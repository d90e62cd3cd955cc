// Package billing turns a tenant's usage into invoices, and all invoices of a
// month into a statement for the main account.
//
// It holds the domain: [Tenant], [Period], [Document] (an invoice),
// [Statement], and the [Biller] that drafts them from the warehouse. The
// register of finalized invoices, what verifies it, the documents' PDF and CSV
// and the nightly run are packages below it.
//
// It never calls Twilio and never decides a price: usage comes from the
// warehouse, amounts from package pricing.
package billing
