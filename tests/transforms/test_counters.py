"""Rules of counters: what goes on when a price changes, what spans several billing periods, who shares a counter."""

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
    versions,
)

# Semantics §1: 600 + 600 units, v1 0.010 to 1,000 then 0.008, v2 0.012 then 0.009.
TWO_VERSIONS = """
    price_version_id | price_id | model   | effective_from_date | counter_version_id
    g@1              | g        | {model} | 2026-01-01          | null
    g@2              | g        | {model} | 2026-08-04          | {head}
"""
HEADER = "price_version_id | tier | lower_bound | up_to | offset | unit_amount | flat_amount | base_amount\n"
VOLUMES = (
    HEADER
    + """
    g@1 | 1 | -1   | 1000 | 0 | 0.010 | 0 | 0
    g@1 | 2 | 1000 | null | 0 | 0.008 | 0 | 0
    g@2 | 1 | -1   | 1000 | 0 | 0.012 | 0 | 0
    g@2 | 2 | 1000 | null | 0 | 0.009 | 0 | 0
"""
)
# As above with flats of 5 and 3, then 7 and 4.
WITH_FLATS = (
    HEADER
    + """
    g@1 | 1 | -1   | 1000 | 0    | 0.010 | 5 | 5
    g@1 | 2 | 1000 | null | {at} | 0.008 | 3 | {of_1}
    g@2 | 1 | -1   | 1000 | 0    | 0.012 | 7 | 7
    g@2 | 2 | 1000 | null | {at} | 0.009 | 4 | {of_2}
"""
)
VOLUME_FLATS = WITH_FLATS.format(at=0, of_1=3, of_2=4)
GRADUATED_FLATS = WITH_FLATS.format(at=1000, of_1=18, of_2=23)
SIX_AND_SIX = """
    event_id | occurred_at      | quantity
    a        | 2026-08-03T10:00 | 600
    b        | 2026-08-05T10:00 | 600
"""
LINE = ["service_date", "price_version_id", "quantity_before", "amount"]


def lines(prices, price_tiers, used, *, as_of="2026-08-31", **tables):
    given = {
        "account_rows": account(),
        "meters": meter(),
        "plan_prices": on_plan("g"),
        "price_versions": versions(prices),
        "price_tiers": tiers(price_tiers),
        "usage_events": events(used),
        **tables,
    }
    return made("line_items", as_of=as_of, **given)["line_items"]


def test_volume_goes_on_across_versions_each_pricing_its_own_units_by_the_total():
    """600 * 0.010 = 6.00; then 600 * 0.008 + 600 * 0.009 = 10.20, of which 4.20 are new."""
    found = lines(TWO_VERSIONS.format(model="volume", head="g@1"), VOLUMES, SIX_AND_SIX)
    assert texts(found, LINE) == [("2026-08-03", "g@1", "0", "6"), ("2026-08-05", "g@2", "600", "4.2")]


def test_a_restarted_volume_counts_each_versions_part_for_itself():
    """600 * 0.010 + 600 * 0.012 = 13.20."""
    found = lines(TWO_VERSIONS.format(model="volume", head="null"), VOLUMES, SIX_AND_SIX)
    assert texts(found, LINE) == [("2026-08-03", "g@1", "0", "6"), ("2026-08-05", "g@2", "0", "7.2")]


@pytest.mark.parametrize(
    ("model", "price_tiers", "second", "why"),
    [
        # 600 * 0.010 + 5 = 11; 600 * 0.008 + 600 * 0.009 + 4 = 14.20
        pytest.param("volume", VOLUME_FLATS, "3.2", "the flat once, of the last version", id="volume"),
        # R2(1200) - R2(600) = 7 + 12 + 4 + 1.8 - 7 - 7.2 = 10.60
        pytest.param("graduated", GRADUATED_FLATS, "10.6", "tier one's flat only once", id="graduated"),
    ],
)
def test_flats_of_a_counter_that_goes_on(model, price_tiers, second, why):
    found = lines(TWO_VERSIONS.format(model=model, head="g@1"), price_tiers, SIX_AND_SIX)
    assert texts(found, ["amount"]) == [("11",), (second,)], why


def test_two_versions_on_one_day_stand_in_order_of_time():
    """The change is at noon: 600 before it, 600 after it; 10.20 in all."""
    prices = """
        price_version_id | price_id | model  | effective_from_date | effective_from_at | counter_version_id
        g@1              | g        | volume | 2026-01-01          | null              | null
        g@2              | g        | volume | null                | 2026-08-03T12:00  | g@1
    """
    used = """
        event_id | occurred_at      | quantity
        a        | 2026-08-03T13:00 | 600
        b        | 2026-08-03T10:00 | 600
    """
    found = lines(prices, VOLUMES, used)
    assert texts(found, LINE) == [("2026-08-03", "g@1", "0", "6"), ("2026-08-03", "g@2", "600", "4.2")]


