-- What lists and receivables need of an invoice without reading its document,
-- and its place among all of them. Rows from before take it from the document.
ALTER TABLE invoices {{on_cluster}}
    ADD COLUMN IF NOT EXISTS position UInt64 FIRST,
    ADD COLUMN IF NOT EXISTS claimed  Bool AFTER position,
    ADD COLUMN IF NOT EXISTS kind     LowCardinality(String) DEFAULT 'invoice' AFTER claimed,
    ADD COLUMN IF NOT EXISTS issued   Date DEFAULT toDateOrZero(JSONExtractString(document, 'issue_date')) AFTER revision,
    ADD COLUMN IF NOT EXISTS due      Date DEFAULT toDateOrZero(JSONExtractString(document, 'due_date')) AFTER issued,
    ADD COLUMN IF NOT EXISTS total    Decimal(38, 6) DEFAULT toDecimal128OrZero(JSONExtractString(document, 'total'), 6) AFTER due,
    ADD COLUMN IF NOT EXISTS currency LowCardinality(String) DEFAULT JSONExtractString(document, 'currency') AFTER total,
    ADD COLUMN IF NOT EXISTS corrects String AFTER currency;

-- Rows from before get their positions: of two rows of one key the later one
-- counts, so this can be run again.
INSERT INTO invoices (position, claimed, kind, series, seq, number, tenant, period_from, period_to, revision, issued, due, total, currency, corrects, document, sha256, prev_sha256)
    SELECT row_number() OVER (ORDER BY series, seq), claimed, kind, series, seq, number, tenant, period_from, period_to, revision, issued, due, total, currency, corrects, document, sha256, prev_sha256
    FROM invoices FINAL
    WHERE position = 0;

-- Payments of invoices. Rows are never changed. The key holds all that tells
-- two payments apart, so that none can take the place of another.
CREATE TABLE IF NOT EXISTS payments {{on_cluster}}
(
    number      String,
    position    UInt32,
    paid_on     Date,
    amount      Decimal(38, 6),
    currency    LowCardinality(String),
    reference   String,
    recorded_at DateTime('UTC')
)
ENGINE = {{engine "ReplacingMergeTree"}}
ORDER BY (number, position, reference, paid_on, amount)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
