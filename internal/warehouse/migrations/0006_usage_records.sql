-- Twilio's Usage Records, by which it bills the main account: sums per
-- subaccount, category and UTC day, as last pulled. Rows without any usage are
-- not kept. Categories overlap; nothing sums over them.
CREATE TABLE IF NOT EXISTS usage_records {{on_cluster}}
(
    account  String,
    day      Date,
    category LowCardinality(String),
    records  Decimal(38, 12),
    quantity Decimal(38, 12),
    unit     LowCardinality(String),
    cost     Decimal(38, 12),
    currency LowCardinality(String),
    as_of    DateTime('UTC'),
    sync     UInt32
)
ENGINE = {{engine "ReplacingMergeTree" "sync"}}
PARTITION BY toYYYYMM(day)
ORDER BY (account, day, category)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
