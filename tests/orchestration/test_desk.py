"""The pricing desk: a change of prices in plain words, and who pays which price when."""

import json
from datetime import datetime

import pytest

from orchestration import cli, desk
from orchestration.build import open_build
from orchestration.errors import RefusedInput, UsageError
from tests.orchestration import tiny

BOOK = """\
company: {{name: Desk, reporting_currency: USD}}
products: [{{id: api, name: API}}]
meters: [{{id: calls, unit: call, aggregation: sum}}]
prices:
  - id: calls
    product: api
    meter: calls
    model: graduated
    currency: USD
    versions:
      - effective_from: 2026-01-01
        tiers: [{{up_to: "100", unit_amount: "{first}"}}, {{up_to: null, unit_amount: "0.05"}}]
{more}
plans: [{{id: payg, prices: [calls]}}]
"""
LATER = """\
      - effective_from: 2026-07-01
        tiers: [{up_to: "100", unit_amount: "0.11"}, {up_to: null, unit_amount: "0.06"}]
"""
CORRECTION = """\
      - supersedes: 2026-01-01
        reason: a slip of the point
        approved_by: Noor
        tiers: [{up_to: "100", unit_amount: "0.01"}, {up_to: null, unit_amount: "0.005"}]
"""


@pytest.fixture
def books(tmp_path):
    def written(name, first="0.1", more=""):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "book.yaml").write_text(BOOK.format(first=first, more=more))
        return folder

    return written


def test_a_new_version_says_when_and_by_how_much(books):
    (found,) = desk.compare_books(books("a"), books("b", more=LATER))
    # 0.10 to 0.11 is +10 %, 0.05 to 0.06 is +20 %.
    assert str(found) == (
        "price calls changes on 2026-07-01 to USD: graduated 0.11 up to 100, then 0.06 (+10 % to +20 %); "
        "until then USD: graduated 0.1 up to 100, then 0.05 (book.yaml:13)"
    )


def test_a_correction_says_why_and_who_approved(books):
    (found,) = desk.compare_books(books("a"), books("b", more=CORRECTION))
    assert found.sentence == (
        "price calls: the version of 2026-01-01 is corrected to USD: graduated 0.01 up to 100, then 0.005 (-90 %): "
        "a slip of the point; approved by Noor"
    )


def test_the_same_book_says_nothing_new(books, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["prices", "diff", str(books("a")), str(books("b"))])
    assert ended.value.code == 0
    assert capsys.readouterr().out == "The two books say the same.\n"


def test_a_change_that_the_night_would_refuse_is_refused_with_its_place(books):
    with pytest.raises(RefusedInput, match=r"book\.yaml:11: .*version of 2026-01-01 is known.*supersedes"):
        desk.compare_books(books("a"), books("b", first="0.2"))


def test_a_refusal_names_the_folder_of_the_other_book_not_a_delivery_that_never_was(books):
    before = books("a")
    with pytest.raises(RefusedInput, match=rf"is known from {before} \(book\.yaml:11\)"):
        desk.compare_books(before, books("b", first="0.2"))


def test_a_folder_that_is_no_book_is_named(books, tmp_path):
    with pytest.raises(UsageError, match="is no folder"):
        desk.compare_books(books("a"), tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="holds no document"):
        desk.compare_books(books("b"), tmp_path / "empty")


def test_what_is_in_force_names_plan_currency_zone_and_how_many(night_home):
    build = open_build(night_home, tiny.LAST)
    found = desk.in_force(build, datetime(2026, 9, 2, 12), "tokens")
    rows = [dict(zip(found.columns, row, strict=True)) for row in found.rows]
    assert {row["price_version_id"].split("@")[0].split("/")[-1] for row in rows} == {"tokens"}
    assert sum(row["accounts"] for row in rows) == 3
    assert desk.in_force(build, datetime(1999, 1, 1), "tokens").rows == []


def test_the_command_shows_what_is_in_force_as_json(night_home, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["prices", "tokens", "--at", "2026-09-02T12:00:00Z", "--home", str(night_home.home), "--json"])
    assert ended.value.code == 0
    assert {row["price_id"] for row in json.loads(capsys.readouterr().out)} == {"tokens"}


@pytest.mark.parametrize("text", ["yesterday", "2026-09-02T12:00:00"])
def test_an_instant_needs_its_offset(night_home, text, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["prices", "--at", text, "--home", str(night_home.home)])
    assert ended.value.code == UsageError.exit_code
    assert "--at" in capsys.readouterr().err
