-- Tenants, orders and their rollups. Tokens in braces are the named differences between databases (`Dialect`).
-- Every key begins with company_id: the tenant is the unit of isolation and of distribution. The exceptions are
-- the deployment's own small tables: setting, company, api_key.

CREATE TABLE setting (
  name {text} NOT NULL PRIMARY KEY,
  value {text} NOT NULL
) {clustered};

CREATE TABLE company (
  company_id BIGINT NOT NULL PRIMARY KEY,
  name {text} NOT NULL,
  currency {text} NOT NULL,
  brand {text} NOT NULL
);

CREATE TABLE organization (
  company_id BIGINT NOT NULL,
  organization_id BIGINT NOT NULL,
  project_id {text} NOT NULL,
  name {text} NOT NULL,
  PRIMARY KEY (company_id, organization_id),
  UNIQUE (company_id, project_id)
) {clustered};

-- Looked up by the public key alone, because a request has no company. Lists are space-separated texts.
CREATE TABLE api_key (
  public_key {text} NOT NULL PRIMARY KEY,
  company_id BIGINT NOT NULL,
  sealed_private_key {blob} NOT NULL,
  organization_ids {text} NOT NULL,
  allowed_networks {text} NOT NULL,
  rate_limit_per_s BIGINT,
  disabled BIGINT NOT NULL
) {clustered};

-- One row per company; every writer of orders of the company locks it first, so that writers of one company are
-- serialized. tiled: 1 once the company has its rollups by line.
CREATE TABLE company_state (
  company_id BIGINT NOT NULL PRIMARY KEY,
  line_count BIGINT NOT NULL,
  order_count BIGINT NOT NULL,
  tiled BIGINT NOT NULL
) {hot_update_storage};

-- line_no counts from 0 within the company. line_key is the SHA-256 of all other columns.
-- Prices are counts of 10^-12 currency units.
CREATE TABLE line (
  company_id BIGINT NOT NULL,
  line_no BIGINT NOT NULL,
  line_key {blob} NOT NULL,
  organization_id BIGINT NOT NULL,
  user_email {text} NOT NULL,
  resource_id {text} NOT NULL,
  resource_type BIGINT NOT NULL,
  model_id {text} NOT NULL,
  model_name {text} NOT NULL,
  pricing_sku {text} NOT NULL,
  pricing_item_id BIGINT NOT NULL,
  pricing_unit BIGINT NOT NULL,
  product_code {text} NOT NULL,
  region {text} NOT NULL,
  charge_type BIGINT NOT NULL,
  order_type BIGINT NOT NULL,
  channel BIGINT NOT NULL,
  currency {text} NOT NULL,
  list_price BIGINT NOT NULL,
  discount_price BIGINT NOT NULL,
  PRIMARY KEY (company_id, line_no),
  UNIQUE (company_id, line_key)
) {clustered};

-- Amounts are counts of 10^-8 currency units, times Unix seconds. order_no is the number that the list of the order's
-- status shows; the primary key is list order, so that a page or an export is one range of it.
CREATE TABLE orders (
  company_id BIGINT NOT NULL,
  status BIGINT NOT NULL,
  start_time BIGINT NOT NULL,
  order_no {text} NOT NULL,
  line_no BIGINT NOT NULL,
  end_time BIGINT NOT NULL,
  quantity BIGINT NOT NULL,
  total BIGINT NOT NULL,
  original BIGINT NOT NULL,
  star_card BIGINT NOT NULL,
  coupon BIGINT NOT NULL,
  bonus BIGINT NOT NULL,
  cash BIGINT NOT NULL,
  credit BIGINT NOT NULL,
  counterpart_no {text} NOT NULL,
  create_time BIGINT,
  paid_time BIGINT,
  revocation_time BIGINT,
  PRIMARY KEY (company_id, status, start_time, order_no)
) {clustered} {append_only_storage};

-- Every number that an order has or had, until it is pruned: one row for O, one for U. other_no is the order's other
-- number.
CREATE TABLE order_number (
  company_id BIGINT NOT NULL,
  number {text} NOT NULL,
  other_no {text} NOT NULL,
  start_time BIGINT NOT NULL,
  PRIMARY KEY (company_id, number)
) {clustered} {append_only_storage};

-- unit 1: UTC days since 1970-01-01; unit 2: months as year * 12 + month - 1. sums: see pack.rs, one cell.
CREATE TABLE rollup (
  company_id BIGINT NOT NULL,
  status BIGINT NOT NULL,
  unit BIGINT NOT NULL,
  period BIGINT NOT NULL,
  orders BIGINT NOT NULL,
  sums {blob} NOT NULL,
  PRIMARY KEY (company_id, status, unit, period)
) {clustered} {hot_update_storage};

-- Rollups by line: one row per chunk of 256 lines, one cell per line. Counts are stored apart from sums because a total
-- of orders needs only counts.
CREATE TABLE tile_count (
  company_id BIGINT NOT NULL,
  status BIGINT NOT NULL,
  unit BIGINT NOT NULL,
  chunk BIGINT NOT NULL,
  period BIGINT NOT NULL,
  counts {blob} NOT NULL,
  PRIMARY KEY (company_id, status, unit, chunk, period)
) {clustered} {hot_update_storage};

CREATE TABLE tile_sum (
  company_id BIGINT NOT NULL,
  status BIGINT NOT NULL,
  unit BIGINT NOT NULL,
  chunk BIGINT NOT NULL,
  period BIGINT NOT NULL,
  sums {blob} NOT NULL,
  PRIMARY KEY (company_id, status, unit, chunk, period)
) {clustered} {hot_update_storage};
