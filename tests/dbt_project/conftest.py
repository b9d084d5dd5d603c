"""A tiny night as dbt sees it: typed rows in schema `lake`, one `dbt build` on them, the file to ask afterwards."""

import warnings
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from data_contracts import (
    TABLES,
    AccountContracts,
    Accounts,
    Actions,
    BillableLines,
    BillingDocumentLines,
    BillingDocuments,
    Companies,
    Contracts,
    CostRows,
    Costs,
    CostShares,
    Currencies,
    ExchangeRates,
    FxRates,
    IssuedDocuments,
    IssuedLines,
    Issues,
    LandedFiles,
    LegalEntities,
    LineItems,
    Meters,
    PostedLineItems,
    PricedUsage,
    PriceTiers,
    PriceVersions,
    Products,
    RejectedRows,
    RepeatedEvents,
    Reversals,
    UsageDays,
    UsageEvents,
    UsageOutcomes,
)
from data_contracts.render import contract_columns
from data_contracts.runs import RUN_TABLES, Run, RunLog
from data_contracts.vocabulary import Table
from tests.tables import rows
from transforms.billable_lines import billable_lines
from transforms.billing_document_lines import billing_document_lines
from transforms.billing_documents import billing_documents

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"

MODEL = '{"model":"gpt-4"}'
BILL = {
    "provider_name": "AWS",
    "billing_account_id": "b-1",
    "billing_period_start": "2026-10-01",
    "billing_period_end": "2026-11-01",
    "charge_category": "Usage",
    "currency": "USD",
}

