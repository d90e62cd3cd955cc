-- Finalized invoices: the document, its SHA-256, and the SHA-256 of the
-- invoice before it in the series. Rows are never changed. One row holds the
-- number and the document, so a writer that dies leaves both or neither.
CREATE TABLE IF NOT EXISTS invoices {{on_cluster}}
(
    series      String,
    seq         UInt32,
    number      String,
    tenant      String,
    period_from Date,
    period_to   Date,
    revision    UInt32,
    document    String CODEC(ZSTD(3)),
    sha256      String,
    prev_sha256 String
)
ENGINE = {{engine "ReplacingMergeTree"}}
ORDER BY (series, seq);
