"""What comes to light about a closed month is posted in the first open one, and the closed month stays as it was."""

from decimal import Decimal

import polars as pl
import pytest

from data_contracts import Adjustments, Corrections, LineInputs, PostedLineItems, SealedInputs, SealedLineItems
from orchestration import close
from orchestration.actions import append_action
from orchestration.explain import explained
from tests.orchestration import tiny
from tests.orchestration.closing import ACCOUNTS, HEADER, book, company, known, posted, sealed, totals, use

TIERS = 'tiers: [{up_to: "1000", unit_amount: "0.10"}, {up_to: null, unit_amount: "0.08"}]'
UNITS = 'unit_amount: "0.10"'
OF_MID_MONTH = """\
contract_id: mid
account_id: ant
plan: payg
starts_on: 2026-10-15
billing: {interval: month, anchor: 15}
"""


def adjustments(build):
    """Cause, amount and quantity of each adjustment, by its amount."""
    found = build.frame(Adjustments).sort("amount", "line_item_id").collect()
    return [(row["causes"], f"{row['amount']:f}", int(row["quantity"])) for row in found.to_dicts()]


def of_october(tmp_path, terms=UNITS, *, model="per_unit", rows=("a,ant,calls,2026-10-05T12:00:00Z,100",), **given):
    """Close October, in which the given rows were used."""
    settings = company(tmp_path, "2026-10-01", book(model, terms), **given)
    use(settings, "2026-10-05", *rows)
    sealed(settings, "2026-11-02", "2026-10")
    return settings


# --- the rule ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def late(tmp_path_factory):
    """900 units of October, closed; then 150 more of October, which bring all units to the cheaper tier."""
    settings = of_october(
        tmp_path_factory.mktemp("late"), TIERS, model="volume", rows=["a,ant,calls,2026-10-05T12:00:00Z,900"]
    )
    use(settings, "2026-11-04", "b,ant,calls,2026-10-20T12:00:00Z,150", "c,ant,calls,2026-11-03T12:00:00Z,200")
    return settings


def test_late_usage_is_posted_as_the_difference_in_the_first_open_month(late):
    build = known(late, "2026-11-04")
    # 1050 · 0.08 - 900 · 0.10
    assert totals(build) == {
        ("2026-10", False): Decimal("90.0000"),
        ("2026-11", True): Decimal("-6.0000"),
        ("2026-11", False): Decimal("20.0000"),  # 200 · 0.10: the billing period is the month
    }
    (line,) = build.frame(Adjustments).collect().to_dicts()
    assert (line["causes"], line["is_held"]) == ("late_usage", False)
    assert (str(line["service_date"]), str(line["posting_date"])) == ("2026-10-31", "2026-11-01")
    assert (line["quantity_before"], line["quantity"]) == (900, 150)


def test_a_billing_period_that_is_open_in_part_goes_on_from_what_it_should_have_been(tmp_path):
    """The worked example of semantics.md: 15 October to 14 November, October sealed with 900."""
    settings = company(tmp_path, "2026-10-01", book("volume", TIERS))
    tiny.put(tmp_path, "contracts/2026-10-01/mid.yaml", OF_MID_MONTH)
    use(settings, "2026-10-20", "a,ant,calls,2026-10-18T12:00:00Z,900")
    sealed(settings, "2026-11-02", "2026-10")
    use(settings, "2026-11-04", "b,ant,calls,2026-10-20T12:00:00Z,150", "c,ant,calls,2026-11-03T12:00:00Z,200")
    lines = known(settings, "2026-11-14").frame(PostedLineItems).filter(pl.col("contract_id") == "mid").collect()
    by_month = lines.filter(pl.col("billing_period_start") == pl.date(2026, 10, 15)).group_by(
        pl.col("posting_date").dt.month().alias("month"), "is_adjustment"
    )
    found = {
        (month, is_adjustment): amount for month, is_adjustment, amount in by_month.agg(pl.col("amount").sum()).rows()
    }
    assert found == {
        (10, False): Decimal("90.0000"),
        (11, True): Decimal("-6.0000"),  # R(1050) - 90 = 84 - 90
        (11, False): Decimal("16.0000"),  # R(1250) - R(1050) = 100 - 84
    }
    assert sum(found.values()) == 100


def test_a_run_of_the_close_or_of_an_earlier_day_sees_the_month_open(late):
    assert known(late, "2026-11-02").seals == ()
    assert posted(known(late, "2026-11-02"))[0][:2] == ("2026-10", False)
    assert known(late, "2026-11-02").frame(Corrections).collect().is_empty()
    assert len(known(late, "2026-11-03").seals) == 1


