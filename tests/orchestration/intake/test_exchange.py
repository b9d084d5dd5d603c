"""Exchange rates on the way in: every record accepted, a duplicate or rejected by name, corrections kept, history cheap."""

import json
from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from data_contracts import FxRates, LandedFiles, RejectedRows
from orchestration.check import check_landing
from tests.orchestration.intake.landing_zone import Landing, rules
from tests.tables import texts

HEADER = "rate_date,base_currency,quote_currency,rate"
# As the bank writes it: newest first, a gap, a currency that is no more, a comma at the end of each line.
ECB = """Date,USD,JPY,GBP,HRK,
2026-08-03,1.1196,159.82,0.83543,N/A,
2026-07-31,1.1158,159.63,N/A,7.5345,
"""


def land(landing: Landing, *rows: str, day: int = 3, name: str = "rates.csv", header: str = HEADER) -> None:
    landing.put(f"fx_rates/2026-08-{day:02d}/{name}", "\n".join((header, *rows)) + "\n")


def ecb(landing: Landing, content: str = ECB, day: int = 3, name: str = "ecb.csv") -> None:
    landing.put(f"fx_rates/2026-08-{day:02d}/{name}", content)


def rates(landing: Landing) -> list[tuple]:
    return texts(landing.table(FxRates), ["delivery_date", "rate_date", "base_currency", "quote_currency", "rate"])


def counts(landing: Landing) -> list[tuple]:
    names = ["landed_rows", "accepted_rows", "duplicate_rows", "conflict_rows", "rejected_rows"]
    return landing.table(LandedFiles).sort("delivery_date", "source_file").select(names).rows()


def rejections(landing: Landing) -> list[tuple]:
    return landing.table(RejectedRows).select("rule", "column_name", "source_line", "source_part").rows()


def test_a_rate_is_typed_and_keeps_its_place(landing: Landing) -> None:
    land(landing, "2026-07-31,EUR,USD,1.1158")
    landing.take(3)
    assert landing.table(FxRates).to_dicts() == [
        {
            "delivery_date": date(2026, 8, 3),
            "rate_date": date(2026, 7, 31),
            "base_currency": "EUR",
            "quote_currency": "USD",
            "rate_type": "reference",
            "rate": Decimal("1.1158"),
            "source_file": "fx_rates/2026-08-03/rates.csv",
            "source_line": 2,
        }
    ]


@pytest.mark.parametrize("format_", ["ndjson", "parquet"])
def test_the_formats_of_usage_are_those_of_rates(landing: Landing, format_: str) -> None:
    record = {"rate_date": "2026-07-31", "base_currency": "EUR", "quote_currency": "USD", "rate": "1.1158"}
    path = landing.put(f"fx_rates/2026-08-03/rates.{format_}", json.dumps(record) + "\n")
    if format_ == "parquet":
        pl.DataFrame([record]).with_columns(pl.col("rate").cast(pl.Decimal(10, 4))).write_parquet(path)
    landing.take(3)
    assert rates(landing) == [("2026-08-03", "2026-07-31", "EUR", "USD", "1.1158")]


def test_the_file_of_the_european_central_bank_is_read_as_it_is(landing: Landing) -> None:
    ecb(landing)
    landing.take(3)
    assert rates(landing) == [
        ("2026-08-03", "2026-07-31", "EUR", "HRK", "7.5345"),
        ("2026-08-03", "2026-07-31", "EUR", "JPY", "159.63"),
        ("2026-08-03", "2026-07-31", "EUR", "USD", "1.1158"),
        ("2026-08-03", "2026-08-03", "EUR", "GBP", "0.83543"),
        ("2026-08-03", "2026-08-03", "EUR", "JPY", "159.82"),
        ("2026-08-03", "2026-08-03", "EUR", "USD", "1.1196"),
    ]
    assert counts(landing) == [(6, 6, 0, 0, 0)], "a gap is no record: `N/A` is no rate"
    assert landing.table(FxRates)["source_line"].unique().sort().to_list() == [2, 3]


