-- Files of finished exports, and export jobs, which run in the background.

-- Rises with every transaction that changes an order of the company; if the number is the same at two times, so are the
-- orders.
ALTER TABLE company_state ADD COLUMN orders_version BIGINT NOT NULL DEFAULT 0;

-- Export files in the object store, by the SHA-256 of their input. file is a text of the exporter.
CREATE TABLE export_file (
  company_id BIGINT NOT NULL,
  digest {blob} NOT NULL,
  stored_at BIGINT NOT NULL,
  file {text} NOT NULL,
  PRIMARY KEY (company_id, digest)
) {clustered} {hot_update_storage};

CREATE INDEX export_file_stored ON export_file (stored_at, company_id, digest);

-- state: 0 waiting, 1 running, 2 done, 3 failed. While a job runs, its holder owns it until held_until; afterwards
-- another server may take it over. request and outcome are texts of the exporter. rows_total is 0 until it is known.
CREATE TABLE export_job (
  company_id BIGINT NOT NULL,
  job_id {text} NOT NULL,
  public_key {text} NOT NULL,
  made_at BIGINT NOT NULL,
  request {text} NOT NULL,
  state BIGINT NOT NULL,
  holder {text} NOT NULL,
  held_until BIGINT NOT NULL,
  rows_done BIGINT NOT NULL,
  rows_total BIGINT NOT NULL,
  outcome {text} NOT NULL,
  ended_at BIGINT,
  attempts BIGINT NOT NULL,
  PRIMARY KEY (company_id, job_id)
) {clustered} {hot_update_storage};

-- Unfinished jobs are polled every second, while ended jobs are kept for days.
CREATE INDEX export_job_open ON export_job (made_at, company_id, job_id) WHERE state < 2;
CREATE INDEX export_job_ended ON export_job (ended_at, company_id, job_id) WHERE state > 1;
