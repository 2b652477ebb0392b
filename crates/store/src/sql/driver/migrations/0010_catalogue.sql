-- Renumbers order types, charge types and pricing units to those of the live service (docs/ORDERS.md, "Catalogue numbers").
-- The texts of prices and quantities, and with them all amounts, keep their values. Two lines may become equal; they stay
-- two lines, which sums add up. line_key stays too: a line with the old numbers is never added again.

-- 301 was post-paid usage and 302 supplementary usage; 5 was the charge type of usage. 9 was 1,000 characters, which is
-- now priced by 10,000.
UPDATE line SET
  charge_type = CASE WHEN charge_type = 5 AND order_type IN (301, 302) THEN 102 ELSE charge_type END,
  order_type = CASE order_type WHEN 301 THEN 102 WHEN 302 THEN 301 ELSE order_type END,
  pricing_unit = CASE pricing_unit WHEN 1 THEN 10 WHEN 2 THEN 11 WHEN 3 THEN 12 WHEN 4 THEN 60 WHEN 5 THEN 20
    WHEN 6 THEN 21 WHEN 7 THEN 22 WHEN 8 THEN 61 WHEN 9 THEN 41 ELSE pricing_unit END,
  list_price = CASE pricing_unit WHEN 9 THEN list_price * 10 ELSE list_price END,
  discount_price = CASE pricing_unit WHEN 9 THEN discount_price * 10 ELSE discount_price END;

UPDATE price SET
  pricing_unit = CASE pricing_unit WHEN 1 THEN 10 WHEN 2 THEN 11 WHEN 3 THEN 12 WHEN 4 THEN 60 WHEN 5 THEN 20
    WHEN 6 THEN 21 WHEN 7 THEN 22 WHEN 8 THEN 61 WHEN 9 THEN 41 ELSE pricing_unit END,
  list_price = CASE pricing_unit WHEN 9 THEN list_price * 10 ELSE list_price END;
