-- Rollups by hour (unit 3: hours since 1970-01-01T00:00) for the companies that have tiles. Only a recount of the
-- orders can fill them, so tiles and hours are counted again with the next order of a company.
DELETE FROM rollup WHERE unit = 3;
DELETE FROM tile_count;
DELETE FROM tile_sum;
UPDATE company_state SET tiled = 0;

-- Orders that begin before this time are refused: earlier ones were pruned, and their numbers are no longer known.
ALTER TABLE company_state ADD COLUMN pruned_before BIGINT NOT NULL DEFAULT 0;

-- Requests of keys that have a rate limit, in the latest second of each: all servers of a deployment share the limit.
CREATE TABLE request_rate (
  company_id BIGINT NOT NULL,
  public_key {text} NOT NULL,
  second BIGINT NOT NULL,
  requests BIGINT NOT NULL,
  PRIMARY KEY (company_id, public_key)
) {clustered} {hot_update_storage};