# a1 pays for itself and for a2; b1 is on the default plan in yen; nobody knows `ghost`. The tariff has three versions,
# the first and the last of which have equal terms.
LAKE: dict[type[Table], pl.LazyFrame] = {
    Run: rows(
        Run,
        """
        run_number | as_of_date | first_delivery_date | last_delivery_date | delivery_count | rule_version
        7          | 2026-11-05 | 2026-10-01          | 2026-11-05         | 36             | 1
        """,
    ),
    RunLog: rows(
        RunLog,
        """
        run_number | as_of_date | status    | started_at          | finished_at         | message
        5          | 2026-11-03 | published | 2026-11-04T02:00:00 | 2026-11-04T02:01:00 | null
        6          | 2026-11-04 | held      | 2026-11-05T02:00:00 | 2026-11-05T02:01:00 | invoice_lines_on_invoices
        """,
    ),
    Accounts: rows(
        Accounts,
        """
        account_id | valid_from | valid_to   | account_name | currency | payer_id | parent_account_id | legal_entity_id | net_terms_days | recorded_on | segment
        a1         | 2026-10-01 | 2026-11-01 | Ant          | USD      | a1       | null              | acme_us         | 30             | 2026-10-01  | small
        a1         | 2026-11-01 | 9999-12-31 | Ant Ltd.     | USD      | a1       | null              | acme_us         | 14             | 2026-11-01  | large
        a2         | 2026-10-01 | 9999-12-31 | Antling      | USD      | a1       | a1                | acme_us         | 90             | 2026-10-01  | small
        b1         | 2026-10-01 | 2026-11-05 | Bee          | JPY      | b1       | null              | acme_us         | 45             | 2026-10-01  | small
        b1         | 2026-11-05 | 2026-12-01 | Bee          | JPY      | b1       | null              | acme_us         | 45             | 2026-11-05  | large
        b1         | 2026-12-01 | 9999-12-31 | Bee SA       | JPY      | b1       | null              | acme_us         | 45             | 2026-11-05  | large
        """,
        time_zone="UTC",
    ),
    Contracts: rows(
        Contracts,
        """
        contract_id | valid_from | valid_to   | account_id | plan_id | currency | starts_on  | ends_on    | has_overrides
        c1          | 2026-10-01 | 9999-12-31 | a1         | gold    | null     | 2026-10-01 | 2027-10-01 | true
        """,
        billing_interval="month",
        billing_anchor="1",
        recorded_on="2026-10-01",
        document="contracts/c1.yaml:1",
    ),
    AccountContracts: rows(
        AccountContracts,
        """
        account_id | contract_id | valid_from | valid_to   | is_default | payer_id | plan_id | currency
        a1         | c1          | 2026-10-01 | 2027-10-01 | false      | a1       | gold    | USD
        a2         | default:a2  | 2026-10-01 | 9999-12-31 | true       | a1       | payg    | USD
        b1         | default:b1  | 2026-10-01 | 9999-12-31 | true       | b1       | payg    | JPY
        """,
        legal_entity_id="acme_us",
        time_zone="UTC",
        rate_set_id="x",
    ),
    Currencies: rows(
        Currencies,
        """
        currency | currency_name | minor_units
        CLF      | UF            | 4
        JPY      | Yen           | 0
        KWD      | Kuwaiti Dinar | 3
        USD      | US Dollar     | 2
        """,
    ),
    Companies: rows(Companies, reporting_currency="USD", fx_max_age_days="5"),
    # The dollar of the last day of September was corrected once.
    FxRates: rows(
        FxRates,
        """
        delivery_date | rate_date  | quote_currency | rate | source_file
        2026-10-01    | 2026-09-30 | USD            | 1.1  | fx_rates/2026-10-01/r.csv
        2026-10-01    | 2026-09-30 | JPY            | 150  | fx_rates/2026-10-01/r.csv
        2026-10-03    | 2026-09-30 | USD            | 1.2  | fx_rates/2026-10-03/r.csv
        """,
        base_currency="EUR",
        rate_type="reference",
    ),
    ExchangeRates: rows(
        ExchangeRates,
        """
        currency | rate_date_for | rate_date  | numerator | denominator
        EUR      | 2026-10-01    | 2026-09-30 | 1.2       | 1
        JPY      | 2026-10-01    | 2026-09-30 | 1.2       | 150
        """,
        target_currency="USD",
        base_currency="EUR",
    ),
    Products: rows(
        Products,
        """
        product_id | product_name | revenue_account | cost_basis
        llm        | LLM API      | 4000            | modelled
        support    | Support      | null            | actual
        """,
    ),
    Meters: rows(
        Meters,
        """
        meter  | unit  | aggregation | value    | dimensions
        tokens | token | sum         | quantity | ["model"]
        """,
    ),
    PriceVersions: rows(
        PriceVersions,
        """
        price_version_id   | currency | price_id | contract_id | effective_from_date | effective_from_at   | superseded_on | superseded_by | reason | terms_id           | model     | unit_amount | kind    | product_id | fee_category
        tariff@T00         | USD      | tariff   | null        | null                | 2026-10-01T00:00:00 | null          | null          | null   | tariff@T00         | per_unit  | 0.001       | revenue | llm | null
        tariff@T01         | USD      | tariff   | null        | null                | 2026-10-01T01:00:00 | null          | null          | null   | tariff@T01         | per_unit  | 0.01        | revenue | llm | Metered
        tariff@T02         | USD      | tariff   | null        | null                | 2026-10-01T02:00:00 | null          | null          | null   | tariff@T00         | per_unit  | 0.001       | revenue | llm | null
        steps@2026-01-01   | USD      | steps    | null        | 2026-01-01          | null                | null          | null          | null   | steps@2026-01-01   | graduated | null        | revenue | support | null
        steps@2026-01-01   | JPY      | steps    | null        | 2026-01-01          | null                | null          | null          | null   | steps@2026-01-01   | graduated | null        | revenue | support | null
        steps@2026-11-01   | USD      | steps    | null        | 2026-11-01          | null                | 2026-11-02    | steps@2026-11-01#1 | null | steps@2026-11-01  | graduated | null       | revenue | support | null
        steps@2026-11-01#1 | USD      | steps    | null        | 2026-11-01          | null                | null          | null          | typo   | steps@2026-11-01#1 | graduated | null        | revenue | support | null
        steps@2026-12-01   | USD      | steps    | null        | 2026-12-01          | null                | null          | null          | null   | steps@2026-12-01   | graduated | null        | revenue | support | null
        c1/steps@2026-10-01 | USD     | steps    | c1          | 2026-10-01          | null                | null          | null          | null   | c1/steps@2026-10-01 | per_unit | 3           | revenue | support | null
        gpu@2026-01-01     | USD      | gpu      | null        | 2026-01-01          | null                | null          | null          | null   | gpu@2026-01-01     | per_unit  | 0.004       | cost    | llm | null
        """,
        meter="tokens",
        rounding="half_up",
        round_at="period",
        recorded_on="2026-10-01",
        quantity_limit="1000000",
        document="book.yaml:3",
    ),
    PriceTiers: rows(
        PriceTiers,
        """
        price_version_id | currency | tier | up_to | unit_amount | flat_amount | lower_bound
        tariff@T00       | USD      | 1    | null  | 0.001       | 0           | -1
        tariff@T01       | USD      | 1    | null  | 0.01        | 0           | -1
        steps@2026-01-01 | USD      | 1    | 100   | 0.00003     | 5           | -1
        steps@2026-01-01 | USD      | 2    | null  | 1000        | 0.5         | 100
        """,
    ),
    UsageEvents: rows(
        UsageEvents,
        """
        delivery_date | event_id | account_id | quantity | source_file                    | source_line | reverses_event_id
        2026-10-01    | e1       | a1         | 100      | usage_events/2026-10-01/o'k.csv | 2     | null
        2026-10-01    | e2       | a1         | 200      | usage_events/2026-10-01/o'k.csv | 3     | null
        2026-10-03    | e3       | a1         | 50       | usage_events/2026-10-03/b.csv  | 2      | null
        2026-10-03    | e4       | ghost      | 7        | usage_events/2026-10-03/b.csv  | 3      | null
        2026-10-03    | e5       | b1         | 10       | usage_events/2026-10-03/b.csv  | 4      | null
        2026-10-03    | e6       | a1         | 30       | usage_events/2026-10-03/b.csv  | 6      | null
        2026-10-03    | r6       | a1         | 0        | usage_events/2026-10-03/b.csv  | 7      | e6
        2026-10-03    | r9       | a1         | 0        | usage_events/2026-10-03/b.csv  | 8      | e9
        """,
        source="",
        meter="tokens",
        occurred_at="2026-10-01T00:00:00",
        dimensions=MODEL,
        account_bucket="1",
    ),
    RepeatedEvents: rows(
        RepeatedEvents,
        """
        delivery_date | source_file                    | source_line | outcome   | event_id | quantity
        2026-10-01    | usage_events/2026-10-01/o'k.csv | 4          | duplicate | e1       | 100
        2026-10-03    | usage_events/2026-10-03/b.csv  | 5           | conflict  | e2       | 1
        """,
        source="",
        account_id="a1",
        meter="tokens",
        occurred_at="2026-10-01T00:00:00",
        dimensions=MODEL,
    ),
    # r6 takes e6 back, r9 waits for an event that nobody has seen.
    Reversals: rows(
        Reversals,
        """
        delivery_date | event_id | reversed_event_id | outcome | rule                   | source_line | reversed_delivery_date | reversed_quantity
        2026-10-03    | r6       | e6                | applied | null                   | 7           | 2026-10-03             | 30
        2026-10-03    | r9       | e9                | waiting | reversed_event_unknown | 8           | null                   | null
        """,
        source="",
        correction="reversal",
        account_id="a1",
        meter="tokens",
        source_file="usage_events/2026-10-03/b.csv",
        landed_on="2026-10-03",
        quantity="0",
    ),
    RejectedRows: rows(
        RejectedRows,
        """
        delivery_date | source_file                     | source_line | dataset      | rule               | quantity
        2026-10-01    | usage_events/2026-10-01/o'k.csv | 5           | usage_events | account_id_missing | 9
        2026-10-03    | usage_events/2026-10-03/c.csv   | 1           | usage_events | header_unknown     | null
        2026-11-04    | costs/2026-11-04/aws.csv        | 6           | costs        | currency_unknown   | 1
        """,
        message="no",
        remedy="fix",
    ),
    Actions: rows(
        Actions,
        """
        delivery_date | action_id | action | target  | source_file                 | requested_at
        2026-11-02    | 1         | close  | 2026-09 | actions/2026-11-02/1.ndjson | 2026-11-02T08:00:00
        """,
        reason="all are out",
        requested_by="ada",
        approved_by="grace",
    ),
    LandedFiles: rows(
        LandedFiles,
        """
        delivery_date | source_file                     | dataset      | status  | landed_rows | accepted_rows | duplicate_rows | conflict_rows | rejected_rows | landed_quantity | accepted_quantity | duplicate_quantity | conflict_quantity | rejected_quantity
        2026-10-01    | accounts/2026-10-01/a.csv       | accounts     | loaded  | 3           | 3             | 0              | 0             | 0             | 0               | 0                 | 0                  | 0                 | 0
        2026-10-01    | usage_events/2026-10-01/o'k.csv | usage_events | loaded  | 4           | 2             | 1              | 0             | 1             | 409             | 300               | 100                | 0                 | 9
        2026-10-03    | usage_events/2026-10-03/b.csv   | usage_events | loaded  | 7           | 6             | 0              | 1             | 0             | 98              | 97                | 0                  | 1                 | 0
        2026-10-01    | fx_rates/2026-10-01/r.csv       | fx_rates     | loaded  | 2           | 2             | 0              | 0             | 0             | 151.1               | 151.1                 | 0                  | 0                 | 0
        2026-10-03    | fx_rates/2026-10-03/r.csv       | fx_rates     | loaded  | 1           | 1             | 0              | 0             | 0             | 1.2               | 1.2                 | 0                  | 0                 | 0
        2026-10-03    | usage_events/2026-10-03/c.csv   | usage_events | refused | 0           | 0             | 0              | 0             | 0             | 0               | 0                 | 0                  | 0                 | 0
        2026-11-02    | actions/2026-11-02/1.ndjson     | actions      | loaded  | 1           | 1             | 0              | 0             | 0             | 0               | 0                 | 0                  | 0                 | 0
        2026-11-02    | costs/2026-11-02/aws.csv        | costs        | loaded  | 1           | 1             | 0              | 0             | 0             | 9               | 9                 | 0                  | 0                 | 0
        2026-11-04    | costs/2026-11-04/aws.csv        | costs        | loaded  | 5           | 4             | 0              | 0             | 1             | 8.5             | 7.5               | 0                  | 0                 | 1
        """,
        sha256="00",
        byte_count="1",
    ),
    # The bill of the second was replaced on the fourth: 3 for the API and 4 for support, of which 1 nobody used, and
    # half a dollar that no mapping claims.
    CostRows: rows(
        CostRows,
        """
        delivery_date | source_file              | source_line | landed_on  | billed_cost
        2026-11-02    | costs/2026-11-02/aws.csv | 2           | 2026-11-02 | 9
        2026-11-04    | costs/2026-11-04/aws.csv | 2           | 2026-11-04 | 3
        2026-11-04    | costs/2026-11-04/aws.csv | 3           | 2026-11-04 | 3
        2026-11-04    | costs/2026-11-04/aws.csv | 4           | 2026-11-04 | 1
        2026-11-04    | costs/2026-11-04/aws.csv | 5           | 2026-11-04 | 0.5
        """,
        **BILL,
    ),
    Costs: rows(
        Costs,
        """
        source_line | charge_date | billed_cost | mapping_id | product_id | account_id | allocation_method | unmapped_rule
        2           | 2026-10-01  | 3           | gpu        | llm        | a1         | direct            | null
        3           | 2026-10-01  | 3           | desk       | support    | null       | usage             | null
        4           | 2026-10-02  | 1           | desk       | support    | null       | usage             | null
        5           | 2026-10-02  | 0.5         |            | unmapped   | unmapped   | unmapped          | no_mapping
        """,
        delivery_date="2026-11-04",
        source_file="costs/2026-11-04/aws.csv",
        **BILL,
    ),
    CostShares: rows(
        CostShares,
        """
        charge_date | mapping_id | product_id | account_id  | allocation_method | billed_cost | list_cost | billed_cost_reporting | weight | pool_weight
        2026-10-01  | gpu        | llm        | a1          | direct            | 3           | 4         | 3                     | null   | null
        2026-10-01  | desk       | support    | a1          | usage             | 2           | null      | 2                     | 2      | 3
        2026-10-01  | desk       | support    | a2          | usage             | 1           | null      | 1                     | 1      | 3
        2026-10-02  | desk       | support    | unallocated | unallocated       | 1           | null      | null                  | null   | null
        2026-10-02  |            | unmapped   | unmapped    | unmapped          | 0.5         | 0.5       | 0.5                   | null   | null
        """,
        charge_count="1",
        charge_end_date="2026-10-03",
        **{name: BILL[name] for name in ("provider_name", "billing_account_id", "billing_period_start", "currency")},
    ),
    UsageDays: rows(
        UsageDays,
        """
        account_id | slot_at             | contract_id | event_count | late_event_count | duplicate_count | quantity | landed_quantity | first_delivery_date | suspense_rule   | reversed_count | reversal_count | reversed_quantity
        a1         | 2026-10-01T00:00:00 | c1          | 1           | 0                | 1               | 100      | 100             | 2026-10-01          | null            | 0              | 0              | 0
        a1         | 2026-10-01T01:00:00 | c1          | 1           | 0                | 0               | 200      | 200             | 2026-10-01          | null            | 0              | 0              | 0
        a1         | 2026-10-01T02:00:00 | c1          | 1           | 1                | 0               | 50       | 50              | 2026-10-03          | null            | 1              | 1              | 30
        b1         | 2026-10-01T00:00:00 | default:b1  | 1           | 1                | 0               | 10       | 10              | 2026-10-03          | null            | 0              | 0              | 0
        ghost      | 2026-10-01T00:00:00 | null        | 1           | 1                | 0               | 7        | 7               | 2026-10-03          | unknown_account | 0              | 0              | 0
        """,
        stated_contract_id="",
        meter="tokens",
        dimensions=MODEL,
        value_currency="",
        service_date="2026-10-01",
    ),
    PricedUsage: rows(
        PricedUsage,
        """
        account_id | slot_at             | kind    | price_id | outcome  | price_version_id | quantity
        a1         | 2026-10-01T00:00:00 | revenue | tariff   | rated    | tariff@T00       | 100
        a1         | 2026-10-01T00:00:00 | revenue | steps    | rated    | c1/steps@2026-10-01 | 100
        a1         | 2026-10-01T01:00:00 | revenue | tariff   | rated    | tariff@T01       | 200
        a1         | 2026-10-01T02:00:00 | revenue |          | excluded | null             | 50
        a1         | 2026-10-01T02:00:00 | cost    | gpu      | rated    | gpu@2026-01-01   | 50
        b1         | 2026-10-01T00:00:00 | revenue | steps    | rated    | steps@2026-01-01 | 10
        ghost      | 2026-10-01T00:00:00 | revenue |          | suspense | null             | 7
        """,
        stated_contract_id="",
        meter="tokens",
        dimensions=MODEL,
        value_currency="",
        service_date="2026-10-01",
        event_count="1",
        first_delivery_date="2026-10-01",
        landed_quantity="0",
    ),
    UsageOutcomes: rows(
        UsageOutcomes,
        """
        account_id | kind    | outcome    | rule            | event_count | quantity | landed_quantity | first_delivery_date
        a1         | revenue | priced     |                 | 2           | 300      | 300             | 2026-10-01
        a1         | revenue | excluded   | trial           | 1           | 50       | 50              | 2026-10-03
        a1         | cost    | priced     |                 | 3           | 350      | 350             | 2026-10-01
        b1         | revenue | zero_rated |                 | 1           | 10       | 10              | 2026-10-03
        b1         | cost    | excluded   | not_costed      | 1           | 10       | 10              | 2026-10-03
        ghost      | revenue | suspense   | unknown_account | 1           | 7        | 7               | 2026-10-03
        ghost      | cost    | suspense   | unknown_account | 1           | 7        | 7               | 2026-10-03
        a1         | revenue | excluded   | reversed        | 2           | 0        | 30              | 2026-10-03
        a1         | cost    | excluded   | reversed        | 2           | 0        | 30              | 2026-10-03
        a1         | revenue | suspense   | reversed_event_unknown | 1    | 0        | 0               | 2026-10-03
        a1         | cost    | suspense   | reversed_event_unknown | 1    | 0        | 0               | 2026-10-03
        """,
        meter="tokens",
        dimensions=MODEL,
        service_date="2026-10-01",
        detail="",
    ),
    LineItems: rows(
        LineItems,
        """
        line_item_id | account_id | payer_id | contract_id | price_id | price_version_id    | kind    | service_date | billing_period_start | billing_period_end | quantity | amount_exact | amount | list_amount | currency | product_id | amount_reporting | fx_rate_date | price_currency
        l1           | a1         | a1       | c1          | tariff   | tariff@T00          | revenue | 2026-10-01   | 2026-10-01           | 2026-11-01         | 100      | 0.1          | 0.10   | 0.10        | USD      | llm | 0.10             | null | USD
        l2           | a1         | a1       | c1          | tariff   | tariff@T01          | revenue | 2026-10-01   | 2026-10-01           | 2026-11-01         | 200      | 2            | 2.00   | 2.00        | USD      | llm | 2.00             | null | USD
        l3           | a1         | a1       | c1          | tariff   | tariff@T02          | revenue | 2026-10-09   | 2026-10-01           | 2026-11-01         | 50       | 0.05         | 0.05   | 0.05        | USD      | llm | 0.05             | null | USD
        l4           | a1         | a1       | c1          | steps    | c1/steps@2026-10-01 | revenue | 2026-10-01   | 2026-10-01           | 2026-11-01         | 100      | 300          | 300    | 400         | USD      | support | 300              | null | USD
        l5           | a2         | a1       | default:a2  | steps    | steps@2026-01-01    | revenue | 2026-10-01   | 2026-10-01           | 2026-11-01         | 0        | 5            | 5      | 5           | USD      | support | 5                | null | USD
        l6           | a2         | a1       | default:a2  | steps    | steps@2026-11-01#1  | revenue | 2026-11-01   | 2026-11-01           | 2026-12-01         | 0        | 0            | 0      | 0           | USD      | support | 0                | null | USD
        l7           | b1         | b1       | default:b1  | steps    | steps@2026-01-01    | revenue | 2026-10-01   | 2026-10-01           | 2026-11-01         | 10       | 0            | 0      | 0           | JPY      | support | 0                | 2026-09-30 | JPY
        l8           | a1         | a1       | c1          | gpu      | gpu@2026-01-01      | cost    | 2026-10-01   | 2026-10-01           | 2026-11-01         | 350      | 1.4          | 1.40   | 1.40        | USD      | llm | 1.40             | null | USD
        """,
        legal_entity_id="acme_us",
        charge_kind="usage",
        is_adjustment="false",
        dimensions=MODEL,
        posting_date="2026-10-01",
        rule_version="1",
    ),
}
# No month is closed: what counts in the accounts is what is known now.
LAKE[PostedLineItems] = LAKE[LineItems]


