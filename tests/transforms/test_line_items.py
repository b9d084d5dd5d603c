"""Rules of `line_items`: what a day of usage costs, and how it is rounded."""

from datetime import date

import pytest

from tests.tables import texts
from tests.transforms.chain import made
from tests.transforms.worlds import (
    account,
    accounts,
    company,
    conditions,
    contracts,
    events,
    meter,
    on_plan,
    tiers,
    unit_prices,
    versions,
)

PER_UNIT = """
    price_version_id | price_id | model    | effective_from_date | unit_amount
    p@1              | p        | per_unit | 2026-01-01          | 0.0049
"""
ONE_TIER = """
    price_version_id | tier | lower_bound | up_to | offset | unit_amount | flat_amount | base_amount
    p@1              | 1    | -1          | null  | 0      | 0.0049      | 0           | 0
"""
# Semantics, golden figures: 1000 at 0.010 + 5, 5000 at 0.008 + 3, above at 0.005 + 0.
GRADUATED = """
    price_version_id | price_id | model     | effective_from_date
    g@1              | g        | graduated | 2026-01-01
"""
GRADUATED_TIERS = """
    price_version_id | tier | lower_bound | up_to | offset | unit_amount | flat_amount | base_amount
    g@1              | 1    | -1          | 1000  | 0      | 0.010       | 5           | 5
    g@1              | 2    | 1000        | 5000  | 1000   | 0.008       | 3           | 18
    g@1              | 3    | 5000        | null  | 5000   | 0.005       | 0           | 50
"""
VOLUME_TIERS = """
    price_version_id | tier | lower_bound | up_to | offset | unit_amount | flat_amount | base_amount
    g@1              | 1    | -1          | 1000  | 0      | 0.010       | 5           | 5
    g@1              | 2    | 1000        | 5000  | 0      | 0.008       | 3           | 3
    g@1              | 3    | 5000        | null  | 0      | 0.005       | 0           | 0
"""
COLUMNS = ["service_date", "quantity_before", "quantity", "amount_exact_before", "amount_exact", "amount"]


def lines(prices, price_tiers, used, **tables):
    chain = made(
        "line_items",
        as_of="2026-08-31",
        account_rows=account(),
        meters=meter(),
        plan_prices=on_plan("p", "g"),
        price_versions=versions(prices),
        price_tiers=tiers(price_tiers),
        usage_events=events(used),
        **tables,
    )
    return chain["line_items"]


def test_a_line_is_the_difference_of_rounded_running_totals():
    """10 and 20 units at 0.0049: 0.049 and 0.098; running 0.05 and 0.147 -> 0.15; lines 0.05 and 0.10."""
    used = """
        event_id | occurred_at      | quantity
        a        | 2026-08-03T10:00 | 10
        b        | 2026-08-04T10:00 | 12
        c        | 2026-08-04T11:00 | 8
    """
    assert texts(lines(PER_UNIT, ONE_TIER, used), COLUMNS) == [
        ("2026-08-03", "0", "10", "0", "0.049", "0.05"),
        ("2026-08-04", "10", "20", "0.049", "0.098", "0.1"),
    ]


@pytest.mark.parametrize(
    ("quantity", "amount_exact"),
    [
        pytest.param("0", "5", id="tier one's flat is due at zero"),
        pytest.param("0.5", "5.005", id="a fraction pays its share"),
        pytest.param("1000", "15", id="the bound belongs to the tier below"),
        pytest.param("1000.5", "18.004", id="just above the bound enters the next tier"),
        pytest.param("1001", "18.008", id="one unit in tier two"),
        pytest.param("5000", "50", id="tier two is full"),
        pytest.param("20000", "125", id="the open tier"),
    ],
)
def test_graduated_charges_each_band_at_its_own_rate(quantity, amount_exact):
    used = f"event_id | occurred_at | quantity\n a | 2026-08-03T10:00 | {quantity}"
    assert texts(lines(GRADUATED, GRADUATED_TIERS, used), ["amount_exact"]) == [(amount_exact,)]


@pytest.mark.parametrize(
    ("quantity", "amount_exact"),
    [("1000", "15"), ("1001", "11.008"), ("5000", "43"), ("5001", "25.005")],
)
def test_volume_charges_all_units_at_the_rate_of_their_total(quantity, amount_exact):
    used = f"event_id | occurred_at | quantity\n a | 2026-08-03T10:00 | {quantity}"
    volume = GRADUATED.replace("graduated", "volume")
    assert texts(lines(volume, VOLUME_TIERS, used), ["amount_exact"]) == [(amount_exact,)]


