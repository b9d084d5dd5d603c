"""A simulation says what a changed book would have billed, and changes nothing."""

import json
import re
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from orchestration import cli
from orchestration.errors import RefusedInput, UsageError
from orchestration.simulate import simulate
from orchestration.simulation_page import _bins, _place, page
from tests.browser import ABSENT, chromium, content_of
from tests.orchestration import tiny

FIRST, LAST = date(2026, 9, 1), tiny.LAST


@pytest.fixture
def folder(tmp_path):
    def written(*changes):
        book = tiny.BOOK
        for before, after in changes:
            assert before in book
            book = book.replace(before, after)
        (tmp_path / "book").mkdir()
        (tmp_path / "book" / "book.yaml").write_text(book)
        return tmp_path / "book"

    return written


def state_of(home: Path):
    return {path.relative_to(home): path.stat().st_mtime_ns for path in sorted(home.rglob("*"))}


def test_the_same_book_changes_nothing_and_nothing_is_written(night_home, folder):
    before = state_of(night_home.home)
    found = simulate(night_home, folder(), FIRST, LAST)
    assert found.totals.height > 1
    assert found.accounts.filter(found.accounts["revenue_before"] != found.accounts["revenue_after"]).is_empty()
    assert found.products.filter(found.products["cost_before"] != found.products["cost_after"]).is_empty()
    assert found.movers(5).is_empty()
    assert found.suspense.is_empty()
    assert state_of(night_home.home) == before


def test_ten_times_the_rate_is_ten_times_the_fees(night_home, folder):
    cheap = ('rate: "0.029", fixed: "0.30"', 'rate: "0.290", fixed: "3.00"')
    found = simulate(night_home, folder(cheap), FIRST, LAST)
    moved = found.movers(5)
    assert moved["currency"].to_list() == ["USD"] * moved.height
    # Each fee is rounded by itself, so ten times the terms is within half a cent of ten times the fee, event by event.
    for row in found.accounts.filter(found.accounts["currency"] == "USD").iter_rows(named=True):
        assert row["revenue_after"] >= row["revenue_before"]


def test_usage_that_the_changed_book_no_longer_prices_is_named(night_home, folder):
    found = simulate(
        night_home,
        folder(
            (
                "      - effective_from: 2026-01-01\n        currencies:\n          USD: {percentage",
                "      - effective_from: 2026-12-01\n        currencies:\n          USD: {percentage",
            )
        ),
        FIRST,
        LAST,
    )
    (row,) = found.suspense.to_dicts()
    assert (row["meter"], row["rule"], row["events_before"]) == ("payments", "no_price", 0)
    assert row["events_after"] > 0


def test_a_book_that_no_delivery_could_bring_is_refused(night_home, tmp_path):
    (tmp_path / "book.yaml").write_text("company: {nome: X, reporting_currency: USD}\n")
    with pytest.raises(RefusedInput, match=r"cannot be simulated.*\n.*book.yaml:1: "):
        simulate(night_home, tmp_path, FIRST, LAST)


@pytest.mark.parametrize(
    ("change", "bin_"),
    [
        pytest.param("-50.1", "below -50", id="beyond the outer edge"),
        pytest.param("-50", "-50 to -25", id="an edge belongs to the bin nearer to nothing"),
        pytest.param("-0.1", "-1 to 0", id="a little less"),
        pytest.param("0", "0", id="no change"),
        pytest.param("0.1", "0 to 1", id="a little more"),
        pytest.param("1", "0 to 1", id="an edge above nothing, too"),
        pytest.param("50", "25 to 50", id="the outer edge"),
        pytest.param("700", "above 50", id="beyond it"),
    ],
)
def test_each_change_has_its_bin(change, bin_):
    assert _bins()[_place(Decimal(change))][0] == bin_


def test_the_page_needs_nothing_but_itself(night_home, folder):
    dearer = ('USD: {tiers: [{up_to: "100", unit_amount: "0.03"}', 'USD: {tiers: [{up_to: "100", unit_amount: "0.05"}')
    text = page(simulate(night_home, folder(dearer), FIRST, LAST), "<changed>", {"USD": 2, "EUR": 2, "JPY": 0})
    assert "&lt;changed&gt;" in text
    assert text.count("<svg") == 2  # the histogram, and the movers of the one currency
    assert "<script" not in text
    assert "<link" not in text
    assert 'src="' not in text
    assert re.findall(r'\b(?:href|src)="(?!#)', text) == []  # nothing is fetched; # names a part of the page


@pytest.mark.skipif(chromium() is None, reason=ABSENT)
def test_the_page_opens_in_a_browser(night_home, folder, tmp_path, capsys):
    target = tmp_path / "simulation.html"
    assert asked(night_home, folder(('rate: "0.029"', 'rate: "0.019"')), "--html", str(target)) == 0
    assert "Who moves most" in capsys.readouterr().out
    shown = content_of(target.resolve().as_uri(), tmp_path / "profile")
    assert "accounts would pay something else" in shown
    assert "change in %" in shown


def test_the_text_says_that_nothing_changes_and_writes_amounts_in_their_minor_units(night_home, folder, capsys):
    assert asked(night_home, folder()) == 0
    shown = capsys.readouterr().out
    assert "Nothing changes" in shown
    (yen,) = [line for line in shown.split("By product")[0].splitlines() if line.startswith("JPY")]
    assert "." not in yen


def test_the_command_gives_json_with_exact_amounts(night_home, folder, capsys):
    assert asked(night_home, folder(), "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert {row["currency"] for row in found["totals"]} >= {"USD", "EUR", "JPY"}
    assert all(isinstance(row["revenue_after"], str) for row in found["products"])


def asked(settings, book, *options):
    span = ["--from", f"{FIRST}", "--to", f"{LAST}", "--home", str(settings.home)]
    with pytest.raises(SystemExit) as ended:
        cli.main(["simulate", "--book", str(book), *span, *options])
    return ended.value.code


def test_days_the_wrong_way_round_are_refused(night_home, folder):
    with pytest.raises(UsageError, match="is after --to"):
        simulate(night_home, folder(), LAST, FIRST)
