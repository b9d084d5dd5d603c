"""The kernel reads a builder's signature, and refuses one that says something else than it does."""

import polars as pl
import pytest

from data_contracts import Accounts, AsOf, Delivered, LineItems, UsageEvents, UsageStates, ZoneDays
from data_contracts.vocabulary import Kind
from orchestration import night
from orchestration.tables import made_by


def test_inputs_and_output_are_read_off_the_signature():
    def usage_states(usage_events: Delivered[UsageEvents], zone_days: AsOf[ZoneDays]) -> AsOf[UsageStates]: ...

    made = made_by(usage_states)
    assert made.table is UsageStates
    assert made.inputs == {"usage_events": UsageEvents, "zone_days": ZoneDays}
    assert made.builder is usage_states
    assert made.options == frozenset()


def test_the_delivery_date_is_asked_for_by_keyword_and_is_no_table():
    def zone_days(accounts: AsOf[Accounts], *, as_of: object) -> AsOf[ZoneDays]: ...

    made = made_by(zone_days)
    assert made.options == {"as_of"}
    assert made.inputs == {"accounts": Accounts}


def misnamed_builder(accounts: AsOf[Accounts]) -> AsOf[ZoneDays]: ...


def zone_days(people: AsOf[Accounts]) -> AsOf[ZoneDays]: ...


def named(name, builder):
    builder.__name__ = name
    return builder


def of_the_wrong_kind(accounts: Delivered[Accounts]) -> AsOf[ZoneDays]: ...


def that_returns_the_wrong_kind(accounts: AsOf[Accounts]) -> Delivered[ZoneDays]: ...


def without_contract(accounts: pl.LazyFrame) -> AsOf[ZoneDays]: ...


def without_a_table(accounts: AsOf[Accounts]) -> pl.LazyFrame: ...


@pytest.mark.parametrize(
    ("builder", "said"),
    [
        pytest.param(misnamed_builder, "misnamed_builder makes zone_days", id="builder named unlike its table"),
        pytest.param(zone_days, "parameter people reads accounts; name it so", id="parameter named unlike its table"),
        pytest.param(
            named("zone_days", of_the_wrong_kind), r"parameter accounts says .*, but accounts is", id="kind of an input"
        ),
        pytest.param(
            named("zone_days", that_returns_the_wrong_kind),
            "what it returns says .*, but zone_days is",
            id="kind of it",
        ),
        pytest.param(named("zone_days", without_contract), "parameter accounts must be annotated", id="bare frame"),
        pytest.param(named("zone_days", without_a_table), "what it returns must be annotated", id="bare result"),
    ],
)
def test_a_signature_that_lies_is_refused(builder, said):
    with pytest.raises(TypeError, match=said):
        made_by(builder)


def test_a_parameter_without_annotation_is_refused():
    def zone_days(accounts) -> AsOf[ZoneDays]: ...

    with pytest.raises((TypeError, KeyError), match="accounts"):
        made_by(zone_days)


def test_every_builder_of_the_night_reads_only_what_the_night_has_made_before():
    made = [made_by(builder) for builder in night.NIGHTLY]
    known = {table.table_name for table in night.TABLES} - {each.table.table_name for each in made}
    for each in made:
        missing = set(each.inputs) - known
        assert not missing, f"{each.table.table_name} reads {missing}, which is made later"
        known.add(each.table.table_name)


def test_no_table_is_made_twice_and_none_reads_itself():
    made = [made_by(builder) for builder in night.NIGHTLY]
    names = [each.table.table_name for each in made]
    assert len(set(names)) == len(names)
    assert all(each.table.table_name not in each.inputs for each in made)
    assert {each.table.table_kind for each in made} == {Kind.AS_OF}
    assert LineItems in {each.table for each in made}
