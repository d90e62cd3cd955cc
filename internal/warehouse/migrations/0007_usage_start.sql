-- Usage is read by the month that it started in, and lies by the month that it
-- was created in: what started in no month that is asked for need not be read.
ALTER TABLE usage {{on_cluster}} ADD INDEX IF NOT EXISTS by_start started_at TYPE minmax;

ALTER TABLE usage {{on_cluster}} MATERIALIZE INDEX by_start;
