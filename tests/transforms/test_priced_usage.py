"""Rules of `priced_usage`: each cell gets the version that prices it, as revenue and as cost, or a reason by name."""

from functools import cache

import polars as pl
import pytest

from data_contracts import Exclusions, Meters, PriceVersions
from tests.tables import rows, texts
from tests.transforms.chain import made
from tests.transforms.worlds import account, accounts, company, conditions, contracts, events, meters, on_plan, versions

METERS = """
    meter   | value
    plain   | quantity
    beside  | quantity
    two     | quantity
    euros   | quantity
    models  | quantity
    unsold  | quantity
    later   | quantity
    paid    | amount
    costed  | quantity
    costs   | quantity
    partly  | quantity
"""
PRICES = """
    price_version_id | meter  | price_id | kind    | currency | is_additive | model
    plain@1          | plain  | plain    | revenue | USD      | false       | per_unit
    base@1           | beside | base     | revenue | USD      | false       | per_unit
    extra@1          | beside | extra    | revenue | USD      | true        | per_unit
    two_a@1          | two    | two_a    | revenue | USD      | false       | per_unit
    two_b@1          | two    | two_b    | revenue | USD      | false       | per_unit
    euros@1          | euros  | euros    | revenue | EUR      | false       | per_unit
    small@1          | models | small    | revenue | USD      | false       | per_unit
    large@1          | models | large    | revenue | USD      | false       | per_unit
    fee@1            | paid   | fee      | revenue | USD      | false       | percentage
    sale@1           | costed | sale     | revenue | USD      | false       | per_unit
    cost@1           | costed | cost     | cost    | EUR      | false       | per_unit
    costs@1          | costs  | costs    | revenue | USD      | false       | per_unit
    power@1          | costs  | power    | cost    | USD      | false       | per_unit
    rent@1           | costs  | rent     | cost    | USD      | false       | per_unit
    partly@1         | partly | partly   | revenue | USD      | false       | per_unit
    part@1           | partly | part     | cost    | USD      | false       | per_unit
    later@1          | later  | later    | revenue | USD      | false       | per_unit
"""
CONDITIONS = """
    price_id | meter  | dimension | value
    small    | models | model     | s
    large    | models | model     | l
    large    | models | region    | eu
    part     | partly | model     | s
"""
USED = """
    event_id | meter  | dimensions                 | amount | value_currency
    plain    | plain  | {}                         | null   | null
    beside   | beside | {}                         | null   | null
    two      | two    | {}                         | null   | null
    euros    | euros  | {}                         | null   | null
    small    | models | {"model":"s"}              | null   | null
    large    | models | {"model":"l","region":"eu"}| null   | null
    region   | models | {"model":"l","region":"us"}| null   | null
    other    | models | {"model":"x"}              | null   | null
    no_model | models | {}                         | null   | null
    unsold   | unsold | {}                         | null   | null
    later    | later  | {}                         | null   | null
    dollars  | paid   | {}                         | 10     | USD
    yen      | paid   | {}                         | 10     | JPY
    nothing  | paid   | {}                         | null   | null
    costed   | costed | {}                         | null   | null
    costs    | costs  | {}                         | null   | null
    partly_s | partly | {"model":"s"}              | null   | null
    partly_l | partly | {"model":"l"}              | null   | null
"""
CELL = ["meter", "dimensions", "value_currency", "kind"]
ANSWER = ["outcome", "price_id", "rule", "detail"]


def sold(text: str, **columns: str) -> pl.LazyFrame:
    """Versions since January, later@1 since 20 August."""
    since = "price_version_id | effective_from_date | "
    header, *lines = text.strip().split("\n")
    starts = [
        f"    {line.split('|')[0]} | {'2026-08-20' if 'later@' in line else '2026-01-01'} | {line.split('|', 1)[1]}"
        for line in lines
    ]
    return versions("\n".join([since + header.split("|", 1)[1], *starts]), **columns)


@cache
def answers() -> dict[tuple[str | None, ...], list[tuple[str | None, ...]]]:
    names = [line.split("|")[2].strip() for line in PRICES.strip().split("\n")[1:]]
    priced = made(
        "priced_usage",
        as_of="2026-08-31",
        account_rows=account(),
        meters=rows(Meters, METERS, aggregation="sum"),
        plan_prices=on_plan(*names),
        price_versions=sold(PRICES),
        price_conditions=conditions(CONDITIONS),
        usage_events=events(USED, occurred_at="2026-08-10T12:00", quantity="1"),
    )["priced_usage"]
    found: dict[tuple[str | None, ...], list[tuple[str | None, ...]]] = {}
    for meter, dimensions, currency, kind, *answer in texts(priced, [*CELL, *ANSWER]):
        found.setdefault((meter, dimensions, currency, kind), []).append(tuple(answer))
    return found