def test_a_package_goes_on_filling():
    """Packages of 1,000 at 5, then at 6: 1,400 open two, 1,300 more complete 2,700 and open a third: 10 + 6."""
    packages = """
        price_version_id | tier | lower_bound | up_to | offset | unit_amount | flat_amount | base_amount | package_size | package_round
        g@1              | 1    | -1          | null  | 0      | 5           | 0           | 0           | 1000         | up
        g@2              | 1    | -1          | null  | 0      | 6           | 0           | 0           | 1000         | up
    """
    used = """
        event_id | occurred_at      | quantity
        a        | 2026-08-03T10:00 | 1400
        b        | 2026-08-05T10:00 | 1300
    """
    on, anew = (
        lines(TWO_VERSIONS.format(model="package", head=head), packages, used)["amount"].to_list()
        for head in ("g@1", "null")
    )
    assert [int(amount) for amount in on] == [10, 6]
    # Each part by itself, as OpenMeter converts split periods: 2 + 2.
    assert [int(amount) for amount in anew] == [10, 12]


def test_free_units_run_on():
    """100 of the period are free: 60 of them by the 3rd, so 40 of the next 100 are."""
    prices = """
        price_version_id | price_id | model    | effective_from_date | counter_version_id | free_units
        g@1              | g        | per_unit | 2026-01-01          | null               | 100
        g@2              | g        | per_unit | 2026-08-04          | g@1                | 100
    """
    unit = HEADER + "g@1 | 1 | -1 | null | 0 | 1 | 0 | 0\n g@2 | 1 | -1 | null | 0 | 2 | 0 | 0"
    used = "event_id | occurred_at | quantity\n a | 2026-08-03T10:00 | 60\n b | 2026-08-05T10:00 | 100"
    assert texts(lines(prices, unit, used), ["amount"]) == [("0",), ("120",)]


FEES = """
    price_version_id | price_id | model      | effective_from_date | counter_version_id | rate | fixed_amount | free_events
    g@1              | g        | percentage | 2026-01-01          | null               | 0.1  | 0            | 3
    g@2              | g        | percentage | 2026-08-04          | {head}             | 0.1  | 0            | 3
"""


@pytest.mark.parametrize(
    ("head", "fees"),
    [
        # Of three free events two are used up by the 3rd: one of the next two is free.
        pytest.param("g@1", ["0", "10"], id="continue"),
        pytest.param("null", ["0", "0"], id="restart"),
    ],
)
def test_an_allowance_runs_on_or_begins_anew(head, fees):
    used = """
        event_id | occurred_at      | quantity
        a        | 2026-08-03T10:00 | 100
        b        | 2026-08-03T11:00 | 100
        c        | 2026-08-05T10:00 | 100
        d        | 2026-08-05T11:00 | 100
    """
    found = lines("", HEADER, used, price_versions=versions(FEES.format(head=head), round_at="event"))
    assert texts(found, ["amount"]) == [(fee,) for fee in fees]


ONE = "price_version_id | price_id | model | effective_from_date | tier_period\n g@1 | g | graduated | 2026-01-01 | {}"
GRADUATED = HEADER + "g@1 | 1 | -1 | 1000 | 0 | 0.010 | 5 | 5\n g@1 | 2 | 1000 | null | 1000 | 0.008 | 3 | 18"


@pytest.mark.parametrize(
    ("tier_period", "amounts"),
    [
        # A month: 5 + 10 each. A quarter: July and August are one, September ends it.
        pytest.param("billing", ["15", "15", "15", "15"], id="billing"),
        pytest.param("month", ["15", "15", "15", "15"], id="month"),
        # The second thousand is in tier two: 3 + 8, the third 8.
        pytest.param("quarter", ["15", "11", "8", "15"], id="quarter"),
        pytest.param("year", ["15", "11", "8", "8"], id="year"),
        pytest.param("term", ["15", "11", "8", "8"], id="term"),
    ],
)
def test_a_counter_spans_its_tier_period_and_lines_stay_in_their_billing_period(tier_period, amounts):
    used = """
        event_id | occurred_at      | quantity
        a        | 2026-07-10T10:00 | 1000
        b        | 2026-08-10T10:00 | 1000
        c        | 2026-09-10T10:00 | 1000
        d        | 2026-10-10T10:00 | 1000
    """
    found = lines(ONE.format(tier_period), GRADUATED, used, as_of="2026-10-31")
    assert texts(found, ["amount"]) == [(amount,) for amount in amounts]
    assert texts(found, ["billing_period_start"]) == [(f"2026-{month:02d}-01",) for month in (7, 8, 9, 10)]
    # Each billing period is rounded for itself.
    assert texts(found, ["amount_exact_before"]) == [("0",)] * 4


