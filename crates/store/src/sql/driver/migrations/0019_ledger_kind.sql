-- The balance of an account at any entry is that after its last entry before: statements of old months read it here, and not
-- all that happened since.
CREATE INDEX ledger_kind ON ledger (company_id, kind, entry_no);
