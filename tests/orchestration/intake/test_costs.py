"""Bills of providers: FOCUS as it is written, exact, replaced by scope, and refused whole where a part is missing."""

import gzip
import io
import json
from datetime import date, datetime
from decimal import Decimal

import polars as pl
import pytest

from data_contracts import CostRows, LandedFiles, RejectedRows
from orchestration.intake.costs import LAYOUT, PASSED_OVER
from tests.orchestration.intake.landing_zone import Landing

CHARGE = {
    "ProviderName": "AWS",
    "BillingAccountId": "acct-1",
    "BillingCurrency": "USD",
    "BillingPeriodStart": "2026-07-01 00:00:00",
    "BillingPeriodEnd": "2026-08-01 00:00:00",
    "ChargePeriodStart": "2026-07-05 10:00:00",
    "ChargePeriodEnd": "2026-07-05 11:00:00",
    "ChargeCategory": "Usage",
    "ServiceName": "Compute",
    "BilledCost": "1.00000000001",
    "ListCost": "2",
    "ContractedCost": "NULL",
    "EffectiveCost": "0.5",
}
# What a file of the later versions has beside it.
ADDED = {
    "1.1": {"ServiceSubcategory": "Virtual Machines", "SkuMeter": "hours", "CapacityReservationId": ""},
    "1.2": {"InvoiceId": "inv-7", "BillingAccountType": "payer", "PricingCurrency": "USD"},
    "1.3": {"ServiceProviderName": "AWS", "HostProviderName": "AWS", "AllocatedTags": "NULL"},
}


def bill(*charges: dict[str, str], without: tuple[str, ...] = ()) -> str:
    """Write charges as CSV: each says only what differs from CHARGE."""
    header = list(dict.fromkeys([*CHARGE, *(name for charge in charges for name in charge)]))
    header = [name for name in header if name not in without]
    lines = [header, *([{**CHARGE, **charge}.get(name, "") for name in header] for charge in charges)]
    return "".join(",".join(_field(value) for value in line) + "\n" for line in lines)


def _field(value: str) -> str:
    return '"' + value.replace('"', '""') + '"' if '"' in value or "," in value else value


def land(landing: Landing, content: str | bytes, day: int = 1, name: str = "bill.csv") -> None:
    landing.put(f"costs/2026-08-{day:02d}/{name}", content)


def rejections(landing: Landing) -> list[tuple[str, str, int]]:
    return landing.table(RejectedRows).select("rule", "column_name", "source_line").rows()


def test_a_charge_is_kept_as_billed_with_its_place(landing: Landing) -> None:
    land(
        landing,
        bill(
            {
                "BilledCost": "-0.000000000001",
                "ConsumedQuantity": "0.000000000000000001",
                "ListUnitPrice": "0.000000000000000000000001",
                "Tags": '{"team": "b", "app": "a", "shared": true, "empty": null}',
            }
        ),
    )
    landing.take()
    (row,) = landing.table(CostRows).to_dicts()
    found = {name: value for name, value in row.items() if value is not None}
    assert found == {
        "delivery_date": date(2026, 8, 1),
        "source_file": "costs/2026-08-01/bill.csv",
        "source_line": 2,
        "landed_on": date(2026, 8, 1),
        "provider_name": "AWS",
        "billing_account_id": "acct-1",
        "billing_period_start": date(2026, 7, 1),
        "billing_period_end": date(2026, 8, 1),
        "charge_period_start_at": datetime(2026, 7, 5, 10),
        "charge_period_end_at": datetime(2026, 7, 5, 11),
        "charge_category": "Usage",
        "service_name": "Compute",
        "tags": '{"app":"a","shared":"true","team":"b"}',
        "consumed_quantity": Decimal("0.000000000000000001"),
        "list_unit_price": Decimal("0.000000000000000000000001"),
        "list_cost": Decimal(2),
        "billed_cost": Decimal("-0.000000000001"),
        "effective_cost": Decimal("0.5"),
        "currency": "USD",
    }


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2", "1.3", "1.4"])
def test_the_headers_of_every_version_are_read(landing: Landing, version: str) -> None:
    added = {name: value for since, columns in ADDED.items() if since <= version for name, value in columns.items()}
    if version == "1.4":  # the former name is gone
        content = bill({**added, "InvoiceDetailId": "1"}, without=("ProviderName",))
    else:
        content = bill({**added, "x_Discount": "0.1", "x_ServiceNames": "custom columns are anybody's"})
    land(landing, content)
    landing.take()
    assert landing.table(CostRows).select("provider_name", "billed_cost").rows() == [("AWS", Decimal("1.00000000001"))]
    assert landing.table(CostRows)["invoice_id"].to_list() == ["inv-7" if version >= "1.2" else None]