def test_volume_lines_of_a_month_add_up_to_the_total_even_if_one_is_negative():
    """1,000 cost 15; one unit more costs 11.008 in all, so the second day takes 3.992 back."""
    used = """
        event_id | occurred_at      | quantity
        a        | 2026-08-03T10:00 | 1000
        b        | 2026-08-04T10:00 | 1
    """
    volume = GRADUATED.replace("graduated", "volume")
    assert texts(lines(volume, VOLUME_TIERS, used), ["amount_exact", "amount"]) == [("15", "15"), ("-3.992", "-3.99")]


def test_an_active_price_without_usage_has_one_line_on_its_first_active_day():
    used = "event_id | occurred_at | quantity\n a | 2026-07-31T10:00 | 1"
    found = lines(GRADUATED, GRADUATED_TIERS, used)
    assert texts(found, ["service_date", "quantity", "amount"]) == [
        ("2026-07-31", "1", "5.01"),
        ("2026-08-01", "0", "5"),
    ]


def test_counters_begin_anew_with_a_version_and_rounding_runs_on():
    """Until noon of the 3rd 0.0049, then 0.0051: 10 + 10 units are 0.049 + 0.051 = 0.10 exactly, not 0.05 + 0.05."""
    prices = (
        PER_UNIT.replace("effective_from_date", "effective_from_date | effective_from_at").replace(
            "2026-01-01          |", "2026-01-01 | null |"
        )
        + "    p@2 | p | per_unit | null | 2026-08-03T12:00 | 0.0051\n"
    )
    used = """
        event_id | occurred_at             | quantity
        a        | 2026-08-03T11:59:59.999999 | 10
        b        | 2026-08-03T12:00           | 10
    """
    both = ONE_TIER + "    p@2 | 1 | -1 | null | 0 | 0.0051 | 0 | 0\n"
    assert texts(lines(prices, both, used), ["price_version_id", *COLUMNS]) == [
        ("p@1", "2026-08-03", "0", "10", "0", "0.049", "0.05"),
        ("p@2", "2026-08-03", "0", "10", "0.049", "0.051", "0.05"),
    ]


def lines_of(**given):
    """Lines as of 30 September of `acme` in USD on the plan with p and g, unless said otherwise; billed since August."""
    known = {
        "account_rows": account(),
        "companies": company(),
        "meters": meter(),
        "plan_prices": on_plan("p", "g"),
        **given,
    }
    return made("line_items", as_of="2026-09-30", **known)["line_items"]


P = "price_version_id | price_id | model | effective_from_date\n p@1 | p | per_unit | 2026-01-01"


def test_a_billing_period_begins_anew_with_the_month():
    """1,000 fill tier one in August; September starts at zero, with its flat."""
    used = """
        event_id | occurred_at      | quantity
        a        | 2026-08-31T23:59 | 1000
        b        | 2026-09-01T00:00 | 1000
    """
    found = lines_of(price_versions=versions(GRADUATED), price_tiers=tiers(GRADUATED_TIERS), usage_events=events(used))
    columns = ["service_date", "billing_period_start", "billing_period_end", "quantity_before", "amount"]
    assert texts(found, columns) == [
        ("2026-08-31", "2026-08-01", "2026-09-01", "0", "15"),
        ("2026-09-01", "2026-09-01", "2026-10-01", "0", "15"),
    ]


def test_graduated_counters_and_flats_begin_anew_with_a_version():
    """On the 4th the price changes: 1,000 cost 5 + 10 before it, and again 5 + 10 after it, not 8.00 of tier two."""
    prices = GRADUATED + "    g@2 | g | graduated | 2026-08-04\n"
    both = GRADUATED_TIERS + GRADUATED_TIERS.split("base_amount\n")[1].replace("g@1", "g@2")
    used = """
        event_id | occurred_at      | quantity
        a        | 2026-08-03T10:00 | 1000
        b        | 2026-08-04T10:00 | 1000
    """
    found = lines(prices, both, used)
    assert texts(found, ["price_version_id", "quantity_before", "amount_exact_before", "amount"]) == [
        ("g@1", "0", "0", "15"),
        ("g@2", "0", "15", "15"),
    ]


