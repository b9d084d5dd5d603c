"""Accounts, price books and contracts: dated, never ended by absence, refused whole where a part would mislead."""

from datetime import date

import polars as pl
import pytest

from data_contracts import AccountRows, Documents, LandedFiles, RejectedRows, UsageEvents
from tests.orchestration.intake.landing_zone import HEADER, Landing, event

ACCOUNTS = "account_id,name,currency,country,time_zone,tax_exempt,net_terms_days,valid_from"


def accounts(landing: Landing, *rows: str, day: int = 1, name: str = "a.csv", header: str = ACCOUNTS) -> None:
    landing.put(f"accounts/2026-08-{day:02d}/{name}", "\n".join((header, *rows)) + "\n")


def test_an_account_row_is_typed_and_dated(landing: Landing) -> None:
    accounts(landing, "007,Bond Ltd,GBP,GB,Europe/London,true,14,2026-07-01")
    landing.take()
    (row,) = landing.table(AccountRows).to_dicts()
    assert row == {
        "delivery_date": date(2026, 8, 1),
        "account_id": "007",
        "account_name": "Bond Ltd",
        "currency": "GBP",
        "country": "GB",
        "time_zone": "Europe/London",
        "parent_account_id": None,
        "legal_entity_id": None,
        "segment": None,
        "region": None,
        "is_tax_exempt": True,
        "net_terms_days": 14,
        "valid_from": date(2026, 7, 1),
        "source_file": "accounts/2026-08-01/a.csv",
        "source_line": 2,
    }


def test_an_account_is_valid_from_its_delivery_in_utc_with_thirty_days_unless_it_says_otherwise(
    landing: Landing,
) -> None:
    accounts(landing, "a,A,EUR", header="account_id,name,currency")
    landing.take()
    row = landing.table(AccountRows).to_dicts()[0]
    assert (row["valid_from"], row["time_zone"], row["net_terms_days"]) == (date(2026, 8, 1), "UTC", 30)


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        pytest.param(",A,EUR,,,,,", "required_value_missing", id="F25 no id"),
        pytest.param("a,,EUR,,,,,", "required_value_missing", id="no name"),
        pytest.param("a,A,,,,,,", "required_value_missing", id="no currency"),
        pytest.param("a,A,eur,,,,,", "currency_unknown", id="F32 small letters"),
        pytest.param("a,A,EUR,Germany,,,,", "country_not_two_letters", id="a country's name"),
        pytest.param("a,A,EUR,,Mars/Base,,,", "time_zone_unknown", id="no zone"),
        pytest.param("a,A,EUR,,europe/berlin,,,", "time_zone_unknown", id="a zone in small letters"),
        pytest.param("a,A,EUR,,,yes,,", "tax_exempt_not_true_or_false", id="yes is not true"),
        pytest.param("a,A,EUR,,,,-1,", "net_terms_days_not_a_count", id="negative terms"),
        pytest.param("a,A,EUR,,,,,01.08.2026", "valid_from_not_a_day", id="a day the other way round"),
        pytest.param("a,A,EUR,,,,,2026-02-30", "valid_from_not_a_day", id="a day that does not exist"),
        pytest.param("a,A", "ragged_record", id="F22 short"),
    ],
)
def test_a_bad_account_is_rejected_by_rule(landing: Landing, row: str, rule: str) -> None:
    accounts(landing, row, "good,Good,EUR,,,,,")
    landing.take()
    assert landing.table(RejectedRows).select("rule", "source_line", "dataset").rows() == [(rule, 2, "accounts")]
    assert landing.table(AccountRows)["account_id"].to_list() == ["good"]


def test_an_account_twice_in_a_snapshot_is_rejected_both_times(landing: Landing) -> None:
    accounts(landing, "a,A,EUR,,,,,", "b,B,EUR,,,,,")
    accounts(landing, "a,A,USD,,,,,", name="b.csv")
    landing.take()
    assert landing.table(AccountRows)["account_id"].to_list() == ["b"]
    assert landing.table(RejectedRows)["rule"].to_list() == ["account_twice_in_the_snapshot"] * 2


def many(number: int) -> list[str]:
    return [f"a{index},A,EUR,,,,," for index in range(number)]


@pytest.mark.parametrize(
    ("left", "status"),
    [
        pytest.param(198, "loaded", id="one per cent less"),
        pytest.param(197, "refused", id="more than one per cent less"),
    ],
)
def test_a_snapshot_that_shrinks_beyond_the_bound_is_refused(landing: Landing, left: int, status: str) -> None:
    accounts(landing, *many(200))
    accounts(landing, *many(left), day=2)
    landing.take(2)
    assert landing.table(LandedFiles)["status"].to_list() == ["loaded", status]
    assert landing.table(AccountRows).height == 200 + (left if status == "loaded" else 0)


