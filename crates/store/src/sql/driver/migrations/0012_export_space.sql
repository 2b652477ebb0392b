-- How many bytes of exports are kept, so that there can be a bound on them.

-- Records without a size are dropped: the files stay until they are old enough, and are built again if they are wanted.
DELETE FROM export_file;

-- bytes: size of the file in the object store.
ALTER TABLE export_file ADD COLUMN bytes BIGINT NOT NULL DEFAULT 0;
CREATE INDEX export_file_of_company ON export_file (company_id, stored_at, digest);

-- The sum of bytes of a company's rows in export_file. The row is locked before those are changed.
CREATE TABLE export_space (
  company_id BIGINT NOT NULL,
  bytes BIGINT NOT NULL,
  PRIMARY KEY (company_id)
) {clustered} {hot_update_storage};