def test_the_seal_holds_the_lines_and_the_inputs_of_the_run_that_was_closed(late):
    then = known(late, "2026-11-02")
    now = known(late, "2026-11-04")
    assert then.frame(SealedLineItems).collect().is_empty()
    assert now.frame(SealedLineItems).select(pl.col("amount").sum()).collect().item() == Decimal("90.0000")
    assert now.frame(SealedInputs).collect().equals(then.frame(LineInputs).sort(LineInputs.keys).collect())


def test_an_adjustment_becomes_a_fact_with_the_next_close_and_is_not_posted_again(late):
    sealed(late, "2026-12-02", "2026-11")
    after = known(late, "2026-12-05")
    assert totals(after)["2026-11", True] == Decimal("-6.0000")
    assert ("2026-12", True) not in totals(after)
    assert after.frame(Corrections).collect().is_empty()


def test_what_is_posted_in_all_is_what_a_clean_recompute_gives(late, tmp_path):
    """I11: late data converges."""
    clean = company(tmp_path, "2026-10-01", book("volume", TIERS))
    use(clean, "2026-10-05", "a,ant,calls,2026-10-05T12:00:00Z,900")
    use(clean, "2026-11-04", "b,ant,calls,2026-10-20T12:00:00Z,150", "c,ant,calls,2026-11-03T12:00:00Z,200")
    assert sum(totals(known(late, "2026-11-14")).values()) == sum(totals(known(clean, "2026-11-14")).values())


# --- one cause each ----------------------------------------------------------------------------------------------------


def test_a_reversal_takes_back_what_was_sealed(tmp_path):
    settings = of_october(tmp_path)
    header = f"{HEADER},reverses_event_id"
    use(settings, "2026-11-04", "r,ant,calls,2026-11-03T12:00:00Z,,a", header=header)
    assert adjustments(known(settings, "2026-11-04")) == [("reversal", "-10.0000", -100)]


def test_an_amendment_posts_the_difference(tmp_path):
    settings = of_october(tmp_path)
    header = f"{HEADER},amends_event_id"
    use(settings, "2026-11-04", "n,ant,calls,2026-10-05T12:00:00Z,70,a", header=header)
    assert adjustments(known(settings, "2026-11-04")) == [("amendment", "-3.0000", -30)]


SUPERSEDED = f"""{UNITS}
      - supersedes: 2026-01-01
        reason: The order form says 0.05.
        approved_by: maria
        unit_amount: "0.05\""""


def test_a_superseded_price_reverses_what_was_sealed_and_posts_it_anew(tmp_path):
    settings = of_october(tmp_path)
    tiny.put(tmp_path, "price_book/2026-11-04/book.yaml", book("per_unit", UNITS, more=SUPERSEDED.partition("\n")[2]))
    build = known(settings, "2026-11-04")
    # 100 at 0.10 was sealed, 100 at 0.05 is right
    assert adjustments(build) == [("price_superseded", "-10.0000", -100), ("price_superseded", "5.0000", 100)]
    versions = build.frame(Adjustments).sort("amount").collect()["price_version_id"].to_list()
    assert versions == ["calls@2026-01-01", "calls@2026-01-01#1"]


def test_a_contract_signed_after_the_close_moves_usage_from_the_default_plan(tmp_path):
    settings = of_october(tmp_path)
    contract = "contract_id: c1\naccount_id: ant\nplan: payg\nstarts_on: 2026-10-01\n"
    tiny.put(tmp_path, "contracts/2026-11-04/c.yaml", contract)
    assert adjustments(known(settings, "2026-11-04")) == [
        ("contract_change", "-10.0000", -100),
        ("contract_change", "10.0000", 100),
    ]


def test_an_account_that_moves_to_another_legal_entity_is_taken_off_the_closed_one(tmp_path):
    """Its October counts where it belongs: that legal entity has closed nothing."""
    two = "{id: two, name: Two Ltd., country: US, currency: USD, invoice_prefix: W}"
    settings = company(tmp_path, "2026-10-01", book("per_unit", UNITS).replace("entities: [", f"entities: [{two}, "))
    use(settings, "2026-10-05", "a,ant,calls,2026-10-05T12:00:00Z,100")
    sealed(settings, "2026-11-02", "2026-10")
    tiny.put(tmp_path, "accounts/2026-11-04/accounts.csv", ACCOUNTS.replace(",tiny,2026-09-01", ",two,2026-10-01"))
    build = known(settings, "2026-11-04")
    assert adjustments(build) == [("account_change", "-10.0000", -100)]
    assert totals(build)["2026-10", False] == 20  # sealed for one entity, open for the other