def test_the_new_name_of_the_provider_goes_before_the_former_one(landing: Landing) -> None:
    land(landing, bill({"ServiceProviderName": "Anthropic"}, {"ServiceProviderName": "NULL"}))
    landing.take()
    assert landing.table(CostRows)["provider_name"].to_list() == ["Anthropic", "AWS"]


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        pytest.param("BilledCost", "`BilledCost` is missing", id="F21 a cost"),
        pytest.param("ProviderName", "`ServiceProviderName` or `ProviderName` is missing", id="either name"),
        pytest.param("ChargePeriodEnd", "`ChargePeriodEnd` is missing", id="a time"),
    ],
)
def test_a_missing_column_is_named(landing: Landing, missing: str, message: str) -> None:
    land(landing, bill({}, without=(missing,)))
    landing.take()
    (row,) = landing.table(LandedFiles).to_dicts()
    assert (row["status"], row["rule"]) == ("refused", "columns")
    assert message in row["message"]


def test_every_column_of_focus_is_known() -> None:
    assert not PASSED_OVER & set(LAYOUT.known)


@pytest.mark.parametrize(
    ("charge", "rule", "column"),
    [
        pytest.param({"BilledCost": ""}, "required_value_missing", "BilledCost", id="no cost"),
        pytest.param({"BilledCost": "NULL"}, "required_value_missing", "BilledCost", id="the cost is NULL"),
        pytest.param({"BilledCost": "1e-7"}, "BilledCost_not_a_plain_decimal", "BilledCost", id="an exponent"),
        pytest.param({"ListCost": "1,5"}, "ListCost_not_a_plain_decimal", "ListCost", id="a comma"),
        pytest.param(
            {"EffectiveCost": "0.0000000000001"},
            "EffectiveCost_has_too_many_decimals",
            "EffectiveCost",
            id="thirteen decimals",
        ),
        pytest.param({"ContractedCost": "1" + "0" * 18}, "ContractedCost_too_large", "ContractedCost", id="too large"),
        pytest.param({"ProviderName": ""}, "required_value_missing", "ServiceProviderName", id="no provider"),
        pytest.param({"BillingCurrency": "usd"}, "currency_unknown", "BillingCurrency", id="small letters"),
        pytest.param({"ChargeCategory": "Fee"}, "charge_category_unknown", "ChargeCategory", id="another category"),
        pytest.param(
            {"ChargePeriodStart": "05.07.2026"}, "ChargePeriodStart_not_rfc_3339", "ChargePeriodStart", id="a day"
        ),
        pytest.param(
            {"BillingPeriodEnd": "2026-07-01"}, "period_ends_before_it_starts", "BillingPeriodEnd", id="an empty period"
        ),
        pytest.param({"Tags": "team=a"}, "tags_not_an_object_of_texts", "Tags", id="no JSON"),
        pytest.param({"Tags": '{"a": {"b": "c"}}'}, "tags_not_an_object_of_texts", "Tags", id="nested tags"),
        pytest.param({"Tags": '{"a": "b", "a": "c"}'}, "tags_not_an_object_of_texts", "Tags", id="a tag twice"),
    ],
)
def test_a_bad_charge_is_rejected_by_rule(landing: Landing, charge: dict[str, str], rule: str, column: str) -> None:
    land(landing, bill({}, charge))
    landing.take()
    assert rejections(landing) == [(rule, column, 3)]
    assert landing.table(CostRows).height == 1