def test_the_whole_history_each_day_is_duplicates_and_what_is_new(landing: Landing) -> None:
    ecb(landing)
    landing.take(3)
    ecb(landing, ECB.replace("\n2026-08-03", "\n2026-08-04,1.12,160,0.84,N/A,\n2026-08-03"), day=4)
    landing.take(4)
    assert counts(landing) == [(6, 6, 0, 0, 0), (9, 3, 6, 0, 0)]
    new = landing.table(FxRates).filter(pl.col("delivery_date") == date(2026, 8, 4))
    assert new["rate_date"].unique().to_list() == [date(2026, 8, 4)]


def test_a_changed_rate_is_a_correction_that_is_kept_with_its_delivery(landing: Landing) -> None:
    ecb(landing)
    landing.take(3)
    ecb(landing, ECB.replace("1.1158", "1.1160"), day=4)
    landing.take(4)
    assert counts(landing)[1] == (6, 1, 5, 0, 0)
    assert [row for row in rates(landing) if row[1:4] == ("2026-07-31", "EUR", "USD")] == [
        ("2026-08-03", "2026-07-31", "EUR", "USD", "1.1158"),
        ("2026-08-04", "2026-07-31", "EUR", "USD", "1.116"),
    ]


def test_a_correction_can_be_taken_back_by_the_bytes_of_before(landing: Landing) -> None:
    ecb(landing)
    ecb(landing, ECB.replace("1.1158", "1.1160"), day=4)
    ecb(landing, day=5)
    landing.take(5)
    assert [row[4] for row in rates(landing) if row[1:4] == ("2026-07-31", "EUR", "USD")] == [
        "1.1158",
        "1.116",
        "1.1158",
    ]


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        pytest.param(",EUR,USD,1.1", "required_value_missing", id="no day"),
        pytest.param("31.07.2026,EUR,USD,1.1", "rate_date_not_a_day", id="a day the other way round"),
        pytest.param("2026-08-04,EUR,USD,1.1", "rate_date_after_the_delivery", id="a day that has not come"),
        pytest.param("2026-07-31,EUR,usd,1.1", "currency_unknown", id="F32 small letters"),
        pytest.param("2026-07-31,EUR,XBT,1.1", "currency_unknown", id="F32 no currency"),
        pytest.param("2026-07-31,,USD,1.1", "required_value_missing", id="no base"),
        pytest.param("2026-07-31,EUR,EUR,1", "rate_into_itself", id="a currency in itself"),
        pytest.param("2026-07-31,EUR,USD,", "required_value_missing", id="F55 no rate"),
        pytest.param(
            "2026-07-31,EUR,USD,N/A", "rate_not_a_plain_decimal", id="a gap is written so in a wide file only"
        ),
        pytest.param("2026-07-31,EUR,USD,1.1e0", "rate_not_a_plain_decimal", id="an exponent"),
        pytest.param("2026-07-31,EUR,USD,0.0000", "rate_zero", id="F55 zero"),
        pytest.param("2026-07-31,EUR,USD,-1.1", "rate_negative", id="F55 negative"),
        pytest.param("2026-07-31,EUR,USD,1.1234567890123", "rate_has_too_many_decimals", id="thirteen decimals"),
        pytest.param("2026-07-31,EUR,IRR,10000000", "rate_too_large", id="ten million"),
    ],
)
def test_a_bad_rate_is_rejected_by_rule(landing: Landing, row: str, rule: str) -> None:
    land(landing, row, "2026-07-31,EUR,GBP,0.84")
    landing.take(3)
    assert [(found[0], found[2]) for found in rejections(landing)] == [(rule, 2)]
    assert rates(landing) == [("2026-08-03", "2026-07-31", "EUR", "GBP", "0.84")]
    assert counts(landing) == [(2, 1, 0, 0, 1)]


