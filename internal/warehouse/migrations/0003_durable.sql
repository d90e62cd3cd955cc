-- What is acknowledged is on disk, on any server: without these settings a new
-- part stays in the page cache, and a power cut loses an invoice whose number
-- is on its way to a tenant, or usage whose checkpoint survives.
ALTER TABLE invoices {{on_cluster}} MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;

ALTER TABLE usage {{on_cluster}} MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;

ALTER TABLE windows {{on_cluster}} MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;
