-- Corrections with their keys and reasons, how much of a deposit was reversed, and grants that end on time.

-- The audit log of corrections, by which each happens once. kind: corrections.rs. digest: of the request. result: a text
-- of the program's own.
CREATE TABLE correction (
  company_id BIGINT NOT NULL,
  correction_key {text} NOT NULL,
  kind BIGINT NOT NULL,
  digest {blob} NOT NULL,
  time BIGINT NOT NULL,
  reason {text} NOT NULL,
  reference {text} NOT NULL,
  result {text} NOT NULL,
  PRIMARY KEY (company_id, correction_key)
) {clustered};

CREATE INDEX correction_time ON correction (company_id, time, correction_key);

-- reversed: how much of the deposit was reversed.
ALTER TABLE deposit ADD COLUMN reversed BIGINT NOT NULL DEFAULT 0;

-- expired: what was left of the grant at its end, less what usage from before its end has taken of it since.
ALTER TABLE account_grant ADD COLUMN expired BIGINT NOT NULL DEFAULT 0;
UPDATE account_grant SET expired = (
  SELECT coalesce(-sum(amount), 0) FROM ledger
  WHERE ledger.company_id = account_grant.company_id AND ledger.grant_id = account_grant.grant_id AND cause = 4
);
CREATE INDEX account_grant_ended ON account_grant (company_id, expires) WHERE expired > 0;

-- When grants of companies end: what a server looks at to end those of companies in which nothing else happens.
CREATE TABLE grant_end (
  ends_at BIGINT NOT NULL,
  company_id BIGINT NOT NULL,
  PRIMARY KEY (ends_at, company_id)
) {clustered};
INSERT INTO grant_end (ends_at, company_id)
  SELECT DISTINCT expires, company_id FROM account_grant WHERE remaining > 0 AND expires IS NOT NULL;
