"""Every charge model, groups and bounds in one published night: it ties out, and the marts say what the lines say."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from orchestration import night
from orchestration.settings import Settings
from tests.orchestration import test_explain_bounds as bounds
from tests.orchestration import test_explain_models as models
from tests.orchestration.tiny import put

PACKAGE = (
    '[{"flat_amount":"0","package_free":"0","package_round":"down","package_size":"100","tier":1,"unit_amount":"6",'
    '"up_to":null}]'
)


def _second_file(book: str) -> str:
    """The meters and prices of a book, to lie beside another one."""
    return book[book.index("meters:") : book.index("plans:")]


def _books() -> dict[str, str]:
    plan = bounds.BOOK[bounds.BOOK.index("prices: [capped") + len("prices: [") : bounds.BOOK.rindex("]}]")]
    return {
        "models.yaml": models.BOOK.replace("seat, job]}]", f"seat, job, {plan}]}}]"),
        "bounds.yaml": _second_file(bounds.BOOK),
    }


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    """The published file of the first night after August."""
    home: Path = tmp_path_factory.mktemp("published")
    for name, book in _books().items():
        put(home, f"price_book/2026-08-01/{name}", book)
    put(home, "accounts/2026-08-01/accounts.csv", bounds.ACCOUNTS)
    put(home, "usage_events/2026-08-23/models.csv", models.EVENTS)
    # Ids of their own, or the events of two files that bear one id would both be held.
    header, *used = bounds.EVENTS.splitlines(keepends=True)
    put(home, "usage_events/2026-08-23/bounds.csv", header + "".join(f"bounds-{line}" for line in used))
    settings = Settings(home=home)
    night.run(settings, date(2026, 9, 1))
    return duckdb.connect(settings.published / "latest" / "ratebook.duckdb", read_only=True)


def test_every_line_of_august_is_published_with_its_amount(published):
    found = published.execute(
        "select line_item_id, amount from marts.fct_line_item"
        " where account_id = 'acme' and billing_period_start = '2026-08-01'"
    ).fetchall()
    lines = {name.removeprefix("default:acme/"): amount for name, amount in found}
    expected = models.LINES | {
        name.removeprefix("acme/"): amount for name, (amount, _) in bounds.BOUNDS.items() if name.startswith("acme/")
    }
    assert {name: lines[name] for name in expected} == {name: Decimal(amount) for name, amount in expected.items()}


def test_a_maximum_and_a_true_up_are_lines_of_the_invoice(published):
    found = published.execute(
        "select price_id, charge_kind, amount from marts.fct_invoice_line"
        " where account_id = 'acme' and billing_period_start = '2026-08-01' and price_id in ('capped', 'least', 'support')"
        " order by all"
    ).fetchall()
    assert found == [
        ("capped", "maximum", Decimal(-80)),
        ("capped", "usage", Decimal(180)),
        ("least", "minimum_true_up", Decimal("9.38")),
        ("least", "usage", Decimal("0.62")),
        ("support", "recurring", Decimal(49)),
    ]


def test_bounded_prices_come_to_their_bounds_on_invoice_and_in_revenue(published):
    """Revenue has no column for the price: the day on which 60 of capped use bring 40, and 60 bring nothing."""
    totals = published.execute(
        "select price_id, sum(amount) from marts.fct_invoice_line where account_id = 'acme'"
        " and billing_period_start = '2026-08-01' and price_id in ('capped', 'third', 'least', 'unused', 'changed')"
        " group by 1 order by 1"
    ).fetchall()
    assert dict(totals) == {"capped": 100, "third": 100, "least": 10, "unused": 31, "changed": 30}
    ties = published.execute(
        "select (select sum(amount) from marts.fct_line_item where kind = 'revenue'),"
        " (select sum(recognised_amount) from marts.fct_revenue_daily), (select sum(total_amount) from marts.fct_invoice)"
    ).fetchone()
    assert len(set(ties)) == 1


def test_what_waits_is_listed_with_its_rule(published):
    found = published.execute("select distinct meter, rule from audit.aud_suspense order by all").fetchall()
    assert found == [("hours", "no_matrix_cell"), ("sold", "currency_mismatch"), ("sold", "no_amount")]


def test_the_price_list_shows_packages_cells_free_units_and_bounds(published):
    found = published.execute(
        "select price_version_id, meter, tiers, cells, free_units, minimum_amount, maximum_amount from marts.dim_price"
        " where price_version_id in ('mail@2026-08-20', 'support@2026-01-01', 'hour@2026-08-10', 'third@2026-01-01')"
        " order by 1"
    ).fetchall()
    plain = [tuple(int(value) if isinstance(value, Decimal) else value for value in row) for row in found]
    assert plain == [
        ("hour@2026-08-10", "hours", None, '{"default":"4","{\\"region\\":\\"eu\\"}":"3"}', None, None, None),
        (
            "mail@2026-08-20",
            "mails",
            PACKAGE,
            None,
            50,
            None,
            None,
        ),
        (
            "support@2026-01-01",
            None,
            '[{"flat_amount":"49","tier":1,"unit_amount":"0","up_to":null}]',
            None,
            None,
            None,
            None,
        ),
        (
            "third@2026-01-01",
            "thirds",
            None,
            None,
            None,
            50,
            100,
        ),
    ]
