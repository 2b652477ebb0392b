-- What the deployment is: the settings that decide about money, which every process that writes must have; where the
-- database was moved to; and digests of tables that nothing else can be compared with.

CREATE TABLE deployment_setting (
  name {text} NOT NULL PRIMARY KEY,
  value {text} NOT NULL
) {clustered};

-- One row, with id 1. deployment_id: empty until the first write. settings_version counts the changes of
-- deployment_setting. mark_no rises with commits; files outside the database remember it. moved_to: where a copy of this
-- database is used instead of it, or empty; move_done: 0 while the copy is being made.
CREATE TABLE deployment_state (
  id BIGINT NOT NULL PRIMARY KEY,
  deployment_id {text} NOT NULL,
  settings_version BIGINT NOT NULL,
  mark_no BIGINT NOT NULL,
  moved_to {text} NOT NULL,
  moved_at BIGINT NOT NULL,
  move_done BIGINT NOT NULL
) {clustered} {hot_update_storage};

INSERT INTO deployment_state (id, deployment_id, settings_version, mark_no, moved_to, moved_at, move_done)
VALUES (1, '', 0, 0, '', 0, 0);

-- digest: of the rows of a table; of those of one company if company_id is not 0. Rows of "old line" hold a number
-- instead: the lines below it may have been written by a version that made other keys of lines.
CREATE TABLE table_digest (
  table_name {text} NOT NULL,
  company_id BIGINT NOT NULL,
  digest {blob} NOT NULL,
  PRIMARY KEY (table_name, company_id)
) {clustered};
