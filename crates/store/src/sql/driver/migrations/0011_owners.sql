-- Who usage belongs to that other programs report: their names, such as the hash of an API key or a team, to company,
-- organization and resource. kind and name: owner.rs. An empty resource is the name that the record has.
CREATE TABLE usage_owner (
  source {text} NOT NULL,
  kind {text} NOT NULL,
  name {text} NOT NULL,
  company_id BIGINT NOT NULL,
  organization_id BIGINT NOT NULL,
  resource_id {text} NOT NULL,
  resource_name {text} NOT NULL,
  PRIMARY KEY (source, kind, name)
) {clustered};

-- The names that usage may have for the provider by the list of the price: a matcher, matcher_text.rs; empty: none.
ALTER TABLE price ADD COLUMN provider_names {text} NOT NULL DEFAULT '';
