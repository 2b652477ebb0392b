-- Webhooks: receivers of events, events that have a receiver, and their deliveries. All of them belong to
-- the deployment, because deliveries are found over all companies, like export jobs.

-- company_id: 0 for an endpoint of the operator. event_types: names with a space between them; empty: all. sealed_secret:
-- encrypted under the master key, and former_secret, which signs too until former_expires. disabled_at: null while it is
-- enabled.
CREATE TABLE webhook_endpoint (
  endpoint_id {text} NOT NULL PRIMARY KEY,
  company_id BIGINT NOT NULL,
  url {text} NOT NULL,
  name {text} NOT NULL,
  event_types {text} NOT NULL,
  sealed_secret {blob} NOT NULL,
  former_secret {blob} NOT NULL,
  former_expires BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  disabled_at BIGINT,
  disabled_reason {text} NOT NULL
) {clustered};

CREATE INDEX webhook_endpoint_company ON webhook_endpoint (company_id, endpoint_id);

-- How an endpoint answers; no row: as it should. failing_since: when the first attempt failed after which none succeeded.
-- paused_until: nothing is sent before, because the receiver asked for it.
CREATE TABLE webhook_state (
  endpoint_id {text} NOT NULL PRIMARY KEY,
  failing_since BIGINT,
  paused_until BIGINT NOT NULL
) {clustered} {hot_update_storage};

-- An event, written in the transaction of the fact. event_no rises within the company, whose lock orders them; 0 is
-- the deployment. payload: the body as it is sent.
CREATE TABLE webhook_event (
  company_id BIGINT NOT NULL,
  event_no BIGINT NOT NULL,
  message_id {text} NOT NULL,
  event_type {text} NOT NULL,
  recorded_at BIGINT NOT NULL,
  payload {text} NOT NULL,
  PRIMARY KEY (company_id, event_no)
) {clustered};

CREATE INDEX webhook_event_recorded ON webhook_event (recorded_at, company_id, event_no);
CREATE INDEX webhook_event_message ON webhook_event (message_id);

-- The delivery of an event to an endpoint. state: 0 pending, 1 delivered, 2 dead letter. http_status: of the last attempt,
-- 0 if there was no answer.
CREATE TABLE webhook_delivery (
  company_id BIGINT NOT NULL,
  event_no BIGINT NOT NULL,
  endpoint_id {text} NOT NULL,
  recorded_at BIGINT NOT NULL,
  state BIGINT NOT NULL,
  attempts BIGINT NOT NULL,
  next_attempt BIGINT NOT NULL,
  last_attempt BIGINT,
  http_status BIGINT NOT NULL,
  error {text} NOT NULL,
  ended_at BIGINT,
  PRIMARY KEY (company_id, event_no, endpoint_id)
) {clustered} {hot_update_storage};

-- Pending deliveries are polled every second, while ended ones are kept for days.
CREATE INDEX webhook_delivery_due ON webhook_delivery (endpoint_id, next_attempt, company_id, event_no) WHERE state = 0;
CREATE INDEX webhook_delivery_ended ON webhook_delivery (ended_at, company_id, event_no) WHERE state > 0;
CREATE INDEX webhook_delivery_dead ON webhook_delivery (recorded_at, company_id, event_no) WHERE state = 2;
CREATE INDEX webhook_delivery_recorded ON webhook_delivery (recorded_at, company_id, event_no);

-- Usage that was not charged since the last event about it, by model and reason.
CREATE TABLE webhook_tally (
  company_id BIGINT NOT NULL,
  event_type {text} NOT NULL,
  model_id {text} NOT NULL,
  reason {text} NOT NULL,
  records BIGINT NOT NULL,
  first_at BIGINT NOT NULL,
  PRIMARY KEY (company_id, event_type, model_id, reason)
) {clustered} {hot_update_storage};

-- The balance below which a company's balance is low, in 10^-8 currency units.
CREATE TABLE low_balance (
  company_id BIGINT NOT NULL PRIMARY KEY,
  amount BIGINT NOT NULL
) {clustered};
