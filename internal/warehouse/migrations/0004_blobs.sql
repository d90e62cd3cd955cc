-- What documents refer to by hash: layouts, plans with their rate decks,
-- itemized annexes. A row is written before the document that names it, and
-- never changed.
CREATE TABLE IF NOT EXISTS blobs {{on_cluster}}
(
    sha256 String,
    kind   LowCardinality(String),
    data   String CODEC(ZSTD(3))
)
ENGINE = {{engine "ReplacingMergeTree"}}
ORDER BY sha256
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 64;
