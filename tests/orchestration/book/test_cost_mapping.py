"""Whose cost a provider's charges are: what the book may say about it, and the rows that it becomes."""

from datetime import date

import pytest

from data_contracts import CostConditions, CostMappings, CostMeters, Products
from orchestration.book import compile_tables
from tests.orchestration.book.samples import HEAD, accepted, one_price, problems

METERS = HEAD.replace("meters: [", "meters: [{id: calls, unit: call, aggregation: count}, ")
COST = 'prices: [{id: c, product: api, meter: tokens, model: per_unit, kind: cost, currency: USD, versions: [{effective_from: 2026-01-01, unit_amount: "1"}]}]\n'


def mapped(*mappings: str) -> str:
    return METERS + "cost_mapping:\n" + "".join(f"  - {{{mapping}}}\n" for mapping in mappings)


def tables(content: str):
    return compile_tables(accepted(content).state, billing_starts_on=date(2026, 8, 1))


def test_a_mapping_names_charges_a_product_and_the_way_to_the_accounts():
    found = tables(
        mapped(
            "id: gpu, where: {provider: AWS, tags: {team: api}}, product: api, allocate_by: [tokens]",
            "id: own, where: {provider: AWS, sub_account: '17'}, product: api, account: acct_1",
            "id: rest, where: {provider: OCI}, product: api, account_from: tags.customer",
        )
    )
    assert found[CostMappings.table_name].drop("document").rows() == [
        ("gpu", "api", "usage", None, None, 2),
        ("own", "api", "direct", "acct_1", None, 2),
        ("rest", "api", "direct", None, "tags.customer", 1),
    ]
    assert found[CostMappings.table_name]["document"].to_list() == [f"book.yaml:{line}" for line in (5, 6, 7)]
    assert found[CostConditions.table_name].rows() == [
        ("gpu", "provider", "AWS"),
        ("gpu", "tags.team", "api"),
        ("own", "provider", "AWS"),
        ("own", "sub_account", "17"),
        ("rest", "provider", "OCI"),
    ]
    assert found[CostMeters.table_name].rows() == [("gpu", "tokens")]


@pytest.mark.parametrize(
    ("mapping", "shown"),
    [
        pytest.param("id: m, where: {}, product: api, account: a", "would map all cost", id="no condition"),
        pytest.param("id: m, where: {provider: A}, product: api", "names no way to the accounts", id="no account"),
        pytest.param(
            "id: m, where: {provider: A}, product: api, account: a, allocate_by: [tokens]",
            "names account and allocate_by to the accounts",
            id="two ways to the accounts",
        ),
        pytest.param(
            "id: m, where: {provider: A}, product: api, account_from: customer",
            "names no attribute of a charge",
            id="an attribute that no charge has",
        ),
        pytest.param(
            "id: m, where: {provider: A}, product: apj, account: a", "Did you mean api?", id="no such product"
        ),
        pytest.param(
            "id: m, where: {provider: A}, product: api, allocate_by: [token]",
            "Did you mean tokens?",
            id="no such meter",
        ),
        pytest.param(
            "id: m, where: {provider: A}, product: api, allocate_by: [tokens, calls]",
            "meter calls counts call, tokens counts token",
            id="units that do not add up",
        ),
        pytest.param(
            "id: m, where: {provider: A}, product: api, allocate_by: [volume]",
            "measures money of several currencies",
            id="a meter of money",
        ),
        pytest.param(
            "id: m, where: {vendor: A}, product: api, account: a", "unknown key `vendor`", id="no such attribute"
        ),
        pytest.param(
            "id: m, where: {provider: A}, product: api, allocate_by: [tokens, tokens]",
            "stands twice",
            id="a meter twice",
        ),
    ],
)
def test_a_mapping_that_makes_no_sense_is_refused_with_its_place(mapping, shown):
    (found,) = problems(mapped(mapping))
    assert found.startswith("book.yaml:5: cost_mapping.m")
    assert shown in found


@pytest.mark.parametrize(
    ("book", "basis"),
    [
        pytest.param(HEAD, "actual", id="no cost price"),
        pytest.param(HEAD + COST, "modelled", id="a cost price"),
        pytest.param(
            HEAD.replace("name: API", "name: API, cost_basis: actual") + COST, "actual", id="the book says so"
        ),
        pytest.param(
            one_price("per_unit", '{effective_from: 2026-01-01, unit_amount: "1"}'), "actual", id="revenue only"
        ),
    ],
)
def test_the_cost_of_a_product_is_modelled_if_the_book_has_a_price_for_it(book, basis):
    assert tables(book)[Products.table_name]["cost_basis"].to_list() == [basis]