def test_no_snapshot_at_all_is_no_change(landing: Landing) -> None:
    accounts(landing, *many(5))
    landing.take(3)
    assert landing.table(AccountRows)["delivery_date"].unique().to_list() == [date(2026, 8, 1)]


def test_of_two_snapshots_in_one_night_the_newer_folder_counts(landing: Landing) -> None:
    accounts(landing, *many(5), day=2)
    landing.take(2)
    accounts(landing, "a0,Old,EUR,,,,,", *many(5)[1:], day=1, name="late.csv")
    accounts(landing, "a0,New,EUR,,,,,", *many(5)[1:], day=3)
    landing.take(3)
    assert landing.refusals() == [("accounts/2026-08-01/late.csv", "replaced_by_later_folder")]
    assert "New" in landing.table(AccountRows)["account_name"].to_list()


def test_documents_are_kept_whole(landing: Landing) -> None:
    landing.put("price_book/2026-08-01/book.yaml", "\ufefftokens: model\n")
    landing.put("price_book/2026-08-01/series/rates.csv", "from,rate\n")
    landing.put("contracts/2026-08-01/acme.json", "{}")
    landing.take()
    found = landing.table(Documents).select("dataset", "path", "content").rows()
    assert found == [
        ("contracts", "acme.json", "{}"),
        ("price_book", "book.yaml", "tokens: model\n"),
        ("price_book", "series/rates.csv", "from,rate\n"),
    ]
    assert landing.table(LandedFiles)["accepted_rows"].to_list() == [1, 1, 1]


def test_a_refused_book_leaves_the_one_before_standing(landing: Landing) -> None:
    landing.put("price_book/2026-08-01/book.yaml", "tokens: model\n")
    landing.put("price_book/2026-08-02/book.yaml", "tokens: region\nbroken\n")
    landing.put("price_book/2026-08-02/side.csv", "x\n")
    landing.usage(f"{event('e1')},gpt-4,eu", day=2, header=f"{HEADER},model,region")
    landing.take(2)
    assert landing.refusals() == [
        ("price_book/2026-08-02/book.yaml", "broken_document"),
        ("price_book/2026-08-02/side.csv", "book_incomplete"),
    ]
    message = landing.table(LandedFiles).filter(pl.col("rule") == "broken_document")["message"][0]
    assert message == "line 1: It says broken. Repair it."
    assert landing.table(Documents)["content"].to_list() == ["tokens: model\n"]
    assert landing.table(UsageEvents)["dimensions"].to_list() == ['{"model":"gpt-4"}']


@pytest.mark.parametrize("name", ["price_book/2026-08-01/book.yaml", "contracts/2026-08-01/acme.yml"])
def test_f03_a_document_without_its_last_line_end_may_be_cut_off(landing: Landing, name: str) -> None:
    landing.put(name, "tokens: model\nfine: model")
    landing.take()
    assert landing.refusals() == [(name, "last_line_incomplete")]


def test_a_manifest_vouches_for_a_document_without_its_last_line_end(landing: Landing) -> None:
    landing.put("price_book/2026-08-01/book.yaml", "tokens: model")
    landing.put("price_book/2026-08-01/_manifest.json", '{"files": [{"name": "book.yaml", "rows": 1}]}')
    landing.take()
    assert landing.refusals() == []


def test_a_book_with_a_file_that_cannot_be_read_is_refused_whole(landing: Landing) -> None:
    landing.put("price_book/2026-08-01/book.yaml", "tokens: model\n")
    landing.put("price_book/2026-08-01/more.yaml", b"\xff")
    landing.take()
    assert landing.refusals() == [
        ("price_book/2026-08-01/book.yaml", "book_incomplete"),
        ("price_book/2026-08-01/more.yaml", "not_utf8"),
    ]


def test_a_refused_contract_leaves_the_others(landing: Landing) -> None:
    landing.put("contracts/2026-08-01/a.yaml", "broken\n")
    landing.put("contracts/2026-08-01/b.yaml", "fine\n")
    landing.put("contracts/2026-08-01/c.csv", "fine\n")
    landing.put("contracts/2026-08-01/d.yaml", " \n")
    landing.take()
    assert landing.table(Documents)["path"].to_list() == ["b.yaml"]
    assert [rule for _, rule in landing.refusals()] == ["broken_document", "unknown_format", "empty_file"]


def test_a_later_run_remembers_the_book(landing: Landing) -> None:
    landing.put("price_book/2026-08-01/book.yaml", "tokens: model\n")
    landing.take(1)
    landing.usage(f"{event('e1')},gpt-4,x", day=2, header=f"{HEADER},model,note")
    landing.take(2)
    assert landing.table(UsageEvents)["dimensions"].to_list() == ['{"model":"gpt-4"}']
