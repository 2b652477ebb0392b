-- A usage record is known by source and id within 24 hours, and can be corrected.

-- How many transactions have taken usage out of the company's open hours to make orders of it. An order of usage has the
-- number before its own; a record has the number at its acceptance.
ALTER TABLE company_state ADD COLUMN close_no BIGINT NOT NULL DEFAULT 0;
ALTER TABLE usage_order ADD COLUMN close_no BIGINT NOT NULL DEFAULT 0;

ALTER TABLE uncharged_usage ADD COLUMN service_tier {text} NOT NULL DEFAULT '';
ALTER TABLE uncharged_usage ADD COLUMN resource_name {text} NOT NULL DEFAULT '';

-- Which records were accepted. digest: of their content without the time. pricing_state: 1 charged, 2 free, 3 unpriced,
-- 4 voided. charges: the lines it was added to, with the quantities; rest: what lines and row do not say (usage_pack.rs),
-- empty for records that were stored before this table. day: of time, UTC.
CREATE TABLE usage_record_by_day (
  company_id BIGINT NOT NULL,
  day BIGINT NOT NULL,
  source {text} NOT NULL,
  id {text} NOT NULL,
  time BIGINT NOT NULL,
  digest {blob} NOT NULL,
  pricing_state BIGINT NOT NULL,
  bucket_start BIGINT NOT NULL,
  charges {blob} NOT NULL,
  rest {blob} NOT NULL,
  PRIMARY KEY (company_id, day, source, id)
) {clustered} {append_only_storage};

-- Earlier records were known by hour: of several in one day the first keeps its id, and the others get their hour behind
-- it. Their times are not known; they get the beginning of their hour.
INSERT INTO usage_record_by_day (company_id, day, source, id, time, digest, pricing_state, bucket_start, charges, rest)
  SELECT company_id, hour / 24, source, CASE WHEN place > 1 THEN id || ' @' || hour ELSE id END, hour * 3600, digest,
    pricing_state, bucket_start, charges, {empty_blob}
  FROM (
    SELECT company_id, hour, source, id, digest, pricing_state, bucket_start, charges,
      ROW_NUMBER() OVER (PARTITION BY company_id, hour / 24, source, id ORDER BY hour) AS place
    FROM usage_record
  ) numbered;

UPDATE uncharged_usage SET id = id || ' @' || hour WHERE EXISTS (
  SELECT 1 FROM usage_record earlier WHERE earlier.company_id = uncharged_usage.company_id
    AND earlier.hour >= uncharged_usage.hour / 24 * 24 AND earlier.hour < uncharged_usage.hour
    AND earlier.source = uncharged_usage.source AND earlier.id = uncharged_usage.id);

DROP TABLE usage_record;
ALTER TABLE usage_record_by_day RENAME TO usage_record;