def answer(meter, dimensions="{}", currency="", kind="revenue"):
    return answers()[meter, dimensions, currency, kind]


def rated(*price_ids):
    return [("rated", price_id, None, None) for price_id in price_ids]


def test_usage_with_a_price_is_rated():
    assert answer("plain") == rated("plain")


def test_an_additive_price_rates_the_same_usage_beside_the_other():
    assert answer("beside") == rated("base", "extra")


def test_two_prices_that_are_not_additive_rate_nothing_and_are_named():
    assert answer("two") == [("suspense", "", "two_prices", "prices two_a, two_b all apply")]


def test_a_price_without_the_customers_currency_makes_usage_wait():
    assert answer("euros") == [("suspense", "", "no_price_in_currency", "euros@1 has no amounts in USD")]


@pytest.mark.parametrize(
    ("dimensions", "price_id"),
    [
        pytest.param('{"model":"s"}', "small", id="one condition, met"),
        pytest.param('{"model":"l","region":"eu"}', "large", id="two conditions, both met"),
    ],
)
def test_a_price_rates_usage_that_meets_all_its_conditions(dimensions, price_id):
    assert answer("models", dimensions) == rated(price_id)


@pytest.mark.parametrize(
    "dimensions",
    [
        pytest.param('{"model":"l","region":"us"}', id="one of two conditions is met"),
        pytest.param('{"model":"x"}', id="another value"),
        pytest.param("{}", id="the dimension is not there"),
    ],
)
def test_usage_that_meets_no_price_waits_and_is_never_free(dimensions):
    detail = f"no price in force for meter models {dimensions} in rate set payg|USD|UTC"
    assert answer("models", dimensions) == [("suspense", "", "no_price", detail)]


@pytest.mark.parametrize("meter", ["unsold", "later"], ids=["no price at all", "its price starts ten days later"])
def test_usage_without_a_price_in_force_waits(meter):
    ((outcome, price_id, rule, _),) = answer(meter)
    assert (outcome, price_id, rule) == ("suspense", "", "no_price")


def test_an_amount_in_the_prices_currency_is_rated():
    assert answer("paid", currency="USD") == rated("fee")


def test_an_amount_in_another_currency_waits_with_both_named():
    expected = [("suspense", "", "currency_mismatch", "amounts in JPY, price in USD")]
    assert answer("paid", currency="JPY") == expected


def test_usage_without_the_amount_that_its_meter_measures_waits_and_is_not_a_zero():
    expected = [("suspense", "", "no_amount", "meter paid measures amounts, the events bring none")]
    assert answer("paid", currency="") == expected


def test_usage_of_a_meter_without_a_cost_price_has_no_row_as_cost():
    """What becomes of it stands in `usage_outcomes`."""
    assert ("plain", "{}", "", "cost") not in answers()


def test_a_cost_price_rates_in_its_own_currency():
    assert answer("costed") == rated("sale")
    assert answer("costed", kind="cost") == rated("cost")


def test_several_cost_prices_add_up_without_being_additive():
    assert answer("costs", kind="cost") == rated("power", "rent")


def test_usage_that_no_cost_price_of_a_costed_meter_meets_waits_as_cost_and_is_rated_as_revenue():
    assert answer("partly", '{"model":"s"}', kind="cost") == rated("part")
    assert answer("partly", '{"model":"l"}') == rated("partly")
    ((outcome, _, rule, _),) = answer("partly", '{"model":"l"}', kind="cost")
    assert (outcome, rule) == ("suspense", "no_price")


def test_every_cell_has_an_answer_for_revenue_and_those_with_a_cost_price_or_a_rule_one_for_cost():
    revenue, cost = ({key[:3] for key in answers() if key[3] == kind} for kind in ("revenue", "cost"))
    assert len(revenue) == len(USED.strip().split("\n")) - 1
    without_amount = ("paid", "{}", "")
    assert cost == {key for key in revenue if key[0] in ("costed", "costs", "partly") or key == without_amount}


