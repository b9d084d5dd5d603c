"""Which bill stands, and whose cost a charge is."""

import pytest

from data_contracts import CostConditions, CostMappings, CostRows
from tests.tables import rows, texts
from transforms.costs import costs as built
from transforms.standing_bills import standing_bills

NO_MAPPINGS = rows(CostMappings), rows(CostConditions)


def costs(delivered, cost_mappings, cost_conditions):
    return built(delivered, standing_bills(delivered), cost_mappings, cost_conditions)


def charges(text: str, **more: str):
    fixed = {
        "provider_name": "AWS",
        "billing_account_id": "b",
        "billing_period_start": "2026-07-01",
        "billing_period_end": "2026-08-01",
        "delivery_date": "2026-08-01",
        "landed_on": "2026-08-01",
        "charge_period_start_at": "2026-07-05T10:00:00",
        "charge_period_end_at": "2026-07-05T11:00:00",
        "charge_category": "Usage",
        "billed_cost": "1",
        "currency": "USD",
    }
    header = [cell.strip() for cell in text.strip().splitlines()[0].split("|")]
    return rows(CostRows, text, **{name: value for name, value in (fixed | more).items() if name not in header})


def mapping(*lines: tuple[str, str], **more: str):
    """Mappings as (id, conditions `name=value; name=value`), all to product `api` and account `a`."""
    conditions = {name: [one.split("=", 1) for one in stated.split("; ")] for name, stated in lines}
    return (
        rows(
            CostMappings,
            "mapping_id | condition_count\n"
            + "\n".join(f"{name} | {len(stated)}" for name, stated in conditions.items()),
            **({"product_id": "api", "account_id": "a", "allocation_method": "direct"} | more),
        ),
        rows(
            CostConditions,
            "mapping_id | attribute | required_value\n"
            + "\n".join(f"{name} | {key} | {value}" for name, stated in conditions.items() for key, value in stated),
        ),
    )


def test_a_later_delivery_of_a_scope_replaces_it_whole():
    delivered = charges(
        """
        delivery_date | source_file | source_line | provider_name | billing_account_id | billing_period_start
        2026-08-01    | one         | 2           | AWS           | b                  | 2026-07-01
        2026-08-01    | one         | 3           | AWS           | b                  | 2026-07-01
        2026-08-01    | one         | 4           | AWS           | other              | 2026-07-01
        2026-08-01    | one         | 5           | AWS           | b                  | 2026-06-01
        2026-08-01    | one         | 6           | OCI           | b                  | 2026-07-01
        2026-08-03    | two         | 2           | AWS           | b                  | 2026-07-01
        """
    )
    assert texts(costs(delivered, *NO_MAPPINGS), ["source_file", "source_line"]) == [
        ("one", "4"),
        ("one", "5"),
        ("one", "6"),
        ("two", "2"),
    ]


def test_of_two_folders_in_one_delivery_the_later_one_stands_with_all_its_files():
    delivered = charges(
        """
        landed_on  | source_file | source_line
        2026-07-30 | old         | 2
        2026-07-31 | part-1      | 2
        2026-07-31 | part-2      | 2
        """
    )
    assert texts(costs(delivered, *NO_MAPPINGS), ["source_file"]) == [("part-1",), ("part-2",)]


@pytest.mark.parametrize(
    ("stated", "is_claimed"),
    [
        pytest.param("provider=AWS", True, id="one condition"),
        pytest.param("provider=AWS; service=S3; region=us-1", True, id="all of them"),
        pytest.param("provider=AWS; service=EC2", False, id="one of them not"),
        pytest.param("provider=aws", False, id="letters count"),
        pytest.param("sub_account=17", False, id="the charge does not say"),
        pytest.param("charge_category=Usage; billing_account=b", True, id="of the bill itself"),
        pytest.param("tags.team=a", True, id="a tag"),
        pytest.param('tags.note=say "so"', True, id="a tag that holds quotes"),
        pytest.param("tags.team=ab", False, id="a tag of another value"),
        pytest.param("tags.eam=a", False, id="the end of a key is no key"),
    ],
)
def test_a_charge_is_claimed_if_it_keeps_every_condition(stated, is_claimed):
    delivered = charges(
        """
        service_name | region_id | tags
        S3           | us-1      | {"note":"say \\"so\\"","team":"a"}
        """
    )
    found = texts(
        costs(delivered, *mapping(("m", stated))), ["mapping_id", "product_id", "account_id", "unmapped_rule"]
    )
    assert found == [("m", "api", "a", None) if is_claimed else ("", "unmapped", "unmapped", "no_mapping")]


def test_the_mapping_with_the_most_conditions_counts():
    delivered = charges("service_name\nS3\nEC2")
    found = costs(delivered, *mapping(("rest", "provider=AWS"), ("s3", "provider=AWS; service=S3")))
    assert texts(found.sort("service_name"), ["service_name", "mapping_id"]) == [("EC2", "rest"), ("S3", "s3")]


def test_two_mappings_that_both_could_count_leave_the_charge_unmapped_with_both_named():
    found = costs(charges("service_name | region_id\nS3 | us-1"), *mapping(("x", "region=us-1"), ("s3", "service=S3")))
    names = ["mapping_id", "product_id", "allocation_method", "unmapped_rule", "unmapped_detail"]
    assert texts(found, names) == [("", "unmapped", "unmapped", "ambiguous_mapping", "s3, x")]


@pytest.mark.parametrize(
    ("account_from", "expected"),
    [
        pytest.param(
            "sub_account", [("17", None, "direct"), ("unmapped", "account_not_stated", "unmapped")], id="F sub"
        ),
        pytest.param(
            "tags.customer:id", [("acme", None, "direct"), ("unmapped", "account_not_stated", "unmapped")], id="tag"
        ),
    ],
)
def test_the_charge_itself_can_name_the_account(account_from, expected):
    delivered = charges(
        """
        source_line | sub_account_id | tags
        1           | 17             | {"customer:id":"acme"}
        2           | null           | null
        """
    )
    found = costs(delivered, *mapping(("m", "provider=AWS"), account_id="null", account_from=account_from))
    assert texts(found, ["account_id", "unmapped_rule", "allocation_method"]) == expected
    assert set(found.collect()["product_id"]) == {"api"}


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        pytest.param("2026-07-05T10:00:00", "2026-07-05T11:00:00", ("2026-07-05", "2026-07-06"), id="an hour"),
        pytest.param("2026-07-05T00:00:00", "2026-07-06T00:00:00", ("2026-07-05", "2026-07-06"), id="a day"),
        pytest.param("2026-07-01T00:00:00", "2026-08-01T00:00:00", ("2026-07-01", "2026-08-01"), id="a month"),
        pytest.param("2026-07-05T23:00:00", "2026-07-06T01:00:00", ("2026-07-05", "2026-07-07"), id="over midnight"),
    ],
)
def test_a_charge_counts_on_its_first_day_and_touches_the_days_of_its_period(start, end, days):
    delivered = charges("source_line\n1", charge_period_start_at=start, charge_period_end_at=end)
    assert texts(costs(delivered, *NO_MAPPINGS), ["charge_date", "charge_end_date"]) == [days]