def test_a_year_is_that_of_the_calendar_whatever_the_billing_period():
    """Anchored on 15 September: what was used on the 14th is counted in the period that begins on the 15th."""
    agreed = "contract_id | account_id | billing_anchor_date\n c | acme | 2024-09-15"
    used = """
        event_id | occurred_at      | quantity
        a        | 2026-09-14T10:00 | 1000
        b        | 2026-09-15T10:00 | 1000
        c        | 2026-12-15T10:00 | 1000
    """
    found = lines(ONE.format("year"), GRADUATED, used, as_of="2026-12-31", contracts=contracts(agreed)).filter(
        contract_id="c"
    )
    used_lines = found.filter(found["quantity"] > 0)
    assert texts(used_lines, ["quantity_before", "amount"]) == [("0", "15"), ("1000", "11"), ("2000", "8")]


POOLED = "price_version_id | price_id | model | effective_from_date | pool\n g@1 | g | {} | 2026-01-01 | payer"
FAMILY = """
    account_id | parent_account_id
    group      | null
    beta       | group
    acme       | group
    other      | null
"""
OF_FOUR = """
    event_id | account_id | occurred_at      | quantity
    a        | beta       | 2026-08-03T09:00 | 600
    b        | acme       | 2026-08-03T10:00 | 600
    c        | group      | 2026-08-04T10:00 | 100
    d        | other      | 2026-08-04T10:00 | 100
"""


@pytest.mark.parametrize(
    ("model", "price_tiers", "amounts"),
    [
        # 5 + 10 + 3 + 1.6 = 19.60, half each; then 100 * 0.008. other is alone.
        pytest.param(
            "graduated", GRADUATED, {"acme": "9.8", "beta": "9.8", "group": "0.8", "other": "6"}, id="graduated"
        ),
        # 1200 * 0.008 + 3 = 12.60, half each; 1300 * 0.008 + 3
        pytest.param(
            "volume",
            HEADER + "g@1 | 1 | -1 | 1000 | 0 | 0.010 | 5 | 5\n g@1 | 2 | 1000 | null | 0 | 0.008 | 3 | 3",
            {"acme": "6.3", "beta": "6.3", "group": "0.8", "other": "6"},
            id="volume",
        ),
    ],
)
def test_a_pooled_counter_is_one_for_all_accounts_of_a_payer(model, price_tiers, amounts):
    found = lines(POOLED.format(model), price_tiers, OF_FOUR, account_rows=accounts(FAMILY))
    assert dict(texts(found, ["account_id", "amount"])) == amounts


def test_pooled_lines_are_of_their_own_contracts_and_the_payer_of_the_day():
    found = lines(POOLED.format("graduated"), GRADUATED, OF_FOUR, account_rows=accounts(FAMILY))
    assert texts(found, ["account_id", "payer_id", "contract_id", "quantity_before"]) == [
        ("acme", "group", "default:acme", "0"),
        ("beta", "group", "default:beta", "600"),
        ("group", "group", "default:group", "1200"),
        ("other", "other", "default:other", "0"),
    ]


def test_what_a_pool_shares_is_rounded_once_and_its_parts_sum_to_it():
    """Three at 0.335 are 1.005, so 1.01 in all: the spare two cents go to the first by name."""
    family = "account_id | parent_account_id\n a | null\n b | a\n c | a"
    used = """
        event_id | account_id | occurred_at      | quantity
        x        | a          | 2026-08-03T10:00 | 1
        y        | b          | 2026-08-03T10:00 | 1
        z        | c          | 2026-08-03T10:00 | 1
    """
    unit = HEADER + "g@1 | 1 | -1 | null | 0 | 0.335 | 0 | 0"
    found = lines(POOLED.format("per_unit"), unit, used, account_rows=accounts(family))
    assert texts(found, ["account_id", "amount_exact", "amount"]) == [
        ("a", "0.335", "0.34"),
        ("b", "0.335", "0.34"),
        ("c", "0.335", "0.33"),
    ]


def test_a_pooled_line_is_of_the_legal_entity_of_its_own_account():
    family = accounts("account_id | parent_account_id | legal_entity_id\n a | null | us\n b | a | gmbh")
    used = (
        "event_id | account_id | occurred_at | quantity\n x | a | 2026-08-03T10:00 | 1\n y | b | 2026-08-03T10:00 | 1"
    )
    found = lines(POOLED.format("graduated"), GRADUATED, used, account_rows=family)
    assert texts(found, ["account_id", "payer_id", "legal_entity_id"]) == [("a", "a", "us"), ("b", "a", "gmbh")]


