-- Names that orders were billed under, the rule of their amounts, and links between an order and its replacement.

-- amount_rule: 1 exact, 2 rounded up to 0.01, 3 as it was billed elsewhere. line_key of older lines has none of these.
ALTER TABLE line ADD COLUMN organization_name {text} NOT NULL DEFAULT '';
ALTER TABLE line ADD COLUMN resource_name {text} NOT NULL DEFAULT '';
ALTER TABLE line ADD COLUMN amount_rule BIGINT NOT NULL DEFAULT 1;
UPDATE line SET organization_name = coalesce((
  SELECT o.name FROM organization o
  WHERE o.company_id = line.company_id AND o.organization_id = line.organization_id
), '');

-- The other order's number O; null in orders that no correction made or replaced.
ALTER TABLE orders ADD COLUMN replaces_no {text};
ALTER TABLE orders ADD COLUMN replaced_by_no {text};
