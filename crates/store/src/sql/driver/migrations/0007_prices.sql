-- Price lists with an order, and prices of a service tier.

-- factor is a count of 10^-12; rate is empty or "USD=7.10", the price of one unit of the list's currency.
CREATE TABLE price_list (
  name {text} NOT NULL PRIMARY KEY,
  position BIGINT NOT NULL,
  is_own BIGINT NOT NULL,
  format {text} NOT NULL,
  factor BIGINT NOT NULL,
  rate {text} NOT NULL
) {clustered};

ALTER TABLE price ADD COLUMN list_name {text} NOT NULL DEFAULT 'own';
ALTER TABLE price ADD COLUMN service_tier {text} NOT NULL DEFAULT '';

-- What list a price came from was not stored. genai-prices states providers, US dollars and no items.
UPDATE price SET list_name = 'genai-prices'
  WHERE provider <> '' AND currency = 'USD' AND item_id = 0 AND pricing_unit IN (3, 8);
INSERT INTO price_list (name, position, is_own, format, factor, rate)
  SELECT 'own', 1, 1, 'toml', 1000000000000, '' FROM price WHERE list_name = 'own' GROUP BY list_name;
INSERT INTO price_list (name, position, is_own, format, factor, rate)
  SELECT 'genai-prices', 2, 0, 'genai-prices', 1000000000000, '' FROM price
    WHERE list_name = 'genai-prices' GROUP BY list_name;
