-- Takes out of a database of schema version 3 what migration 0003 made.
DROP TABLE price;
DROP TABLE discount;
DROP TABLE operator_key;
DROP TABLE due_hour;
DROP TABLE usage_hour;
DROP TABLE usage_record;
DROP TABLE usage_aside;
DROP TABLE open_hour;
DROP TABLE open_usage;
DROP TABLE usage_order;
DROP TABLE account;
DROP TABLE account_grant;
DROP TABLE ledger;
DROP TABLE deposit;
DROP TABLE settlement;
DROP TABLE revocation;