def test_a_bad_rate_of_a_wide_line_leaves_the_others_of_the_line(landing: Landing) -> None:
    ecb(landing, ECB.replace("1.1196,159.82", "1.1196,0").replace("7.5345", ""))
    landing.take(3)
    assert rejections(landing) == [("rate_zero", "rate", 2, 2), ("required_value_missing", "rate", 3, 4)]
    assert counts(landing) == [(6, 4, 0, 0, 2)]


def test_a_value_without_a_column_spoils_its_line(landing: Landing) -> None:
    ecb(landing, ECB.replace("0.83543,N/A,", "0.83543,N/A,7"))
    landing.take(3)
    assert rejections(landing) == [("ragged_record", None, 2, 1)]
    assert counts(landing) == [(4, 3, 0, 0, 1)], "a line that cannot be split is one record"


@pytest.mark.parametrize(
    ("header", "rule"),
    [
        pytest.param("rate_date,base_currency,quote_currency,rate,", "columns", id="a nameless column of ours"),
        pytest.param("rate_date,base,quote_currency,rate", "columns", id="a column by another name"),
        pytest.param("Date,USD,,JPY", "columns", id="a nameless column between"),
        pytest.param("Date,USD,USD,", "columns", id="a currency twice"),
    ],
)
def test_a_file_with_other_columns_is_refused(landing: Landing, header: str, rule: str) -> None:
    land(landing, "2026-07-31,1,2,3", header=header)
    landing.take(3)
    assert landing.refusals() == [("fx_rates/2026-08-03/rates.csv", rule)]


def test_two_rates_of_a_pair_and_day_in_one_delivery_are_both_rejected(landing: Landing) -> None:
    land(landing, "2026-07-31,EUR,USD,1.11", "2026-07-31,EUR,GBP,0.84")
    land(landing, "2026-07-31,EUR,USD,1.12", "2026-07-31,EUR,GBP,0.840", name="too.csv")
    landing.take(3)
    assert {found[0] for found in rejections(landing)} == {"rate_twice_in_the_delivery"}
    assert rates(landing) == [("2026-08-03", "2026-07-31", "EUR", "GBP", "0.84")]
    assert counts(landing) == [(2, 1, 0, 0, 1), (2, 0, 1, 0, 1)]


def test_of_two_folders_taken_together_the_newer_counts(landing: Landing) -> None:
    landing.put("accounts/2026-08-04/a.csv", "account_id,name,currency\na,A,EUR\n")
    landing.take(4)
    land(landing, "2026-07-31,EUR,USD,1.11", "2026-07-31,EUR,GBP,0.84", day=3)
    land(landing, "2026-07-31,EUR,USD,1.12", "2026-07-31,EUR,GBP,0.84", day=5)
    landing.take(5)
    assert [row[2:] for row in rates(landing)] == [("EUR", "GBP", "0.84"), ("EUR", "USD", "1.12")]
    assert rejections(landing) == [("replaced_by_later_folder", "rate", 2, 1)]
    assert counts(landing)[1:] == [(2, 0, 1, 0, 1), (2, 2, 0, 0, 0)]


@pytest.mark.parametrize(
    ("before", "rate", "rule"),
    [
        pytest.param("1.1196", "0.8932", "rate_inverted", id="F55 dollars for a euro the other way round"),
        pytest.param("0.83543", "1.197", "rate_inverted", id="pounds the other way round"),
        pytest.param("159.82", "0.006257", "rate_inverted", id="yen the other way round"),
        pytest.param("159.82", "1.5982", "rate_far_off", id="a point in the wrong place"),
        pytest.param("159.82", "319.65", "rate_far_off", id="more than twice"),
        pytest.param("159.82", "319.64", None, id="twice is within the bound"),
        pytest.param("1.2010", "1.0280", None, id="the franc on 2015-01-15"),
        pytest.param("0.9954", "1.0308", None, id="the dollar on 2022-11-11, near its own inverse"),
    ],
)
def test_a_rate_far_from_the_one_before_is_held(landing: Landing, before: str, rate: str, rule: str | None) -> None:
    land(landing, f"2026-07-30,EUR,USD,{before}", f"2026-07-31,EUR,USD,{rate}")
    landing.take(3)
    assert [found[0] for found in rejections(landing)] == ([rule] if rule else [])


