-- The audit log: entries are added and never changed. company_id: 0 for acts that concern no company alone. actor_kind:
-- audit.rs. before_json, after_json: empty if there is nothing. hash: SHA-256 over the hash of the entry before it and the
-- content of this one.
CREATE TABLE audit_entry (
  company_id BIGINT NOT NULL,
  entry_no BIGINT NOT NULL,
  time BIGINT NOT NULL,
  actor_kind BIGINT NOT NULL,
  actor {text} NOT NULL,
  origin {text} NOT NULL,
  act {text} NOT NULL,
  before_json {text} NOT NULL,
  after_json {text} NOT NULL,
  reason {text} NOT NULL,
  hash {blob} NOT NULL,
  PRIMARY KEY (company_id, entry_no)
) {clustered} {append_only_storage};

-- The end of each company's chain: the number of its entries, and the hash of the last one.
CREATE TABLE audit_chain (
  company_id BIGINT NOT NULL PRIMARY KEY,
  entries BIGINT NOT NULL,
  hash {blob} NOT NULL
) {clustered} {hot_update_storage};

-- Roles of keys of the operator's programs: names with a space between them; empty: usage, as earlier versions had it.
ALTER TABLE operator_key ADD COLUMN roles {text} NOT NULL DEFAULT '';

-- Requests of the operator's programs, by which each is done once. digest: of the request. The entry of the audit log is that
-- of what it did.
CREATE TABLE operator_request (
  actor {text} NOT NULL,
  request_key {text} NOT NULL,
  digest {blob} NOT NULL,
  company_id BIGINT NOT NULL,
  entry_no BIGINT NOT NULL,
  PRIMARY KEY (actor, request_key)
) {clustered};