def test_released_suspense_is_posted_when_the_account_becomes_known(tmp_path):
    settings = of_october(
        tmp_path, rows=["a,ant,calls,2026-10-05T12:00:00Z,100", "b,bee,calls,2026-10-05T13:00:00Z,40"]
    )
    assert adjustments(known(settings, "2026-11-03")) == []
    tiny.put(tmp_path, "accounts/2026-11-04/accounts.csv", f"{ACCOUNTS}bee,Bee,USD,US,UTC,tiny,2026-09-01\n")
    assert adjustments(known(settings, "2026-11-04")) == [("suspense_released", "4.0000", 40)]


# --- models across a close ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "terms", "expected"),
    [
        # 100 · 0.10 + 20 · 0.05 were sealed, 150 units are 100 · 0.10 + 50 · 0.05
        pytest.param(
            "graduated",
            'tiers: [{up_to: "100", unit_amount: "0.10"}, {up_to: null, unit_amount: "0.05"}]',
            "1.5000",
            id="graduated goes on in the tier that it has reached",
        ),
        # two packages of 100 were sealed, 150 units are two
        pytest.param("package", 'package: {size: "100", amount: "5"}', None, id="a package that is open is paid"),
        # 120 - 100 free were sealed
        pytest.param(
            "per_unit", 'unit_amount: "0.10"\nfree_units: "100"', "3.0000", id="the allowance was used up before"
        ),
        pytest.param(
            "per_unit", 'unit_amount: "0.10"\nmaximum: "13"', "1.0000", id="a maximum leaves room for one more only"
        ),
    ],
)
def test_a_price_goes_on_from_what_closed_months_hold(tmp_path, model, terms, expected):
    settings = of_october(tmp_path, terms, model=model, rows=["a,ant,calls,2026-10-05T12:00:00Z,120"])
    use(settings, "2026-11-04", "b,ant,calls,2026-10-20T12:00:00Z,30")
    build = known(settings, "2026-11-04")
    posted_in_november = totals(build).get(("2026-11", True), Decimal(0))
    assert posted_in_november == Decimal(expected or 0)
    assert {cause for cause, _, _ in adjustments(build)} == {"late_usage"}


# --- bounds ------------------------------------------------------------------------------------------------------------


def test_an_adjustment_over_a_bound_is_held_until_it_is_released_by_name(tmp_path):
    settings = of_october(tmp_path, adjustment_month_bound=Decimal("0.2"), adjustment_account_bound=Decimal("0.05"))
    use(settings, "2026-11-04", "b,ant,calls,2026-10-20T12:00:00Z,10")
    held = known(settings, "2026-11-04")
    (line,) = held.frame(Adjustments).collect().to_dicts()
    # 1.00 of 10.00: within 20 % of the month, over 5 % of the account
    assert (line["is_held"], line["held_as"]) == (True, "adjustments/tiny/2026-10/USD/revenue/ant")
    assert ("2026-11", True) not in totals(held)
    append_action(settings, "release", line["held_as"], reason="it is true", requested_by="ada", approved_by="grace")
    assert totals(known(settings, "2026-11-05"))["2026-11", True] == 1
    assert ("2026-11", True) not in totals(known(settings, "2026-11-04"))


def test_what_is_held_at_the_next_close_stays_owed(tmp_path):
    settings = of_october(tmp_path, adjustment_account_bound=Decimal("0.05"))
    use(settings, "2026-11-04", "b,ant,calls,2026-10-20T12:00:00Z,10")
    sealed(settings, "2026-12-02", "2026-11")
    later = known(settings, "2026-12-03")
    (line,) = later.frame(Adjustments).collect().to_dicts()
    assert (line["is_held"], line["causes"], f"{line['amount']:f}") == (True, "late_usage", "1.0000")
    assert str(line["posting_date"]) == "2026-12-01"


def test_a_corrected_rate_changes_what_a_converted_price_came_to(tmp_path):
    """F56: the rate of 5 October was 1.10 dollars for a euro when it was sealed; it was 1.20."""
    terms = UNITS.replace('"0.10"', '"1"')
    converted = book("per_unit", terms).replace(
        "    currency: USD\n    versions", "    currency: EUR\n    convert: service_date\n    versions"
    )
    settings = company(tmp_path, "2026-10-01", converted)
    fx = "rate_date,base_currency,quote_currency,rate\n2026-10-05,EUR,USD,{}\n"
    tiny.put(tmp_path, "fx_rates/2026-10-05/rates.csv", fx.format("1.10"))
    use(settings, "2026-10-05", "a,ant,calls,2026-10-05T12:00:00Z,100")
    sealed(settings, "2026-10-09", "2026-10")
    tiny.put(tmp_path, "fx_rates/2026-10-10/rates.csv", fx.format("1.20"))
    assert adjustments(known(settings, "2026-10-10")) == [("rate_corrected", "10.0000", 0)]