PLAIN = "price_version_id | price_id | model | effective_from_date\n p@1 | p | per_unit | 2026-01-01"
EXCLUDED = ["account_id", "service_date", "meter", "kind", "outcome", "rule", "detail"]


def excluded(rules, *, meter_names=("tokens", "storage"), **tables):
    used = """
        event_id | account_id | meter   | occurred_at
        a        | acme       | tokens  | 2026-08-09T12:00
        b        | acme       | tokens  | 2026-08-10T12:00
        c        | acme       | storage | 2026-08-10T12:00
        d        | beta       | tokens  | 2026-08-10T12:00
        e        | ghost      | tokens  | 2026-08-10T12:00
        f        | acme       | magic   | 2026-08-10T12:00
    """
    priced = made(
        "priced_usage",
        as_of="2026-08-31",
        account_rows=accounts("account_id\nacme\nbeta"),
        meters=meters(*meter_names),
        plan_prices=on_plan("p"),
        price_versions=versions(PLAIN),
        exclusions=rows(Exclusions, rules),
        usage_events=events(used),
        **tables,
    )["priced_usage"]
    return [row[:-3] for row in texts(priced.filter(outcome="excluded", rule="r"), EXCLUDED)]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        pytest.param("r | revenue | tokens | acme | 2026-08-10", [("acme", "2026-08-10", "tokens", "revenue")], id="a meter of an account from a day on: that day is in, the day before is not"),
        pytest.param("r | revenue | tokens | null | 2026-08-10", [("acme", "2026-08-10", "tokens", "revenue"), ("beta", "2026-08-10", "tokens", "revenue")], id="a meter of every account, but not of one that nobody knows"),
        pytest.param("r | revenue | null | acme | 2026-08-10", [("acme", "2026-08-10", "storage", "revenue"), ("acme", "2026-08-10", "tokens", "revenue")], id="every meter of an account, but not one that nobody knows"),
        pytest.param("r | cost | tokens | acme | 1900-01-01", [("acme", "2026-08-09", "tokens", "cost"), ("acme", "2026-08-10", "tokens", "cost")], id="cost alone, since ever"),
        pytest.param("r | revenue | tokens | acme | 2026-08-11", [], id="from the day after"),
    ],
)  # fmt: skip
def test_a_rule_excludes_by_meter_account_and_day(rule, expected):
    assert excluded(f"exclusion_id | kind | meter | account_id | effective_from\n{rule}") == expected


def test_the_first_matching_rule_by_name_excludes_whatever_the_order_of_the_book():
    rules = """
        exclusion_id | meter  | reason
        z            | tokens | the last
        r            | tokens | the first
    """
    assert {row[0] for row in excluded(rules)} == {"acme", "beta"}


def test_an_exclusion_comes_before_what_usage_would_wait_for():
    """storage has no price and would wait; it is not billable, so it does not."""
    rules = "exclusion_id | meter\n r | storage"
    assert ("acme", "2026-08-10", "storage", "revenue") in excluded(rules)


def bounded(quantities, *, prices=None, agreed="contract_id", price_ids=("p",)):
    """Outcomes of `acme`'s cells, by day and price."""
    used = "event_id | occurred_at | quantity\n" + "".join(
        f"{day} | {day}T12:00 | {quantity}\n" for day, quantity in quantities.items()
    )
    priced = made(
        "priced_usage",
        as_of="2026-09-30",
        account_rows=account(),
        contracts=contracts(agreed),
        companies=company(),
        meters=meters("tokens"),
        plan_prices=on_plan(*price_ids),
        price_versions=versions(prices or PLAIN, quantity_limit="100"),
        usage_events=events(used),
    )["priced_usage"].filter(kind="revenue")
    return texts(priced, ["service_date", "price_id", "outcome", "rule"])


def held(*days):
    return [(day, "", "suspense", "amount_bound") for day in days]


@pytest.mark.parametrize(
    ("quantities", "expected"),
    [
        pytest.param({"2026-08-03": "60", "2026-08-04": "40"}, [("2026-08-03", "p", "rated", None), ("2026-08-04", "p", "rated", None)], id="a month that meets the limit is rated"),
        pytest.param({"2026-08-03": "60", "2026-08-04": "41"}, held("2026-08-03", "2026-08-04"), id="a month above it waits whole, its first day too"),
        pytest.param({"2026-08-31": "60", "2026-09-01": "60"}, [("2026-08-31", "p", "rated", None), ("2026-09-01", "p", "rated", None)], id="two months are two sums"),
        pytest.param({"2026-08-03": "101", "2026-09-01": "1"}, [*held("2026-08-03"), ("2026-09-01", "p", "rated", None)], id="the next month goes on"),
    ],
)  # fmt: skip
def test_a_month_of_a_price_that_no_amount_could_hold_waits_whole(quantities, expected):
    assert bounded(quantities) == expected


