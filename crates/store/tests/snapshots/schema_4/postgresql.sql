--
-- PostgreSQL database dump
--


-- Dumped from database version 15.20 (Debian 15.20-0+deb12u1)
-- Dumped by pg_dump version 15.20 (Debian 15.20-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: account; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.account (
    company_id bigint NOT NULL,
    star_card bigint NOT NULL,
    coupon bigint NOT NULL,
    bonus bigint NOT NULL,
    cash bigint NOT NULL,
    credit bigint NOT NULL,
    credit_limit bigint NOT NULL,
    entries bigint NOT NULL,
    grants bigint NOT NULL,
    numbers bigint NOT NULL,
    arrears_day bigint NOT NULL,
    pruned bytea NOT NULL
)
WITH (fillfactor='50', autovacuum_vacuum_scale_factor='0.05', autovacuum_vacuum_threshold='500');


--
-- Name: account_grant; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.account_grant (
    company_id bigint NOT NULL,
    grant_id bigint NOT NULL,
    kind bigint NOT NULL,
    granted bigint NOT NULL,
    remaining bigint NOT NULL,
    expires bigint,
    products text NOT NULL COLLATE pg_catalog."C",
    models text NOT NULL COLLATE pg_catalog."C"
);


--
-- Name: api_key; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.api_key (
    public_key text NOT NULL COLLATE pg_catalog."C",
    company_id bigint NOT NULL,
    sealed_private_key bytea NOT NULL,
    organization_ids text NOT NULL COLLATE pg_catalog."C",
    allowed_networks text NOT NULL COLLATE pg_catalog."C",
    rate_limit_per_s bigint,
    disabled bigint NOT NULL
);


--
-- Name: company; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.company (
    company_id bigint NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    currency text NOT NULL COLLATE pg_catalog."C",
    brand text NOT NULL COLLATE pg_catalog."C"
);


--
-- Name: company_state; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.company_state (
    company_id bigint NOT NULL,
    line_count bigint NOT NULL,
    order_count bigint NOT NULL,
    tiled bigint NOT NULL,
    pruned_before bigint DEFAULT 0 NOT NULL,
    orders_version bigint DEFAULT 0 NOT NULL
)
WITH (fillfactor='50', autovacuum_vacuum_scale_factor='0.05', autovacuum_vacuum_threshold='500');


--
-- Name: deposit; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.deposit (
    company_id bigint NOT NULL,
    deposit_key text NOT NULL COLLATE pg_catalog."C",
    kind bigint NOT NULL,
    amount bigint NOT NULL,
    expires bigint,
    products text NOT NULL COLLATE pg_catalog."C",
    models text NOT NULL COLLATE pg_catalog."C",
    first_entry bigint NOT NULL,
    entries bigint NOT NULL
);


--
-- Name: discount; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.discount (
    company_id bigint NOT NULL,
    model_id text NOT NULL COLLATE pg_catalog."C",
    sku text NOT NULL COLLATE pg_catalog."C",
    factor bigint NOT NULL
);


--
-- Name: due_hour; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.due_hour (
    company_id bigint NOT NULL,
    bucket_start bigint NOT NULL,
    bucket_end bigint NOT NULL,
    due bigint NOT NULL,
    held_by text NOT NULL COLLATE pg_catalog."C",
    held_until bigint NOT NULL
)
WITH (fillfactor='50', autovacuum_vacuum_scale_factor='0.05', autovacuum_vacuum_threshold='500');


--
-- Name: export_file; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.export_file (
    company_id bigint NOT NULL,
    digest bytea NOT NULL,
    stored_at bigint NOT NULL,
    file text NOT NULL COLLATE pg_catalog."C"
)
WITH (fillfactor='50', autovacuum_vacuum_scale_factor='0.05', autovacuum_vacuum_threshold='500');


--
-- Name: export_job; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.export_job (
    company_id bigint NOT NULL,
    job_id text NOT NULL COLLATE pg_catalog."C",
    public_key text NOT NULL COLLATE pg_catalog."C",
    made_at bigint NOT NULL,
    request text NOT NULL COLLATE pg_catalog."C",
    state bigint NOT NULL,
    holder text NOT NULL COLLATE pg_catalog."C",
    held_until bigint NOT NULL,
    rows_done bigint NOT NULL,
    rows_total bigint NOT NULL,
    outcome text NOT NULL COLLATE pg_catalog."C",
    ended_at bigint,
    attempts bigint NOT NULL
)
WITH (fillfactor='50', autovacuum_vacuum_scale_factor='0.05', autovacuum_vacuum_threshold='500');


--
-- Name: ledger; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.ledger (
    company_id bigint NOT NULL,
    entry_no bigint NOT NULL,
    "time" bigint NOT NULL,
    kind bigint NOT NULL,
    grant_id bigint NOT NULL,
    cause bigint NOT NULL,
    amount bigint NOT NULL,
    balance bigint NOT NULL,
    reference text NOT NULL COLLATE pg_catalog."C"
)
WITH (autovacuum_vacuum_insert_scale_factor='0.02', autovacuum_vacuum_scale_factor='0.02', autovacuum_analyze_scale_factor='0.02');


--
-- Name: line; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.line (
    company_id bigint NOT NULL,
    line_no bigint NOT NULL,
    line_key bytea NOT NULL,
    organization_id bigint NOT NULL,
    user_email text NOT NULL COLLATE pg_catalog."C",
    resource_id text NOT NULL COLLATE pg_catalog."C",
    resource_type bigint NOT NULL,
    model_id text NOT NULL COLLATE pg_catalog."C",
    model_name text NOT NULL COLLATE pg_catalog."C",
    pricing_sku text NOT NULL COLLATE pg_catalog."C",
    pricing_item_id bigint NOT NULL,
    pricing_unit bigint NOT NULL,
    product_code text NOT NULL COLLATE pg_catalog."C",
    region text NOT NULL COLLATE pg_catalog."C",
    charge_type bigint NOT NULL,
    order_type bigint NOT NULL,
    channel bigint NOT NULL,
    currency text NOT NULL COLLATE pg_catalog."C",
    list_price bigint NOT NULL,
    discount_price bigint NOT NULL
);


--
-- Name: open_hour; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.open_hour (
    company_id bigint NOT NULL,
    bucket_start bigint NOT NULL,
    bucket_end bigint NOT NULL,
    amount bytea NOT NULL
)
WITH (fillfactor='50', autovacuum_vacuum_scale_factor='0.05', autovacuum_vacuum_threshold='500');


--
-- Name: open_usage; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.open_usage (
    company_id bigint NOT NULL,
    bucket_start bigint NOT NULL,
    line_no bigint NOT NULL,
    quantity bigint NOT NULL,
    records bigint NOT NULL
)
WITH (fillfactor='50', autovacuum_vacuum_scale_factor='0.05', autovacuum_vacuum_threshold='500');


--
-- Name: operator_key; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.operator_key (
    digest bytea NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    created bigint NOT NULL,
    disabled bigint NOT NULL
);


--
-- Name: order_number; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.order_number (
    company_id bigint NOT NULL,
    number text NOT NULL COLLATE pg_catalog."C",
    other_no text NOT NULL COLLATE pg_catalog."C",
    start_time bigint NOT NULL
)
WITH (autovacuum_vacuum_insert_scale_factor='0.02', autovacuum_vacuum_scale_factor='0.02', autovacuum_analyze_scale_factor='0.02');


--
-- Name: orders; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.orders (
    company_id bigint NOT NULL,
    status bigint NOT NULL,
    start_time bigint NOT NULL,
    order_no text NOT NULL COLLATE pg_catalog."C",
    line_no bigint NOT NULL,
    end_time bigint NOT NULL,
    quantity bigint NOT NULL,
    total bigint NOT NULL,
    original bigint NOT NULL,
    star_card bigint NOT NULL,
    coupon bigint NOT NULL,
    bonus bigint NOT NULL,
    cash bigint NOT NULL,
    credit bigint NOT NULL,
    counterpart_no text NOT NULL COLLATE pg_catalog."C",
    create_time bigint,
    paid_time bigint,
    revocation_time bigint
)
WITH (autovacuum_vacuum_insert_scale_factor='0.02', autovacuum_vacuum_scale_factor='0.02', autovacuum_analyze_scale_factor='0.02');


--
-- Name: organization; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.organization (
    company_id bigint NOT NULL,
    organization_id bigint NOT NULL,
    project_id text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C"
);


--
-- Name: price; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.price (
    price_id bigint NOT NULL,
    provider text NOT NULL COLLATE pg_catalog."C",
    provider_models text NOT NULL COLLATE pg_catalog."C",
    model_id text NOT NULL COLLATE pg_catalog."C",
    model_name text NOT NULL COLLATE pg_catalog."C",
    models text NOT NULL COLLATE pg_catalog."C",
    sku text NOT NULL COLLATE pg_catalog."C",
    pricing_unit bigint NOT NULL,
    item_id bigint NOT NULL,
    currency text NOT NULL COLLATE pg_catalog."C",
    list_price bigint NOT NULL,
    valid_from bigint NOT NULL,
    valid_until bigint,
    longer_than bigint,
    day_from bigint,
    day_until bigint,
    is_fallback bigint NOT NULL
);


--
-- Name: request_rate; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.request_rate (
    company_id bigint NOT NULL,
    public_key text NOT NULL COLLATE pg_catalog."C",
    second bigint NOT NULL,
    requests bigint NOT NULL
)
WITH (fillfactor='50', autovacuum_vacuum_scale_factor='0.05', autovacuum_vacuum_threshold='500');


--
-- Name: revocation; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.revocation (
    company_id bigint NOT NULL,
    source_no text NOT NULL COLLATE pg_catalog."C",
    "time" bigint NOT NULL,
    reason text NOT NULL COLLATE pg_catalog."C"
);


--
-- Name: rollup; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.rollup (
    company_id bigint NOT NULL,
    status bigint NOT NULL,
    unit bigint NOT NULL,
    period bigint NOT NULL,
    orders bigint NOT NULL,
    sums bytea NOT NULL
)
WITH (fillfactor='50', autovacuum_vacuum_scale_factor='0.05', autovacuum_vacuum_threshold='500');
ALTER TABLE ONLY public.rollup ALTER COLUMN sums SET STORAGE EXTERNAL;


--
-- Name: schema_version; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.schema_version (
    version bigint NOT NULL
);


--
-- Name: setting; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.setting (
    name text NOT NULL COLLATE pg_catalog."C",
    value text NOT NULL COLLATE pg_catalog."C"
);


--
-- Name: settlement; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.settlement (
    company_id bigint NOT NULL,
    source_no text NOT NULL COLLATE pg_catalog."C",
    first_entry bigint NOT NULL,
    entries bigint NOT NULL
)
WITH (autovacuum_vacuum_insert_scale_factor='0.02', autovacuum_vacuum_scale_factor='0.02', autovacuum_analyze_scale_factor='0.02');


--
-- Name: tile_count; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.tile_count (
    company_id bigint NOT NULL,
    status bigint NOT NULL,
    unit bigint NOT NULL,
    chunk bigint NOT NULL,
    period bigint NOT NULL,
    counts bytea NOT NULL
)
WITH (fillfactor='50', autovacuum_vacuum_scale_factor='0.05', autovacuum_vacuum_threshold='500');
ALTER TABLE ONLY public.tile_count ALTER COLUMN counts SET STORAGE EXTERNAL;


--
-- Name: tile_sum; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.tile_sum (
    company_id bigint NOT NULL,
    status bigint NOT NULL,
    unit bigint NOT NULL,
    chunk bigint NOT NULL,
    period bigint NOT NULL,
    sums bytea NOT NULL
)
WITH (fillfactor='50', autovacuum_vacuum_scale_factor='0.05', autovacuum_vacuum_threshold='500');
ALTER TABLE ONLY public.tile_sum ALTER COLUMN sums SET STORAGE EXTERNAL;


--
-- Name: usage_aside; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.usage_aside (
    company_id bigint NOT NULL,
    fate bigint NOT NULL,
    hour bigint NOT NULL,
    source text NOT NULL COLLATE pg_catalog."C",
    id text NOT NULL COLLATE pg_catalog."C",
    "time" bigint NOT NULL,
    organization_id bigint NOT NULL,
    resource_id text NOT NULL COLLATE pg_catalog."C",
    resource_type bigint NOT NULL,
    user_email text NOT NULL COLLATE pg_catalog."C",
    provider text NOT NULL COLLATE pg_catalog."C",
    model_id text NOT NULL COLLATE pg_catalog."C",
    product_code text NOT NULL COLLATE pg_catalog."C",
    region text NOT NULL COLLATE pg_catalog."C",
    quantities bytea NOT NULL,
    reason text NOT NULL COLLATE pg_catalog."C"
);


--
-- Name: usage_hour; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.usage_hour (
    company_id bigint NOT NULL,
    hour bigint NOT NULL,
    records bigint NOT NULL,
    written bigint NOT NULL,
    gone bigint NOT NULL
)
WITH (fillfactor='50', autovacuum_vacuum_scale_factor='0.05', autovacuum_vacuum_threshold='500');


--
-- Name: usage_order; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.usage_order (
    company_id bigint NOT NULL,
    bucket_start bigint NOT NULL,
    line_no bigint NOT NULL,
    place bigint NOT NULL,
    order_no text NOT NULL COLLATE pg_catalog."C",
    quantity bigint NOT NULL,
    records bigint NOT NULL
)
WITH (autovacuum_vacuum_insert_scale_factor='0.02', autovacuum_vacuum_scale_factor='0.02', autovacuum_analyze_scale_factor='0.02');


--
-- Name: usage_record; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.usage_record (
    company_id bigint NOT NULL,
    hour bigint NOT NULL,
    source text NOT NULL COLLATE pg_catalog."C",
    id text NOT NULL COLLATE pg_catalog."C",
    digest bytea NOT NULL,
    fate bigint NOT NULL,
    bucket_start bigint NOT NULL,
    charges bytea NOT NULL
)
WITH (autovacuum_vacuum_insert_scale_factor='0.02', autovacuum_vacuum_scale_factor='0.02', autovacuum_analyze_scale_factor='0.02');


--
-- Data for Name: account; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.account VALUES (1, 0, 0, 0, 152800000, 0, 200000000, 9, 1, 10, 0, '\x');


--
-- Data for Name: account_grant; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.account_grant VALUES (1, 1, 2, 100000000, 0, 1798761600, '', '');


--
-- Data for Name: api_key; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.api_key VALUES ('clXwVc1vfjYbkjKpw8g1fhsyUa3OIalSxtqKP8YC', 1, '\x01ecf75a74f9fdd5abbd856c8e6c40bae21e788a630825ff1f5af8bae394129fcb5564b5467bfda61f107a03d57733442f1dd75b9f7a32b3018fe51c8ac3536a52c38940d6', '', '', 5, 0);


--
-- Data for Name: company; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.company VALUES (1, 'Acme', 'USD', 'default');


--
-- Data for Name: company_state; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.company_state VALUES (1, 2, 8, 0, 0, 4);


--
-- Data for Name: deposit; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.deposit VALUES (1, 'c1', 2, 100000000, 1798761600, '', '', 0, 1);
INSERT INTO public.deposit VALUES (1, 'd1', 4, 600000000, NULL, '', '', 1, 1);


--
-- Data for Name: discount; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.discount VALUES (1, '', '', 900000000000);


--
-- Data for Name: due_hour; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.due_hour VALUES (1, 1795924800, 1795928400, 1795928460, '', 0);


--
-- Data for Name: export_file; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: export_job; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: ledger; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.ledger VALUES (1, 0, 1795927666, 2, 1, 1, 100000000, 100000000, 'c1');
INSERT INTO public.ledger VALUES (1, 1, 1795927666, 4, 0, 1, 600000000, 600000000, 'd1');
INSERT INTO public.ledger VALUES (1, 2, 1795927666, 2, 1, 2, -100000000, 0, 'O20261001001df60000000001');
INSERT INTO public.ledger VALUES (1, 3, 1795927666, 4, 0, 2, -80000000, 520000000, 'O20261001001df60000000001');
INSERT INTO public.ledger VALUES (1, 4, 1795927666, 4, 0, 2, -1800000, 518200000, 'O20261001001df60000000002');
INSERT INTO public.ledger VALUES (1, 5, 1795927666, 4, 0, 2, -360000000, 158200000, 'O20261001011df60000000003');
INSERT INTO public.ledger VALUES (1, 6, 1795927666, 4, 0, 2, -1800000, 156400000, 'O20261001011df60000000004');
INSERT INTO public.ledger VALUES (1, 7, 1795927666, 4, 0, 2, -1800000, 154600000, 'O20261001021df60000000007');
INSERT INTO public.ledger VALUES (1, 8, 1795927666, 4, 0, 2, -1800000, 152800000, 'O20261001031df60000000010');


--
-- Data for Name: line; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.line VALUES (1, 0, '\x7c7cd443955a21ad59ae4907b4e49d9cb69037de33e5e401e2f3853fee89b7ea', 1, '', 'k', 0, 'm', 'm', 'input', 0, 2, 'modelverse', 'cn', 5, 301, 1, 'USD', 2000000000, 1800000000);
INSERT INTO public.line VALUES (1, 1, '\x9d3207f0a3518d4e5e58a83b41383c0adfeb04504c392da02e343f5c9dc34689', 1, '', 'k', 0, 'm', 'm', 'output', 0, 2, 'modelverse', 'cn', 5, 301, 1, 'USD', 4000000000, 3600000000);


--
-- Data for Name: open_hour; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.open_hour VALUES (1, 1795924800, 1795928400, '\x905f0100000000000000000000000000');


--
-- Data for Name: open_usage; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.open_usage VALUES (1, 1795924800, 0, 500, 1);


--
-- Data for Name: operator_key; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.operator_key VALUES ('\x6bc15c242d63b1662cb1377690a9f03d01cce954cd0a7691e14a75230cf95864', 'gw', 1795927665, 0);


--
-- Data for Name: order_number; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.order_number VALUES (1, 'O20261001001df60000000001', '', 1790812800);
INSERT INTO public.order_number VALUES (1, 'O20261001001df60000000002', '', 1790812800);
INSERT INTO public.order_number VALUES (1, 'O20261001011df60000000003', '', 1790816400);
INSERT INTO public.order_number VALUES (1, 'O20261001011df60000000004', '', 1790816400);
INSERT INTO public.order_number VALUES (1, 'O20261001021df60000000005', 'U20261129041df60000000006', 1790820000);
INSERT INTO public.order_number VALUES (1, 'O20261001021df60000000007', '', 1790820000);
INSERT INTO public.order_number VALUES (1, 'O20261001031df60000000008', 'U20261129041df60000000009', 1790823600);
INSERT INTO public.order_number VALUES (1, 'O20261001031df60000000010', '', 1790823600);
INSERT INTO public.order_number VALUES (1, 'U20261129041df60000000006', 'O20261001021df60000000005', 1790820000);
INSERT INTO public.order_number VALUES (1, 'U20261129041df60000000009', 'O20261001031df60000000008', 1790823600);


--
-- Data for Name: orders; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.orders VALUES (1, 1, 1790820000, 'U20261129041df60000000006', 0, 1790823600, 3000000, 540000000, 600000000, 0, 0, 0, 0, 0, 'O20261001021df60000000005', 1795927666, NULL, NULL);
INSERT INTO public.orders VALUES (1, 1, 1790823600, 'U20261129041df60000000009', 0, 1790827200, 4000000, 720000000, 800000000, 0, 0, 0, 0, 0, 'O20261001031df60000000008', 1795927666, NULL, NULL);
INSERT INTO public.orders VALUES (1, 2, 1790812800, 'O20261001001df60000000001', 0, 1790816400, 1000000, 180000000, 200000000, 0, 100000000, 0, 80000000, 0, '', NULL, 1795927666, NULL);
INSERT INTO public.orders VALUES (1, 2, 1790812800, 'O20261001001df60000000002', 1, 1790816400, 5000, 1800000, 2000000, 0, 0, 0, 1800000, 0, '', NULL, 1795927666, NULL);
INSERT INTO public.orders VALUES (1, 2, 1790816400, 'O20261001011df60000000003', 0, 1790820000, 2000000, 360000000, 400000000, 0, 0, 0, 360000000, 0, '', NULL, 1795927666, NULL);
INSERT INTO public.orders VALUES (1, 2, 1790816400, 'O20261001011df60000000004', 1, 1790820000, 5000, 1800000, 2000000, 0, 0, 0, 1800000, 0, '', NULL, 1795927666, NULL);
INSERT INTO public.orders VALUES (1, 2, 1790820000, 'O20261001021df60000000007', 1, 1790823600, 5000, 1800000, 2000000, 0, 0, 0, 1800000, 0, '', NULL, 1795927666, NULL);
INSERT INTO public.orders VALUES (1, 2, 1790823600, 'O20261001031df60000000010', 1, 1790827200, 5000, 1800000, 2000000, 0, 0, 0, 1800000, 0, '', NULL, 1795927666, NULL);


--
-- Data for Name: organization; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.organization VALUES (1, 1, 'org-yaeska0f', 'Research');


--
-- Data for Name: price; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.price VALUES (1, '', '', 'm', 'm', '=1:m', 'input', 2, 0, 'USD', 2000000000, 0, NULL, NULL, NULL, NULL, 0);
INSERT INTO public.price VALUES (2, '', '', 'm', 'm', '=1:m', 'output', 2, 0, 'USD', 4000000000, 0, NULL, NULL, NULL, NULL, 0);
INSERT INTO public.price VALUES (3, '', '', 'free', 'free', '=4:free', 'input', 2, 0, 'USD', 0, 0, NULL, NULL, NULL, NULL, 0);


--
-- Data for Name: request_rate; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: revocation; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: rollup; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.rollup VALUES (1, 1, 1, 20727, 2, '\x010004c0cf6a000400131a4b04004e72530000000000');
INSERT INTO public.rollup VALUES (1, 1, 2, 24321, 2, '\x010004c0cf6a000400131a4b04004e72530000000000');
INSERT INTO public.rollup VALUES (1, 2, 1, 20727, 6, '\x010004e0142e0004009c9d200400583d24000400e1f505000400bba71a00');
INSERT INTO public.rollup VALUES (1, 2, 2, 24321, 6, '\x010004e0142e0004009c9d200400583d24000400e1f505000400bba71a00');


--
-- Data for Name: schema_version; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.schema_version VALUES (1);
INSERT INTO public.schema_version VALUES (2);
INSERT INTO public.schema_version VALUES (3);
INSERT INTO public.schema_version VALUES (4);


--
-- Data for Name: setting; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.setting VALUES ('hold copy', '');
INSERT INTO public.setting VALUES ('hour offsets', '-9223372036854775808 28800');
INSERT INTO public.setting VALUES ('master_key_fingerprint', '7a8cd148f5dd9ce4a3320db5d4eb11c5');
INSERT INTO public.setting VALUES ('order token', '1df6');
INSERT INTO public.setting VALUES ('price version', '2');
INSERT INTO public.setting VALUES ('repriced version', '1');


--
-- Data for Name: settlement; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.settlement VALUES (1, 'O20261001001df60000000001', 2, 2);
INSERT INTO public.settlement VALUES (1, 'O20261001001df60000000002', 4, 1);
INSERT INTO public.settlement VALUES (1, 'O20261001011df60000000003', 5, 1);
INSERT INTO public.settlement VALUES (1, 'O20261001011df60000000004', 6, 1);
INSERT INTO public.settlement VALUES (1, 'O20261001021df60000000007', 7, 1);
INSERT INTO public.settlement VALUES (1, 'O20261001031df60000000010', 8, 1);


--
-- Data for Name: tile_count; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: tile_sum; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: usage_aside; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.usage_aside VALUES (1, 2, 497449, 's', 'f', 1790816400, 1, 'k', 0, '', '', 'free', 'modelverse', 'cn', '\x05696e7075740a', '');
INSERT INTO public.usage_aside VALUES (1, 3, 497449, 's', 'u', 1790816400, 1, 'k', 0, '', '', 'unknown', 'modelverse', 'cn', '\x05696e7075740a', 'model "unknown" has no price in USD');


--
-- Data for Name: usage_hour; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.usage_hour VALUES (1, 497448, 1, 1795927666, 0);
INSERT INTO public.usage_hour VALUES (1, 497449, 3, 1795927666, 0);
INSERT INTO public.usage_hour VALUES (1, 497450, 1, 1795927666, 0);
INSERT INTO public.usage_hour VALUES (1, 497451, 1, 1795927666, 0);
INSERT INTO public.usage_hour VALUES (1, 498868, 1, 1795927687, 0);


--
-- Data for Name: usage_order; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.usage_order VALUES (1, 1790812800, 0, 0, 'O20261001001df60000000001', 1000000, 1);
INSERT INTO public.usage_order VALUES (1, 1790812800, 1, 0, 'O20261001001df60000000002', 5000, 1);
INSERT INTO public.usage_order VALUES (1, 1790816400, 0, 0, 'O20261001011df60000000003', 2000000, 1);
INSERT INTO public.usage_order VALUES (1, 1790816400, 1, 0, 'O20261001011df60000000004', 5000, 1);
INSERT INTO public.usage_order VALUES (1, 1790820000, 0, 0, 'O20261001021df60000000005', 3000000, 1);
INSERT INTO public.usage_order VALUES (1, 1790820000, 1, 0, 'O20261001021df60000000007', 5000, 1);
INSERT INTO public.usage_order VALUES (1, 1790823600, 0, 0, 'O20261001031df60000000008', 4000000, 1);
INSERT INTO public.usage_order VALUES (1, 1790823600, 1, 0, 'O20261001031df60000000010', 5000, 1);


--
-- Data for Name: usage_record; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.usage_record VALUES (1, 497448, 's', 'a0', '\x229afccbf9f8113d8d599fdbd5d007b4', 1, 1790812800, '\x00c0843d018827');
INSERT INTO public.usage_record VALUES (1, 497449, 's', 'a1', '\xf47f676cd1c53f29a52e54f78045994f', 1, 1790816400, '\x0080897a018827');
INSERT INTO public.usage_record VALUES (1, 497449, 's', 'f', '\xb42cc59143c399c5b1869f70624e4b7b', 2, 1790816400, '\x');
INSERT INTO public.usage_record VALUES (1, 497449, 's', 'u', '\xe4c65215b73304803ef8e27c0d70f36e', 3, 1790816400, '\x');
INSERT INTO public.usage_record VALUES (1, 497450, 's', 'a2', '\x6589fc351ca16377788d16447fca37a4', 1, 1790820000, '\x00c08db701018827');
INSERT INTO public.usage_record VALUES (1, 497451, 's', 'a3', '\x4851a9c0a48a801629af0b823b2a4aa0', 1, 1790823600, '\x008092f401018827');
INSERT INTO public.usage_record VALUES (1, 498868, 's', 'open', '\x45a6c27577d4767472a6a4d1453c00e8', 1, 1795924800, '\x00f403');


--
-- Name: account_grant account_grant_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.account_grant
    ADD CONSTRAINT account_grant_pkey PRIMARY KEY (company_id, grant_id);


--
-- Name: account account_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.account
    ADD CONSTRAINT account_pkey PRIMARY KEY (company_id);


--
-- Name: api_key api_key_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.api_key
    ADD CONSTRAINT api_key_pkey PRIMARY KEY (public_key);


--
-- Name: company company_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.company
    ADD CONSTRAINT company_pkey PRIMARY KEY (company_id);


--
-- Name: company_state company_state_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.company_state
    ADD CONSTRAINT company_state_pkey PRIMARY KEY (company_id);


--
-- Name: deposit deposit_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.deposit
    ADD CONSTRAINT deposit_pkey PRIMARY KEY (company_id, deposit_key);


--
-- Name: discount discount_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.discount
    ADD CONSTRAINT discount_pkey PRIMARY KEY (company_id, model_id, sku);


--
-- Name: due_hour due_hour_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.due_hour
    ADD CONSTRAINT due_hour_pkey PRIMARY KEY (company_id, bucket_start);


--
-- Name: export_file export_file_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.export_file
    ADD CONSTRAINT export_file_pkey PRIMARY KEY (company_id, digest);


--
-- Name: export_job export_job_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.export_job
    ADD CONSTRAINT export_job_pkey PRIMARY KEY (company_id, job_id);


--
-- Name: ledger ledger_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.ledger
    ADD CONSTRAINT ledger_pkey PRIMARY KEY (company_id, entry_no);


--
-- Name: line line_company_id_line_key_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.line
    ADD CONSTRAINT line_company_id_line_key_key UNIQUE (company_id, line_key);


--
-- Name: line line_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.line
    ADD CONSTRAINT line_pkey PRIMARY KEY (company_id, line_no);


--
-- Name: open_hour open_hour_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.open_hour
    ADD CONSTRAINT open_hour_pkey PRIMARY KEY (company_id, bucket_start);


--
-- Name: open_usage open_usage_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.open_usage
    ADD CONSTRAINT open_usage_pkey PRIMARY KEY (company_id, bucket_start, line_no);


--
-- Name: operator_key operator_key_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.operator_key
    ADD CONSTRAINT operator_key_pkey PRIMARY KEY (digest);


--
-- Name: order_number order_number_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.order_number
    ADD CONSTRAINT order_number_pkey PRIMARY KEY (company_id, number);


--
-- Name: orders orders_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.orders
    ADD CONSTRAINT orders_pkey PRIMARY KEY (company_id, status, start_time, order_no);


--
-- Name: organization organization_company_id_project_id_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.organization
    ADD CONSTRAINT organization_company_id_project_id_key UNIQUE (company_id, project_id);


--
-- Name: organization organization_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.organization
    ADD CONSTRAINT organization_pkey PRIMARY KEY (company_id, organization_id);


--
-- Name: price price_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.price
    ADD CONSTRAINT price_pkey PRIMARY KEY (price_id);


--
-- Name: request_rate request_rate_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.request_rate
    ADD CONSTRAINT request_rate_pkey PRIMARY KEY (company_id, public_key);


--
-- Name: revocation revocation_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.revocation
    ADD CONSTRAINT revocation_pkey PRIMARY KEY (company_id, source_no);


--
-- Name: rollup rollup_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.rollup
    ADD CONSTRAINT rollup_pkey PRIMARY KEY (company_id, status, unit, period);


--
-- Name: schema_version schema_version_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.schema_version
    ADD CONSTRAINT schema_version_pkey PRIMARY KEY (version);


--
-- Name: setting setting_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.setting
    ADD CONSTRAINT setting_pkey PRIMARY KEY (name);


--
-- Name: settlement settlement_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.settlement
    ADD CONSTRAINT settlement_pkey PRIMARY KEY (company_id, source_no);


--
-- Name: tile_count tile_count_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tile_count
    ADD CONSTRAINT tile_count_pkey PRIMARY KEY (company_id, status, unit, chunk, period);


--
-- Name: tile_sum tile_sum_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tile_sum
    ADD CONSTRAINT tile_sum_pkey PRIMARY KEY (company_id, status, unit, chunk, period);


--
-- Name: usage_aside usage_aside_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.usage_aside
    ADD CONSTRAINT usage_aside_pkey PRIMARY KEY (company_id, fate, hour, source, id);


--
-- Name: usage_hour usage_hour_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.usage_hour
    ADD CONSTRAINT usage_hour_pkey PRIMARY KEY (company_id, hour);


--
-- Name: usage_order usage_order_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.usage_order
    ADD CONSTRAINT usage_order_pkey PRIMARY KEY (company_id, bucket_start, line_no, place);


--
-- Name: usage_record usage_record_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.usage_record
    ADD CONSTRAINT usage_record_pkey PRIMARY KEY (company_id, hour, source, id);


--
-- Name: account_grant_left; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX account_grant_left ON public.account_grant USING btree (company_id, grant_id) WHERE (remaining > 0);


--
-- Name: export_file_stored; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX export_file_stored ON public.export_file USING btree (stored_at, company_id, digest);


--
-- Name: export_job_ended; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX export_job_ended ON public.export_job USING btree (ended_at, company_id, job_id) WHERE (state > 1);


--
-- Name: export_job_open; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX export_job_open ON public.export_job USING btree (made_at, company_id, job_id) WHERE (state < 2);


--
-- PostgreSQL database dump complete
--


