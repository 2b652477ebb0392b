-- What a key must sign strictly: "off", "pay" or "all"; empty: what the configuration says.
ALTER TABLE api_key ADD COLUMN strict {text} NOT NULL DEFAULT '';

-- The nonces of strictly signed requests, so that none is answered twice. In the order of time, so that those whose time
-- is out of the window are dropped from one end.
CREATE TABLE request_nonce (
  company_id BIGINT NOT NULL,
  signed_at BIGINT NOT NULL,
  public_key {text} NOT NULL,
  nonce {text} NOT NULL,
  PRIMARY KEY (company_id, signed_at, public_key, nonce)
) {clustered};