def test_versions_of_a_price_share_the_bound_of_their_month():
    """60 of 100 before and 60 of 100 after the change: the running total of the month would pass the bound."""
    prices = PLAIN + "\n p@2 | p | per_unit | 2026-08-04"
    assert bounded({"2026-08-03": "60", "2026-08-04": "60"}, prices=prices) == held("2026-08-03", "2026-08-04")
    assert {row[2] for row in bounded({"2026-08-03": "50", "2026-08-04": "50"}, prices=prices)} == {"rated"}


def test_a_cell_waits_as_a_whole_when_one_of_its_prices_is_over_the_bound():
    """Beside p (limit 100) stands x with a limit of 10: at 11 units neither rates, or usage were both rated and held."""
    prices = """
        price_version_id | price_id | model    | effective_from_date | is_additive | quantity_limit
        p@1              | p        | per_unit | 2026-01-01          | false       | 100
        x@1              | x        | per_unit | 2026-01-01          | true        | 10
    """
    assert bounded({"2026-08-03": "11"}, prices=prices, price_ids=("p", "x")) == held("2026-08-03")
    assert bounded({"2026-08-03": "10"}, prices=prices, price_ids=("p", "x")) == [
        ("2026-08-03", "p", "rated", None),
        ("2026-08-03", "x", "rated", None),
    ]


def test_the_list_price_beside_an_override_has_its_bound_too():
    """The contract's own price could bear 100, the list price, by which the line's list amount goes, only 10."""
    prices = """
        price_version_id | price_id | model    | contract_id | effective_from_date | quantity_limit
        p@1              | p        | per_unit | null        | 2026-01-01          | 10
        c/p@1            | p        | per_unit | c           | 2026-01-01          | 100
    """
    agreed = "contract_id | account_id | has_overrides\n c | acme | true"
    assert bounded({"2026-08-03": "11"}, prices=prices, agreed=agreed) == held("2026-08-03")
    assert bounded({"2026-08-03": "10"}, prices=prices, agreed=agreed) == [("2026-08-03", "p", "rated", None)]


@pytest.mark.parametrize(
    ("limit", "outcome"),
    [
        pytest.param("100000000000000000000", "rated", id="10^20, the widest that the book writes"),
        pytest.param("0.1", "suspense", id="a tenth: a unit costs nearly 10^14"),
        pytest.param("0", "suspense", id="nothing: the flat alone is nearly 10^13"),
    ],
)
def test_the_bound_itself_does_not_overflow(limit, outcome):
    """10^20 units, a hundred events of the most that intake lets in."""
    prices = f"""
        price_version_id | price_id | model    | effective_from_date | quantity_limit
        p@1              | p        | per_unit | 2026-01-01          | {limit}
    """
    assert [row[2] for row in bounded({"2026-08-03": "100000000000000000000"}, prices=prices)] == [outcome]


def test_a_slot_is_priced_by_the_version_in_force_at_its_start():
    prices = """
        price_version_id | price_id | model    | effective_from_date | effective_from_at
        p@1              | p        | per_unit | 2026-01-01          | null
        p@2              | p        | per_unit | null                | 2026-08-10T12:00
    """
    used = """
        event_id | occurred_at                | quantity
        a        | 2026-08-10T11:59:59.999999 | 1
        b        | 2026-08-10T12:00           | 2
    """
    priced = made(
        "priced_usage",
        as_of="2026-08-31",
        account_rows=account(),
        meters=meters("tokens"),
        plan_prices=on_plan("p"),
        price_versions=versions(prices),
        usage_events=events(used),
    )["priced_usage"].filter(kind="revenue")
    assert texts(priced, ["price_version_id", "quantity"]) == [("p@1", "1"), ("p@2", "2")]


def test_the_columns_of_a_price_are_null_where_no_price_rates():
    priced = made("priced_usage", as_of="2026-08-31", account_rows=account(), usage_events=events("event_id\na"))
    of_the_price = ["price_version_id", "list_price_version_id", "model", "product_id", "currency"]
    assert set(of_the_price) < set(PriceVersions.columns) | {"list_price_version_id"}
    assert set(texts(priced["priced_usage"], of_the_price)) == {(None,) * 5}


