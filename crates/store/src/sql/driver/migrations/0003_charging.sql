-- From usage to paid orders: prices, usage by hour, accounts and their ledger.

-- The price book. Matchers are texts in Tollbook's own format (domain: price_text). Unit prices are counts of 10^-12.
CREATE TABLE price (
  price_id BIGINT NOT NULL PRIMARY KEY,
  provider {text} NOT NULL,
  provider_models {text} NOT NULL,
  model_id {text} NOT NULL,
  model_name {text} NOT NULL,
  models {text} NOT NULL,
  sku {text} NOT NULL,
  pricing_unit BIGINT NOT NULL,
  item_id BIGINT NOT NULL,
  currency {text} NOT NULL,
  list_price BIGINT NOT NULL,
  valid_from BIGINT NOT NULL,
  valid_until BIGINT,
  longer_than BIGINT,
  day_from BIGINT,
  day_until BIGINT,
  is_fallback BIGINT NOT NULL
) {clustered};

-- company_id 0, an empty model and an empty SKU stand for all. factor: a count of 10^-12.
CREATE TABLE discount (
  company_id BIGINT NOT NULL,
  model_id {text} NOT NULL,
  sku {text} NOT NULL,
  factor BIGINT NOT NULL,
  PRIMARY KEY (company_id, model_id, sku)
) {clustered};

-- Keys of gateways and other programs of the operator. The key itself is not kept.
CREATE TABLE operator_key (
  digest {blob} NOT NULL PRIMARY KEY,
  name {text} NOT NULL,
  created BIGINT NOT NULL,
  disabled BIGINT NOT NULL
) {clustered};

-- Hours of all companies whose usage has no order yet, and when each may be closed. While an hour is held, by an
-- unfinished import or by the server that closes it, no other process closes it.
CREATE TABLE due_hour (
  company_id BIGINT NOT NULL,
  bucket_start BIGINT NOT NULL,
  bucket_end BIGINT NOT NULL,
  due BIGINT NOT NULL,
  held_by {text} NOT NULL,
  held_until BIGINT NOT NULL,
  PRIMARY KEY (company_id, bucket_start)
) {clustered} {hot_update_storage};

-- UTC hours of records. gone: 1 once identities of the hour have been deleted; the hour then refuses usage.
CREATE TABLE usage_hour (
  company_id BIGINT NOT NULL,
  hour BIGINT NOT NULL,
  records BIGINT NOT NULL,
  written BIGINT NOT NULL,
  gone BIGINT NOT NULL,
  PRIMARY KEY (company_id, hour)
) {clustered} {hot_update_storage};

-- Accepted records. digest: of the content. fate: 1 charged, 2 free, 3 without a price. charges: the lines that the
-- record was added to, with quantities (usage_pack.rs). If ids rise with time, new rows are adjacent.
CREATE TABLE usage_record (
  company_id BIGINT NOT NULL,
  hour BIGINT NOT NULL,
  source {text} NOT NULL,
  id {text} NOT NULL,
  digest {blob} NOT NULL,
  fate BIGINT NOT NULL,
  bucket_start BIGINT NOT NULL,
  charges {blob} NOT NULL,
  PRIMARY KEY (company_id, hour, source, id)
) {clustered} {append_only_storage};

-- The whole records that were not charged. Those without a price (fate 3) are charged once they have one.
CREATE TABLE usage_aside (
  company_id BIGINT NOT NULL,
  fate BIGINT NOT NULL,
  hour BIGINT NOT NULL,
  source {text} NOT NULL,
  id {text} NOT NULL,
  time BIGINT NOT NULL,
  organization_id BIGINT NOT NULL,
  resource_id {text} NOT NULL,
  resource_type BIGINT NOT NULL,
  user_email {text} NOT NULL,
  provider {text} NOT NULL,
  model_id {text} NOT NULL,
  product_code {text} NOT NULL,
  region {text} NOT NULL,
  quantities {blob} NOT NULL,
  reason {text} NOT NULL,
  PRIMARY KEY (company_id, fate, hour, source, id)
) {clustered};

-- Usage that has no order yet, by bucket, and by bucket and line. amount: the sum of the amounts of the future orders,
-- each rounded as an order; 16 bytes, a count of 10^-8.
CREATE TABLE open_hour (
  company_id BIGINT NOT NULL,
  bucket_start BIGINT NOT NULL,
  bucket_end BIGINT NOT NULL,
  amount {blob} NOT NULL,
  PRIMARY KEY (company_id, bucket_start)
) {clustered} {hot_update_storage};