def test_a_day_that_crosses_a_bound_pays_both_tiers():
    """999 and then 2: R(1001) - R(999) = 18.008 - 14.99 = 3.018."""
    used = """
        event_id | occurred_at      | quantity
        a        | 2026-08-03T10:00 | 999
        b        | 2026-08-04T10:00 | 2
    """
    found = texts(lines(GRADUATED, GRADUATED_TIERS, used), ["amount_exact", "amount"])
    assert found == [("14.99", "14.99"), ("3.018", "3.02")]


def test_a_line_names_the_override_and_what_the_list_price_would_have_been():
    """1,000 at 0.005 instead of 0.010 + 5: 5.00, list 15.00; the next 1 is R(1001) - R(1000) = 3.008 by the list."""
    prices = """
        price_version_id | price_id | model     | contract_id | effective_from_date
        g@1              | g        | graduated | null        | 2026-01-01
        c/g@1            | g        | per_unit  | c           | 2026-01-01
    """
    own = GRADUATED_TIERS + "    c/g@1 | 1 | -1 | null | 0 | 0.005 | 0 | 0\n"
    used = """
        event_id | occurred_at      | quantity
        a        | 2026-08-03T10:00 | 1000
        b        | 2026-08-04T10:00 | 1
    """
    agreed = contracts("contract_id | account_id | has_overrides\n c | acme | true")
    found = lines(prices, own, used, contracts=agreed)
    assert texts(found, ["contract_id", "price_version_id", "amount_exact", "amount", "list_amount"]) == [
        ("c", "c/g@1", "5", "5", "15"),
        ("c", "c/g@1", "0.005", "0.01", "3.01"),
    ]


def test_without_an_override_the_list_amount_is_the_amount():
    used = "event_id | occurred_at | quantity\n a | 2026-08-03T10:00 | 1001"
    assert texts(lines(GRADUATED, GRADUATED_TIERS, used), ["amount", "list_amount"]) == [("18.01", "18.01")]


def test_a_list_price_that_is_not_sold_in_the_currency_has_no_list_amount_but_the_lines_own():
    prices = """
        price_version_id | price_id | model    | contract_id | currency | effective_from_date
        p@1              | p        | per_unit | null        | EUR      | 2026-01-01
        c/p@1            | p        | per_unit | c           | USD      | 2026-01-01
    """
    agreed = contracts("contract_id | account_id | has_overrides\n c | acme | true")
    found = lines_of(
        contracts=agreed,
        price_versions=versions(prices),
        price_tiers=unit_prices(**{"c/p@1": "2"}),
        usage_events=events("event_id | occurred_at | quantity\n a | 2026-08-03T10:00 | 3"),
    )
    assert ("6", "6") in texts(found, ["amount", "list_amount"])


def test_a_cost_is_a_line_in_its_own_currency_beside_the_revenue():
    """10 units sold at 0.10 USD, bought at 0.05 EUR: 1.00 USD revenue, 0.50 EUR cost, rounded apart."""
    prices = """
        price_version_id | price_id | model    | kind    | currency | effective_from_date
        p@1              | p        | per_unit | revenue | USD      | 2026-01-01
        g@1              | g        | per_unit | cost    | EUR      | 2026-01-01
    """
    cost_and_price = """
        price_version_id | tier | lower_bound | up_to | offset | unit_amount | flat_amount | base_amount | currency
        p@1              | 1    | -1          | null  | 0      | 0.10        | 0           | 0           | USD
        g@1              | 1    | -1          | null  | 0      | 0.05        | 0           | 0           | EUR
    """
    used = "event_id | occurred_at | quantity\n a | 2026-08-03T10:00 | 10"
    found = lines(prices, cost_and_price, used)
    assert texts(found, ["kind", "amount", "currency"]) == [("cost", "0.5", "EUR"), ("revenue", "1", "USD")]


