-- Renames columns to standard terms, unifies the lease columns, and adds a table for leases on tasks.

ALTER TABLE usage_aside RENAME TO uncharged_usage;
ALTER TABLE uncharged_usage RENAME COLUMN fate TO pricing_state;
ALTER TABLE usage_record RENAME COLUMN fate TO pricing_state;
ALTER TABLE usage_hour RENAME COLUMN gone TO expired;
ALTER TABLE usage_order RENAME COLUMN place TO sequence_no;
ALTER TABLE order_number RENAME COLUMN other_no TO counterpart_no;
ALTER TABLE account RENAME COLUMN pruned TO pruned_deductions;

-- lease_holder is empty and lease_until is 0 while there is no lease.
ALTER TABLE due_hour RENAME COLUMN held_by TO lease_holder;
ALTER TABLE due_hour RENAME COLUMN held_until TO lease_until;
ALTER TABLE export_job RENAME COLUMN holder TO lease_holder;
ALTER TABLE export_job RENAME COLUMN held_until TO lease_until;

CREATE TABLE lease (
  task {text} NOT NULL PRIMARY KEY,
  lease_holder {text} NOT NULL,
  lease_until BIGINT NOT NULL
) {clustered} {hot_update_storage};

-- Deletes the settings that held leases on tasks, and those that served as locks.
DELETE FROM setting WHERE name LIKE 'lease %' OR name LIKE 'hold %';
