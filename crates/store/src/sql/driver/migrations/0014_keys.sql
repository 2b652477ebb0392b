-- What API keys are called, may do, and until when. permissions: names with a space between them; empty: all. created_at is
-- not known of earlier keys.
ALTER TABLE api_key ADD COLUMN name {text} NOT NULL DEFAULT '';
ALTER TABLE api_key ADD COLUMN permissions {text} NOT NULL DEFAULT '';
ALTER TABLE api_key ADD COLUMN created_at BIGINT;
ALTER TABLE api_key ADD COLUMN expires_at BIGINT;
ALTER TABLE api_key ADD COLUMN suspended BIGINT NOT NULL DEFAULT 0;