@pytest.mark.parametrize("category", ["Usage", "Purchase", "Tax", "Credit", "Adjustment", "Refund"])
def test_every_category_may_be_negative(landing: Landing, category: str) -> None:
    land(landing, bill({"ChargeCategory": category, "BilledCost": "-2.6137"}))
    landing.take()
    assert landing.table(CostRows)["billed_cost"].to_list() == [Decimal("-2.6137")]


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        pytest.param("2026-07-05 10:00:00", datetime(2026, 7, 5, 10), id="a blank and no offset"),
        pytest.param("2026-07-05T10:00Z", datetime(2026, 7, 5, 10), id="no seconds"),
        pytest.param("2026-07-05T10:00:00.250000+02:00", datetime(2026, 7, 5, 8, 0, 0, 250_000), id="an offset"),
        pytest.param("2026-07-05", datetime(2026, 7, 5), id="a day"),
    ],
)
def test_a_time_without_offset_is_utc(landing: Landing, text: str, instant: datetime) -> None:
    land(landing, bill({"ChargePeriodStart": text, "ChargePeriodEnd": "2026-07-06"}))
    landing.take()
    assert landing.table(CostRows)["charge_period_start_at"].to_list() == [instant]


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "csv.zst", "parquet"])
def test_every_format_gives_the_same_rows(landing: Landing, ending: str) -> None:
    text = bill({"BilledCost": "0.1", "Tags": '{"a": "b"}'}, {"BilledCost": "-7"})
    land(landing, _as_format(text, ending), name=f"bill.{ending}")
    landing.take()
    rows = landing.table(CostRows).select("billed_cost", "tags", "charge_period_start_at").rows()
    assert rows == [
        (Decimal("0.1"), '{"a":"b"}', datetime(2026, 7, 5, 10)),
        (Decimal(-7), None, datetime(2026, 7, 5, 10)),
    ]


def _as_format(text: str, ending: str) -> bytes:
    if ending == "csv.gz":
        return gzip.compress(text.encode())
    frame = pl.read_csv(text.encode(), infer_schema=False)
    buffer = io.BytesIO()
    if ending == "csv.zst":
        frame.write_csv(buffer, compression="zstd")
        return buffer.getvalue()
    if ending == "parquet":
        # As an export writes it: decimals, times without zone, and a nested column that nobody reads.
        frame.with_columns(
            pl.col("BilledCost").cast(pl.Decimal(20, 10)),
            pl.col("ChargePeriodStart").str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us"),
            pl.lit([1.5]).alias("SkuPriceDetails"),
        ).write_parquet(buffer)
        return buffer.getvalue()
    return text.encode()


def test_a_cost_that_was_a_float_is_refused_because_its_digits_are_gone(landing: Landing) -> None:
    buffer = io.BytesIO()
    frame = pl.read_csv(bill({}).encode(), infer_schema=False)
    frame.with_columns(pl.col("BilledCost").cast(pl.Float64)).write_parquet(buffer)
    land(landing, buffer.getvalue(), name="bill.parquet")
    landing.take()
    assert landing.refusals() == [("costs/2026-08-01/bill.parquet", "parquet_type")]


def test_rows_and_billed_cost_are_conserved_per_file(landing: Landing) -> None:
    land(landing, bill({"BilledCost": "5"}, {"BilledCost": "-2"}, {"BilledCost": "7", "ChargeCategory": "?"}))
    landing.take()
    (row,) = landing.table(LandedFiles).to_dicts()
    assert (row["landed_rows"], row["accepted_rows"], row["rejected_rows"]) == (3, 2, 1)
    assert (row["landed_quantity"], row["accepted_quantity"], row["rejected_quantity"]) == (10, 3, 7)


def test_the_totals_of_a_manifest_are_those_of_focus(landing: Landing) -> None:
    for day, total in ((1, "1.00000000001"), (2, "1")):
        land(landing, bill({}), day=day)
        files = [{"name": "bill.csv", "rows": 1, "control_totals": {"BilledCost": total, "EffectiveCost": "0.5"}}]
        landing.put(f"costs/2026-08-{day:02d}/_manifest.json", json.dumps({"files": files}))
    landing.take(2)
    assert landing.refusals() == [("costs/2026-08-02/bill.csv", "control_total")]


def test_one_refused_file_refuses_the_whole_bill(landing: Landing) -> None:
    land(landing, bill({}), name="part-1.csv")
    land(landing, b"\xff\xfe", name="part-2.csv")
    land(landing, bill({}), day=2)
    landing.take(2)
    assert landing.refusals() == [
        ("costs/2026-08-01/part-1.csv", "bill_incomplete"),
        ("costs/2026-08-01/part-2.csv", "not_utf8"),
    ]
    assert landing.table(CostRows)["source_file"].to_list() == ["costs/2026-08-02/bill.csv"]


def test_the_same_bytes_again_are_a_bill_again(landing: Landing) -> None:
    """After a bill that was wrong, the one before it is delivered once more: it must stand again."""
    for day, cost in ((1, "1"), (2, "100"), (3, "1")):
        land(landing, bill({"BilledCost": cost}), day=day)
    landing.take(3)
    assert landing.table(CostRows)["billed_cost"].to_list() == [1, 100, 1]
