-- Names only; no row changes.
ALTER TABLE usage_aside RENAME TO uncharged_usage;
ALTER TABLE uncharged_usage RENAME COLUMN fate TO pricing_state;
ALTER TABLE usage_record RENAME COLUMN fate TO pricing_state;