@pytest.mark.parametrize(
    ("currency", "expected"),
    [
        pytest.param("JPY", ["0", "1", "0", "1"], id="yen: 0.445, 0.89, 1.335, 1.78 are 0, 1, 1, 2"),
        pytest.param("USD", ["0.45", "0.44", "0.45", "0.44"], id="dollars: 0.45, 0.89, 1.34, 1.78"),
        pytest.param("KWD", ["0.445", "0.445", "0.445", "0.445"], id="dinars have three decimals: exact"),
    ],
)
def test_lines_are_rounded_to_the_minor_unit_of_their_currency(currency, expected):
    """Four days of 0.445."""
    used = "event_id | occurred_at | quantity\n" + "".join(f"{day} | 2026-08-0{day}T10:00 | 1\n" for day in range(1, 5))
    found = lines_of(
        account_rows=account(currency=currency),
        price_versions=versions(P, currency=currency),
        price_tiers=tiers(ONE_TIER.replace("0.0049", "0.445"), currency=currency),
        usage_events=events(used),
    )
    assert [amount for (amount,) in texts(found, ["amount"])][:4] == expected


@pytest.mark.parametrize(
    ("rounding", "expected"),
    [
        pytest.param("half_up", ["0.01", "0", "0.01"], id="0.005, 0.010, 0.015 are 0.01, 0.01, 0.02"),
        pytest.param("half_even", ["0", "0.01", "0.01"], id="they are 0.00, 0.01, 0.02"),
        pytest.param("down", ["0", "0.01", "0"], id="they are 0.00, 0.01, 0.01"),
        pytest.param("up", ["0.01", "0", "0.01"], id="they are 0.01, 0.01, 0.02"),
    ],
)
def test_running_totals_are_rounded_by_the_mode_of_the_price(rounding, expected):
    used = "event_id | occurred_at | quantity\n" + "".join(f"{day} | 2026-08-0{day}T10:00 | 1\n" for day in range(1, 4))
    found = lines_of(
        price_versions=versions(P, rounding=rounding),
        price_tiers=unit_prices(**{"p@1": "0.005"}),
        usage_events=events(used),
    )
    assert [amount for (amount,) in texts(found, ["amount"])][:3] == expected


FEES = """
    price_version_id | price_id | model      | effective_from_date | rate  | fixed_amount
    p@1              | p        | percentage | 2026-01-01          | 0.012 | 0.10
"""


@pytest.mark.parametrize(
    ("round_at", "expected"),
    [
        pytest.param("event", [("2.118", "2.13"), ("0.706", "0.71")], id="each fee by itself: three of 0.71, and one"),
        pytest.param("period", [("2.118", "2.12"), ("0.706", "0.7")], id="the running total: 2.118 and 2.824"),
    ],
)
def test_fees_are_rounded_per_event_or_as_a_running_total(round_at, expected):
    """Three payments of 50.50 on one day and one on the next, at 1.2 % + 0.10 = 0.706 each."""
    used = """
        event_id | occurred_at      | amount
        a        | 2026-08-03T10:00 | 50.50
        b        | 2026-08-03T11:00 | 50.50
        c        | 2026-08-03T12:00 | 50.50
        d        | 2026-08-04T10:00 | 50.50
    """
    found = lines_of(
        meters=meter(value="amount"),
        price_versions=versions(FEES, round_at=round_at),
        usage_events=events(used, value_currency="USD"),
    )
    assert texts(found, ["amount_exact", "amount"])[:2] == expected
    assert texts(found, ["quantity_before", "quantity"])[:2] == [("0", "151.5"), ("151.5", "50.5")]


def test_a_price_per_event_without_events_has_a_line_of_nothing():
    found = lines_of(meters=meter(value="amount"), price_versions=versions(FEES, round_at="event"))
    assert texts(found, ["service_date", "quantity", "amount"]) == [("2026-08-01", "0", "0"), ("2026-09-01", "0", "0")]


def test_prices_with_conditions_are_lines_of_their_own_with_counters_of_their_own():
    """1,000 of model s and 1,000 of model l: each fills its own tier one, 15.00 each."""
    prices = """
        price_version_id | price_id | model     | conditions    | effective_from_date
        p@1              | p        | graduated | {"model":"s"} | 2026-01-01
        g@1              | g        | graduated | {"model":"l"} | 2026-01-01
    """
    both = GRADUATED_TIERS + GRADUATED_TIERS.split("base_amount\n")[1].replace("g@1", "p@1")
    used = """
        event_id | occurred_at      | quantity | dimensions
        a        | 2026-08-03T10:00 | 1000     | {"model":"s"}
        b        | 2026-08-03T11:00 | 1000     | {"model":"l"}
    """
    looked_at = conditions("price_id | dimension | value\n p | model | s\n g | model | l")
    found = lines(prices, both, used, price_conditions=looked_at)
    assert texts(found, ["line_item_id", "dimensions", "amount"]) == [
        ('default:acme/g@1/{"model":"l"}/usage/2026-08-03', '{"model":"l"}', "15"),
        ('default:acme/p@1/{"model":"s"}/usage/2026-08-03', '{"model":"s"}', "15"),
    ]