LAKE[BillableLines] = billable_lines(LAKE[PostedLineItems], LAKE[PriceVersions])
# 10 dollars of September were issued and are not earned any more; October is issued tonight; November is not over.
SEPTEMBER = {
    "document_id": "acme_us:a1:USD:2026-09-01",
    "document_kind": "invoice",
    "legal_entity_id": "acme_us",
    "payer_id": "a1",
    "billing_period_start": "2026-09-01",
    "billing_period_end": "2026-10-01",
    "amount": "10",
    "amount_reporting": "10",
}
ISSUED_LINES = rows(
    IssuedLines,
    account_id="a1",
    contract_id="c1",
    product_id="llm",
    price_id="tariff",
    terms_id="tariff@T00",
    dimensions=MODEL,
    rated_line_count="1",
    line_no="1",
    **SEPTEMBER,
)
ISSUED_DOCUMENTS = rows(
    IssuedDocuments,
    document_number="US-2026-000001",
    status="issued",
    document_date="2026-10-01",
    due_date="2026-10-31",
    line_count="1",
    **SEPTEMBER,
)
LAKE[BillingDocumentLines] = billing_document_lines(LAKE[BillableLines], ISSUED_LINES, ISSUED_DOCUMENTS)
LAKE[BillingDocuments] = billing_documents(
    LAKE[BillingDocumentLines],
    ISSUED_DOCUMENTS,
    Issues.empty().lazy(),
    LAKE[UsageOutcomes],
    LAKE[Accounts],
    LAKE[Contracts],
    LAKE[Companies],
    rows(LegalEntities, legal_entity_id="acme_us", invoice_prefix="US"),
    LAKE[Actions],
    as_of=date(2026, 11, 2),
    issues_all=True,
)