def test_what_was_held_is_no_measure_for_what_follows(landing: Landing) -> None:
    land(landing, "2026-07-28,EUR,USD,1.1158")
    landing.take(3)
    days = [f"2026-07-{day},EUR,USD,{rate}" for day, rate in (("29", "0.8962"), ("30", "0.8932"), ("31", "1.12"))]
    land(landing, *days, day=4)
    landing.take(4)
    assert [(found[0], found[2]) for found in rejections(landing)] == [("rate_inverted", 2), ("rate_inverted", 3)]
    assert [row[1] for row in rates(landing)] == ["2026-07-28", "2026-07-31"]
    message = landing.table(RejectedRows)["message"][1]
    assert message == "The rate of EUR in USD is far from the one before and near its inverse: 1.1158 on 2026-07-28."


def test_after_more_than_a_month_the_rate_before_says_nothing(landing: Landing) -> None:
    land(landing, "2008-12-01,EUR,ISK,290", "2026-07-31,EUR,ISK,138")
    landing.take(3)
    assert rejections(landing) == []


def test_a_held_rate_that_is_right_is_taken_with_a_wider_bound(landing: Landing) -> None:
    land(landing, "2026-07-30,USD,VES,10", "2026-07-31,USD,VES,25")
    landing.take(3)
    assert [found[0] for found in rejections(landing)] == ["rate_far_off"]
    land(landing, "2026-07-31,USD,VES,25", day=4)
    Landing(landing.settings.model_copy(update={"fx_move_bound": Decimal(2)})).take(4)
    assert rates(landing)[-1] == ("2026-08-04", "2026-07-31", "USD", "VES", "25")


def test_a_manifest_speaks_of_lines_and_of_the_sum_of_rates(landing: Landing) -> None:
    stated = {"name": "ecb.csv", "rows": 2, "control_totals": {"rate": "330.05533"}}
    landing.put("fx_rates/2026-08-03/_manifest.json", json.dumps({"files": [stated]}))
    ecb(landing)
    landing.take(3)
    # 1.1196 + 159.82 + 0.83543 + 1.1158 + 159.63 + 7.5345
    assert landing.refusals() == []
    stated["control_totals"]["rate"] = "330.05534"
    landing.put("fx_rates/2026-08-04/_manifest.json", json.dumps({"files": [stated]}))
    ecb(landing, day=4)
    landing.take(4)
    assert landing.refusals() == [("fx_rates/2026-08-04/ecb.csv", "control_total")]


def test_the_sum_of_rates_conserves(landing: Landing) -> None:
    ecb(landing, ECB.replace("0.83543", "-0.83543"))
    ecb(landing, day=4)
    landing.take(4)
    sums = ["landed_quantity", "accepted_quantity", "duplicate_quantity", "rejected_quantity"]
    assert texts(landing.table(LandedFiles).sort("delivery_date"), sums) == [
        ("328.38447", "329.2199", "0", "-0.83543"),
        ("330.05533", "0.83543", "329.2199", "0"),
    ]


def test_check_names_what_the_night_would_hold(landing: Landing) -> None:
    land(landing, "2026-07-30,EUR,USD,1.1196", "2026-07-31,EUR,USD,0.8932")
    (finding,) = check_landing(landing.settings)
    assert rules([finding]) == ["rate_inverted"]
    assert str(finding).startswith("fx_rates/2026-08-03/rates.csv:3: rate: rate_inverted: ")
    assert "Found: 0.8932" in finding.message