def test_cells_that_one_price_rates_are_one_line():
    """p asks for nothing, so usage of both models adds up to one counter: 2,000 cost 18 + 1,000 × 0.008 = 26."""
    used = """
        event_id | occurred_at      | quantity | dimensions
        a        | 2026-08-03T10:00 | 1000     | {"model":"s"}
        b        | 2026-08-03T11:00 | 1000     | {"model":"l"}
    """
    looked_at = conditions("price_id | dimension | value\n other | model | s")
    found = lines(GRADUATED, GRADUATED_TIERS, used, price_conditions=looked_at)
    assert texts(found, ["quantity", "amount"]) == [("2000", "26")]


def test_payer_and_entity_are_those_of_the_day():
    """acme joins the group on 10 August: the group pays from then on; the counter and the rounding run on."""
    account_rows = accounts("""
        delivery_date | account_id | parent_account_id | legal_entity_id | valid_from
        2026-08-01    | group      | null              | us              | 2020-01-01
        2026-08-01    | acme       | null              | us              | 2020-01-01
        2026-08-02    | acme       | group             | gmbh            | 2026-08-10
    """)
    used = """
        event_id | occurred_at      | quantity
        a        | 2026-08-09T10:00 | 1
        b        | 2026-08-10T10:00 | 1
    """
    found = lines_of(
        account_rows=account_rows,
        price_versions=versions(P),
        price_tiers=unit_prices(**{"p@1": "0.005"}),
        usage_events=events(used),
    ).filter(account_id="acme", billing_period_start=date(2026, 8, 1))
    columns = ["service_date", "payer_id", "legal_entity_id", "quantity_before", "amount"]
    assert texts(found, columns) == [
        ("2026-08-09", "acme", "us", "0", "0.01"),
        ("2026-08-10", "group", "gmbh", "1", "0"),
    ]


def test_accounts_never_share_a_counter():
    used = """
        event_id | account_id | occurred_at      | quantity
        a        | acme       | 2026-08-03T10:00 | 1000
        b        | beta       | 2026-08-03T10:00 | 1000
    """
    found = lines_of(
        account_rows=accounts("account_id\nacme\nbeta"),
        price_versions=versions(GRADUATED),
        price_tiers=tiers(GRADUATED_TIERS),
        usage_events=events(used),
    ).filter(billing_period_start=date(2026, 8, 1))
    assert texts(found, ["account_id", "amount"]) == [("acme", "15"), ("beta", "15")]


def test_two_contracts_of_an_account_have_counters_of_their_own():
    used = """
        event_id | contract_id | occurred_at      | quantity
        a        | c           | 2026-08-03T10:00 | 1000
        b        | d           | 2026-08-03T10:00 | 1000
    """
    found = lines_of(
        contracts=contracts("contract_id | account_id\n c | acme\n d | acme"),
        price_versions=versions(GRADUATED),
        price_tiers=tiers(GRADUATED_TIERS),
        usage_events=events(used),
    ).filter(billing_period_start=date(2026, 8, 1))
    assert texts(found, ["contract_id", "amount"]) == [("c", "15"), ("d", "15")]


def test_a_line_says_all_that_its_id_says():
    used = "event_id | occurred_at | quantity\n a | 2026-08-03T10:00 | 1"
    (line,) = lines(PER_UNIT, ONE_TIER, used).to_dicts()
    assert line["line_item_id"] == "default:acme/p@1/{}/usage/2026-08-03"
    named = ["account_id", "contract_id", "price_id", "product_id", "charge_kind", "kind", "is_adjustment"]
    assert [line[name] for name in named] == ["acme", "default:acme", "p", "llm", "usage", "revenue", False]
    assert line["posting_date"] == line["service_date"]
    assert (line["amount_reporting"], line["fx_rate_date"]) == (line["amount"], None), "it reports in dollars, too"