GROUPED = """
    price_version_id | price_id | model     | effective_from_date | free_units
    p@1              | p        | {model} | 2026-01-01          | {free}
"""
BY_MODEL = "price_id | dimension | value\n p | model | null"


def signed(model, quantities, *, free="null", conditions_of_p=BY_MODEL):
    """What becomes of signed usage of August by group: (day, group, quantity) -> (group, quantity, outcome, rule)."""
    used = "event_id | occurred_at | dimensions | quantity\n" + "".join(
        f'{day}{group}{quantity} | 2026-08-{day}T12:00 | {{"model":"{group}"}} | {quantity}\n'
        for day, group, quantity in quantities
    )
    priced = made(
        "priced_usage",
        as_of="2026-08-31",
        account_rows=account(),
        meters=meters("tokens", negative="allow"),
        plan_prices=on_plan("p"),
        price_versions=versions(GROUPED.format(model=model, free=free)),
        price_conditions=conditions(conditions_of_p),
        usage_events=events(used),
    )["priced_usage"].filter(kind="revenue")
    return texts(priced, ["dimensions", "quantity", "outcome", "rule"])


A, B = '{"model":"a"}', '{"model":"b"}'


@pytest.mark.parametrize("model", ["graduated", "volume", "package"])
def test_tiers_and_packages_hold_a_group_that_ends_below_zero_and_not_the_others(model):
    """a: 3 - 5 = -2 waits as a whole; b: 1 is rated."""
    assert signed(model, [("03", "a", "3"), ("04", "a", "-5"), ("04", "b", "1")]) == [
        (A, "3", "suspense", "negative_total"),
        (A, "-5", "suspense", "negative_total"),
        (B, "1", "rated", None),
    ]


@pytest.mark.parametrize("total", [pytest.param("2", id="zero"), pytest.param("1.999999999999", id="just above it")])
def test_a_total_that_was_below_zero_on_its_way_is_rated(total):
    found = signed("graduated", [("03", "a", f"-{total}"), ("04", "a", "2")])
    assert {outcome for _, _, outcome, _ in found} == {"rated"}


def test_free_units_need_a_total_of_zero_or_more_and_a_plain_unit_price_does_not():
    used = [("03", "a", "-1")]
    assert signed("per_unit", used) == [(A, "-1", "rated", None)]
    assert signed("per_unit", used, free="5") == [(A, "-1", "suspense", "negative_total")]


def test_groups_whose_flat_amounts_together_reach_the_bound_are_held():
    """With a group limit of 1 two groups of a price are too many, however little they use."""
    flat = GROUPED.format(model="flat", free="null").replace("free_units", "group_limit").replace("null", "1")
    used = "event_id | occurred_at | dimensions | quantity\n" + "".join(
        f'{group} | 2026-08-03T12:00 | {{"model":"{group}"}} | 1\n' for group in "ab"
    )
    priced = made(
        "priced_usage",
        as_of="2026-08-31",
        account_rows=account(),
        meters=meters("tokens", negative="allow"),
        plan_prices=on_plan("p"),
        price_versions=versions(flat),
        price_conditions=conditions(BY_MODEL),
        usage_events=events(used),
    )["priced_usage"].filter(kind="revenue")
    assert texts(priced, ["dimensions", "rule"]) == [(A, "amount_bound"), (B, "amount_bound")]


def test_a_signed_month_is_bounded_by_what_it_reaches_on_its_way():
    """100 up and 100 down may pass by 200 in another order: what counts is the size of what is added up, at most 100."""
    prices = GROUPED.format(model="per_unit", free="null")
    for quantity, rule in (("100", "amount_bound"), ("50", None)):
        used = f"event_id | occurred_at | quantity\n a | 2026-08-03T12:00 | {quantity}\n b | 2026-08-04T12:00 | -{quantity}"
        priced = made(
            "priced_usage",
            as_of="2026-08-31",
            account_rows=account(),
            meters=meters("tokens", negative="allow"),
            plan_prices=on_plan("p"),
            price_versions=versions(prices, quantity_limit="100"),
            usage_events=events(used),
        )["priced_usage"].filter(kind="revenue")
        assert {row[0] for row in texts(priced, ["rule"])} == {rule}