CREATE TABLE open_usage (
  company_id BIGINT NOT NULL,
  bucket_start BIGINT NOT NULL,
  line_no BIGINT NOT NULL,
  quantity BIGINT NOT NULL,
  records BIGINT NOT NULL,
  PRIMARY KEY (company_id, bucket_start, line_no)
) {clustered} {hot_update_storage};

-- The orders that were made from usage. place: 0 for the first order of the line and bucket, then 1, 2, … for
-- supplementary ones. line_no is the line of the first one.
CREATE TABLE usage_order (
  company_id BIGINT NOT NULL,
  bucket_start BIGINT NOT NULL,
  line_no BIGINT NOT NULL,
  place BIGINT NOT NULL,
  order_no {text} NOT NULL,
  quantity BIGINT NOT NULL,
  records BIGINT NOT NULL,
  PRIMARY KEY (company_id, bucket_start, line_no, place)
) {clustered} {append_only_storage};

-- One row per company: balances by kind, the credit limit, the numbers of ledger entries, grants and order numbers, the
-- last local day whose arrears run is done, and the deductions of settled orders that were pruned.
CREATE TABLE account (
  company_id BIGINT NOT NULL PRIMARY KEY,
  star_card BIGINT NOT NULL,
  coupon BIGINT NOT NULL,
  bonus BIGINT NOT NULL,
  cash BIGINT NOT NULL,
  credit BIGINT NOT NULL,
  credit_limit BIGINT NOT NULL,
  entries BIGINT NOT NULL,
  grants BIGINT NOT NULL,
  numbers BIGINT NOT NULL,
  arrears_day BIGINT NOT NULL,
  pruned {blob} NOT NULL
) {hot_update_storage};

-- Lists are texts separated by the unit separator (U+001F).
CREATE TABLE account_grant (
  company_id BIGINT NOT NULL,
  grant_id BIGINT NOT NULL,
  kind BIGINT NOT NULL,
  granted BIGINT NOT NULL,
  remaining BIGINT NOT NULL,
  expires BIGINT,
  products {text} NOT NULL,
  models {text} NOT NULL,
  PRIMARY KEY (company_id, grant_id)
) {clustered};

CREATE INDEX account_grant_left ON account_grant (company_id, grant_id) WHERE remaining > 0;

-- Append-only: entry_no counts from 0 within the company. kind and cause: domain/account.rs.
CREATE TABLE ledger (
  company_id BIGINT NOT NULL,
  entry_no BIGINT NOT NULL,
  time BIGINT NOT NULL,
  kind BIGINT NOT NULL,
  grant_id BIGINT NOT NULL,
  cause BIGINT NOT NULL,
  amount BIGINT NOT NULL,
  balance BIGINT NOT NULL,
  reference {text} NOT NULL,
  PRIMARY KEY (company_id, entry_no)
) {clustered} {append_only_storage};

CREATE TABLE deposit (
  company_id BIGINT NOT NULL,
  deposit_key {text} NOT NULL,
  kind BIGINT NOT NULL,
  amount BIGINT NOT NULL,
  expires BIGINT,
  products {text} NOT NULL,
  models {text} NOT NULL,
  first_entry BIGINT NOT NULL,
  entries BIGINT NOT NULL,
  PRIMARY KEY (company_id, deposit_key)
) {clustered};

-- The orders that were paid from the accounts here, with the ledger entries of their deductions. Imported paid orders
-- are history and have none.
CREATE TABLE settlement (
  company_id BIGINT NOT NULL,
  source_no {text} NOT NULL,
  first_entry BIGINT NOT NULL,
  entries BIGINT NOT NULL,
  PRIMARY KEY (company_id, source_no)
) {clustered} {append_only_storage};

CREATE TABLE revocation (
  company_id BIGINT NOT NULL,
  source_no {text} NOT NULL,
  time BIGINT NOT NULL,
  reason {text} NOT NULL,
  PRIMARY KEY (company_id, source_no)
) {clustered};

INSERT INTO account (company_id, star_card, coupon, bonus, cash, credit, credit_limit, entries, grants, numbers,
  arrears_day, pruned)
  SELECT company_id, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, {empty_blob} FROM company_state;