def test_a_level_that_is_carried_over_a_close_goes_on_in_the_open_month(tmp_path):
    """5 seats from 31 October on, known on 4 November: the line of October's day is sealed without them."""
    seats = book("per_unit", UNITS).replace("aggregation: sum", "aggregation: latest")
    settings = company(tmp_path, "2026-10-01", seats)
    use(settings, "2026-10-05", "a,ant,calls,2026-10-05T12:00:00Z,3")
    sealed(settings, "2026-11-02", "2026-10")
    before = totals(known(settings, "2026-11-03"))
    use(settings, "2026-11-04", "b,ant,calls,2026-10-31T12:00:00Z,5")
    after = totals(known(settings, "2026-11-04"))
    # 3 seats of October were sealed as 0.30; 5 are right, and 5 are what November begins with, instead of 3.
    assert after["2026-10", False] == before["2026-10", False] == Decimal("0.3000")
    assert after["2026-11", True] == Decimal("0.2000")
    assert (before["2026-11", False], after["2026-11", False]) == (Decimal("0.3000"), Decimal("0.5000"))


# --- code --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def drifted(tmp_path, monkeypatch):
    """October was sealed by code that made one cent more of it."""
    settings = company(tmp_path, "2026-10-01", book("per_unit", UNITS))
    use(settings, "2026-10-05", "a,ant,calls,2026-10-05T12:00:00Z,100")
    append, cent = close._append, pl.lit(Decimal("0.01"))

    def by_other_code(settings, facts, decision, frames):
        lines = frames[SealedLineItems]
        is_usage = pl.col("quantity") != 0
        more = [
            pl.when(is_usage).then(pl.col(name) + cent).otherwise(name).cast(lines.schema[name]).alias(name)
            for name in ("amount", "amount_exact")
        ]
        other = lines.with_columns(more)
        return append(settings, facts, decision, {**frames, SealedLineItems: other})

    monkeypatch.setattr(close, "_append", by_other_code)
    sealed(settings, "2026-11-02", "2026-10")
    monkeypatch.setattr(close, "_append", append)
    return settings


def test_what_the_code_alone_changes_is_shown_and_not_posted(drifted):
    build = known(drifted, "2026-11-03")
    (row,) = build.frame(Corrections).collect().to_dicts()
    assert (row["causes"], f"{row['drift_amount']:f}", row["amount"]) == ("rule_change", "-0.0100", 0)
    assert adjustments(build) == []


def test_late_usage_is_the_difference_of_one_code_and_leaves_the_drift(drifted):
    use(drifted, "2026-11-04", "b,ant,calls,2026-10-20T12:00:00Z,30")
    build = known(drifted, "2026-11-04")
    assert adjustments(build) == [("late_usage", "3.0000", 30)]
    assert build.frame(Corrections).collect()["drift_amount"].to_list() == [Decimal("-0.0100")]


def test_a_restatement_posts_the_drift_from_the_next_date_on(drifted):
    known(drifted, "2026-11-03")
    append_action(
        drifted, "restate", "tiny/2026-10", reason="the rule was wrong", requested_by="ada", approved_by="grace"
    )
    assert adjustments(known(drifted, "2026-11-04")) == [("rule_change", "-0.0100", 0)]
    assert adjustments(known(drifted, "2026-11-03")) == []


# --- explain -----------------------------------------------------------------------------------------------------------


def test_an_adjustment_is_explained_by_what_was_sealed_and_what_is_known(late):
    found = explained(
        known(late, "2026-11-04"), "tiny/ant/default:ant/calls@2026-01-01/{}/usage/2026-10-31/USD/2026-11/adjustment"
    )
    assert found.agrees
    assert "Sealed: 900 units, 90.00 USD" in found.as_text()
    assert "By everything known now: 1050 units, 84.00 USD" in found.as_text()


def test_a_sealed_line_is_explained_by_what_the_close_knew(late):
    found = explained(known(late, "2026-11-04"), "default:ant/calls@2026-01-01/{}/usage/2026-10-05")
    assert found.agrees
    assert (len(found.events), f"{found.line['amount']:f}") == (1, "90.0000")