@dataclass(frozen=True)
class Night:
    """What a dbt build left behind."""

    warehouse: Path
    results: tuple[Any, ...]

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        """Ask the build file as a reader would."""
        with duckdb.connect(self.warehouse, read_only=True) as connection:
            return connection.execute(statement).fetchall()

    def compiled(self, model: str) -> str:
        """Return the SQL that dbt ran for a model."""
        return next(result.node.compiled_code for result in self.results if result.node.name == model)


def lake(folder: Path, frames: dict[type[Table], pl.LazyFrame]) -> Path:
    """Make the build file as the orchestration does: one view per table over Parquet files."""
    warehouse = folder / "warehouse.duckdb"
    wanted = {table.table_name: table.empty() for table in (*TABLES, *RUN_TABLES)}
    wanted |= {table.table_name: frame.collect() for table, frame in frames.items()}
    wanted["columns"] = contract_columns()
    with duckdb.connect(warehouse) as connection:
        connection.execute("create schema lake")
        for name, frame in wanted.items():
            path = folder / f"{name}.parquet"
            frame.write_parquet(path)
            connection.execute(f"create view lake.{name} as select * from read_parquet('{path}')")
    return warehouse


def build(warehouse: Path, *arguments: str) -> Any:
    """Run `dbt build` in this process; warnings of dbt are errors, those of its libraries are not ours."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    work = warehouse.parent / "dbt"
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("ignore")
        patch.setenv("RATEBOOK_WAREHOUSE", str(warehouse))
        patch.setenv("DO_NOT_TRACK", "1")
        outcome = dbtRunner().invoke(
            [
                "--warn-error",
                "--quiet",
                "--no-use-colors",
                "--no-version-check",
                "build",
                "--project-dir",
                str(PROJECT),
                "--profiles-dir",
                str(PROJECT),
                "--target-path",
                str(work / "target"),
                "--log-path",
                str(work / "logs"),
                *arguments,
            ]
        )
    # The adapter keeps its connection, and DuckDB opens no file twice with different settings in one process.
    DuckDBConnectionManager.close_all_connections()
    return outcome


@pytest.fixture(scope="session")
def night(tmp_path_factory: pytest.TempPathFactory) -> Night:
    """Build the tiny night once, unit tests included."""
    warehouse = lake(tmp_path_factory.mktemp("night"), LAKE)
    outcome = build(warehouse)
    assert outcome.result, outcome.exception
    failures = [
        f"{r.node.name}: {r.status} {r.message}" for r in outcome.result.results if r.status not in ("success", "pass")
    ]
    assert outcome.success, "\n".join(failures)
    return Night(warehouse, tuple(outcome.result.results))