def test_an_account_without_usage_pays_no_flat_that_the_pool_has_paid():
    """Tier one's flat is due once per counter: the pool's first line has it, be it one of no usage."""
    used = "event_id | account_id | occurred_at | quantity\n a | beta | 2026-08-03T09:00 | 600"
    found = lines(POOLED.format("graduated"), GRADUATED, used, account_rows=accounts(FAMILY)).filter(payer_id="group")
    assert texts(found.sort("account_id"), ["account_id", "service_date", "amount"]) == [
        ("acme", "2026-08-01", "5"),
        ("beta", "2026-08-03", "6"),
        ("group", "2026-08-01", "0"),
    ]


SHARED = """
    price_version_id | price_id | model   | effective_from_date | shares_tiers
    g@1              | g        | {model} | 2026-01-01          | true
"""
BY_REGION = """
    event_id | occurred_at      | quantity | dimensions
    a        | 2026-08-03T10:00 | 600      | {"region":"eu"}
    b        | 2026-08-03T10:00 | 600      | {"region":"us"}
    c        | 2026-08-04T10:00 | 100      | {"region":"us"}
"""
GROUPED = conditions("price_id | dimension\n g | region")


def test_groups_that_share_tiers_are_rated_as_one_sum_and_share_it():
    """1,200: 5 + 10 + 3 + 1.6 = 19.60, half each; then 100 * 0.008 for us alone."""
    found = lines(SHARED.format(model="graduated"), GRADUATED, BY_REGION, price_conditions=GROUPED)
    assert texts(found, ["line_item_id", "quantity_before", "quantity", "amount_exact_before", "amount"]) == [
        ('default:acme/g@1/{"region":"eu"}/usage/2026-08-03', "0", "600", "0", "9.8"),
        ('default:acme/g@1/{"region":"us"}/usage/2026-08-03', "600", "600", "9.8", "9.8"),
        ('default:acme/g@1/{"region":"us"}/usage/2026-08-04', "1200", "100", "19.6", "0.8"),
    ]


def test_shares_sum_to_the_rounded_total_to_the_last_cent():
    """0.10 over three regions of one unit each, at 0.1 / 3 a unit: 0.04, 0.03, 0.03."""
    used = """
        event_id | occurred_at      | quantity | dimensions
        a        | 2026-08-03T10:00 | 1        | {"region":"ap"}
        b        | 2026-08-03T10:00 | 1        | {"region":"eu"}
        c        | 2026-08-03T10:00 | 1        | {"region":"us"}
    """
    unit = HEADER + "g@1 | 1 | -1 | null | 0 | 0.033333333333333333333333 | 0 | 0"
    found = lines(SHARED.format(model="per_unit"), unit, used, price_conditions=GROUPED)
    assert texts(found, ["amount", "list_amount"]) == [("0.04", "0.04"), ("0.03", "0.03"), ("0.03", "0.03")]
    assert str(found["amount_exact"].sum()) == "0.099999999999999999999999"


def test_of_groups_without_any_units_the_first_by_name_has_it_all():
    """Two regions with events of nothing, and the flat of 5."""
    used = """
        event_id | occurred_at      | quantity | dimensions
        a        | 2026-08-03T10:00 | 0        | {"region":"eu"}
        b        | 2026-08-03T10:00 | 0        | {"region":"us"}
    """
    found = lines(SHARED.format(model="graduated"), GRADUATED, used, price_conditions=GROUPED)
    assert texts(found, ["amount"]) == [("5",), ("0",)]


def test_shared_tiers_without_usage_are_one_line_of_the_flat():
    found = lines(SHARED.format(model="graduated"), GRADUATED, "event_id", price_conditions=GROUPED)
    assert texts(found, ["dimensions", "amount"]) == [("{}", "5")]


@pytest.mark.parametrize(
    ("shares", "outcomes"),
    [
        pytest.param("true", {"rated"}, id="the sum counts"),
        pytest.param("false", {"rated", "suspense"}, id="each group"),
    ],
)
def test_a_total_below_zero_is_judged_by_the_counter(shares, outcomes):
    prices = SHARED.format(model="volume").replace("true", shares)
    used = """
        event_id | occurred_at      | quantity | dimensions
        a        | 2026-08-03T10:00 | -5       | {"region":"eu"}
        b        | 2026-08-03T10:00 | 8        | {"region":"us"}
    """
    chain = made(
        "priced_usage",
        as_of="2026-08-31",
        account_rows=account(),
        companies=company(),
        meters=meter(negative="allow"),
        plan_prices=on_plan("g"),
        price_conditions=GROUPED,
        price_versions=versions(prices),
        price_tiers=tiers(GRADUATED),
        usage_events=events(used),
    )
    assert set(chain["priced_usage"].filter(kind="revenue")["outcome"]) == outcomes
