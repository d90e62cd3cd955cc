-- Usage records, one row per (account, sid). The latest version wins; every
-- read that bills uses FINAL. Partition and sort key hold only what never
-- changes for a record: its creation time, its account and its sid. Twilio
-- fills in the start later, and a message may turn from sms to mms, so
-- neither may be part of a key, or one record could stand twice.
--
-- started_at is when the record counts for billing: a call's start, the
-- sending of a message, the creation of a recording or transcription, noon UTC
-- of the day a number was held.
CREATE TABLE IF NOT EXISTS usage {{on_cluster}}
(
    account     String,
    sid         String,
    kind        LowCardinality(String),
    direction   LowCardinality(String),
    status      LowCardinality(String),
    from_number String CODEC(ZSTD(1)),
    to_number   String CODEC(ZSTD(1)),
    parent_sid  String CODEC(ZSTD(1)),
    created_at  DateTime('UTC'),
    started_at  DateTime('UTC'),
    updated_at  DateTime('UTC'),
    quantity    Decimal(18, 6),
    cost        Nullable(Decimal(18, 8)),
    currency    LowCardinality(String),
    is_final    Bool,
    sync        UInt32,
    version     UInt64,
    INDEX by_sync sync TYPE minmax
)
ENGINE = {{engine "ReplacingMergeTree" "version"}}
PARTITION BY toYYYYMM(created_at)
ORDER BY (account, sid);

-- Checkpoints: what was pulled of one subaccount, resource and UTC day. A row
-- is written only after the usage rows were read back.
CREATE TABLE IF NOT EXISTS windows {{on_cluster}}
(
    account   String,
    resource  LowCardinality(String),
    day       Date,
    pulled_at DateTime('UTC'),
    records   UInt64,
    sid_hash  UInt64,
    pending   UInt64,
    sync      UInt32
)
ENGINE = {{engine "ReplacingMergeTree" "sync"}}
ORDER BY (account, resource, day);

-- One row per run of a sync. The number orders versions: clocks may go back.
CREATE TABLE IF NOT EXISTS syncs {{on_cluster}}
(
    seq   UInt32,
    as_of DateTime('UTC')
)
ENGINE = {{engine "ReplacingMergeTree"}}
ORDER BY seq;

-- The main account and its subaccounts as last seen. Twilio's list carries
-- their auth tokens; there is no column for them.
CREATE TABLE IF NOT EXISTS accounts {{on_cluster}}
(
    sid        String,
    owner_sid  String,
    name       String,
    status     LowCardinality(String),
    created_at DateTime('UTC'),
    updated_at DateTime('UTC'),
    sync       UInt32
)
ENGINE = {{engine "ReplacingMergeTree" "sync"}}
ORDER BY sid;