def test_two_versions_of_a_day_and_two_prices_of_a_version_have_ids_of_their_own():
    """Three prices, of which one changes at noon, in two accounts and a contract: 4 lines each."""
    prices = """
        price_version_id | price_id | model    | is_additive | effective_from_date | effective_from_at
        p@1              | p        | per_unit | false       | 2026-01-01          | null
        p@2              | p        | per_unit | false       | null                | 2026-08-03T12:00
        g@1              | g        | per_unit | true        | 2026-01-01          | null
    """
    used = "event_id | account_id | occurred_at | quantity\n" + "".join(
        f"{name}{hour} | {name} | 2026-08-03T{hour} | 1\n" for name in ("acme", "beta") for hour in ("11:00", "13:00")
    )
    found = lines_of(
        account_rows=accounts("account_id\nacme\nbeta"),
        contracts=contracts("contract_id | account_id\n c | acme"),
        price_versions=versions(prices),
        price_tiers=unit_prices(**{"p@1": "1", "p@2": "1", "g@1": "1"}),
        usage_events=events(used),
    ).filter(service_date=date(2026, 8, 3))
    assert found["line_item_id"].n_unique() == found.height == 2 * 3
    assert texts(found.filter(price_id="g"), ["contract_id", "quantity"]) == [("c", "2"), ("default:beta", "2")]


def test_what_an_amount_can_hold_is_billed_and_what_it_cannot_waits():
    """Fourteen daily versions of nearly 10^13 each would run up to 10^14: no line, no error, and the night goes on."""
    days = range(1, 15)
    header = "price_version_id | price_id | model | effective_from_date\n"
    prices = header + "".join(f"p@{day} | p | per_unit | 2026-08-{day:02}\n" for day in days)
    used = "event_id | occurred_at | quantity\n" + "".join(
        f"{day} | 2026-08-{day:02}T10:00 | 9999999999999\n" for day in days
    )
    given = {
        "price_versions": versions(prices, quantity_limit="9999999999999"),
        "price_tiers": unit_prices(**{f"p@{day}": "1" for day in days}),
    }
    nothing = lines_of(**given, usage_events=events(used))
    assert {amount for (amount,) in texts(nothing, ["amount"])} == {"0"}
    one = lines_of(**given, usage_events=events("\n".join(used.split("\n")[:2])))
    assert ("2026-08-01", "9999999999999") in texts(one, ["service_date", "amount"])


def test_a_list_amount_that_no_amount_can_hold_makes_usage_wait():
    """10^12 at 0.000000001 are 1,000.00; by the list price of 100 they would be 10^14."""
    prices = """
        price_version_id | price_id | model    | contract_id | effective_from_date | quantity_limit
        p@1              | p        | per_unit | null        | 2026-01-01          | 99999999999
        c/p@1            | p        | per_unit | c           | 2026-01-01          | 100000000000000000000
    """
    agreed = contracts("contract_id | account_id | has_overrides\n c | acme | true")
    found = lines_of(
        contracts=agreed,
        price_versions=versions(prices),
        price_tiers=unit_prices(**{"p@1": "100", "c/p@1": "0.000000001"}),
        usage_events=events("event_id | occurred_at | quantity\n a | 2026-08-03T10:00 | 1000000000000"),
    )
    assert {amount for (amount,) in texts(found, ["amount"])} == {"0"}


def test_versions_of_a_day_are_rounded_in_the_order_of_time_not_of_their_names():
    """z until noon, a from noon on: 0.005 is 0.01, and with another 0.004 the total of 0.009 is 0.01 still."""
    prices = """
        price_version_id | price_id | model    | effective_from_date | effective_from_at
        z                | p        | per_unit | 2026-01-01          | null
        a                | p        | per_unit | null                | 2026-08-03T12:00
    """
    used = """
        event_id | occurred_at      | quantity
        1        | 2026-08-03T11:00 | 1
        2        | 2026-08-03T12:00 | 1
    """
    found = lines_of(
        price_versions=versions(prices),
        price_tiers=unit_prices(z="0.005", a="0.004"),
        usage_events=events(used),
    ).filter(service_date=date(2026, 8, 3))
    columns = ["price_version_id", "amount_exact_before", "amount"]
    assert sorted(texts(found, columns)) == [("a", "0.005", "0"), ("z", "0", "0.01")]
