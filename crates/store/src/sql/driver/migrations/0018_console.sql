-- Who signs in at the console. company_id: 0 for the operator's own people. organization_ids: numbers with a space between
-- them; empty: the whole company. password: a PHC string of argon2id; empty: none is set, and only a link opens the console.
CREATE TABLE console_user (
  user_id BIGINT NOT NULL PRIMARY KEY,
  email {text} NOT NULL,
  company_id BIGINT NOT NULL,
  organization_ids {text} NOT NULL,
  role {text} NOT NULL,
  password {text} NOT NULL,
  disabled BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  UNIQUE (email)
) {clustered};

-- One-time links. digest: SHA-256 of the token in the link. needs_password: 0 for the link of a demo. A link that was used is
-- deleted.
CREATE TABLE console_invitation (
  digest {blob} NOT NULL PRIMARY KEY,
  user_id BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  needs_password BIGINT NOT NULL
) {clustered};

-- Signed-in browsers. digest: SHA-256 of the token in the cookie. form_no counts the forms that may be sent once.
CREATE TABLE console_session (
  digest {blob} NOT NULL PRIMARY KEY,
  user_id BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  seen_at BIGINT NOT NULL,
  address {text} NOT NULL,
  agent {text} NOT NULL,
  form_no BIGINT NOT NULL
) {clustered} {hot_update_storage};

CREATE INDEX console_session_user ON console_session (user_id, created_at);
