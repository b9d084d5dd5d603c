"""Rules of `accounts`: what holds on which day, when currency and zone change, and who pays."""

import pytest

from data_contracts import Companies
from tests.tables import rows, texts
from tests.transforms.chain import made
from tests.transforms.worlds import accounts

AS_OF = "2026-10-31"
INTERVAL = ["valid_from", "valid_to"]


def states(text, columns, **tables):
    found = made("accounts", as_of=AS_OF, account_rows=accounts(text), **tables)["accounts"]
    return texts(found, columns)


def test_a_state_holds_from_its_own_day_not_from_its_delivery():
    """Said on 5 August, meant from 20 August on: the old name holds to the 19th."""
    found = states(
        """
        delivery_date | account_id | account_name | valid_from
        2026-08-01    | acme       | Acme         | 2026-08-01
        2026-08-05    | acme       | Acme Inc.    | 2026-08-20
        """,
        [*INTERVAL, "account_name", "recorded_on"],
    )
    assert found == [
        ("2026-08-01", "2026-08-20", "Acme", "2026-08-01"),
        ("2026-08-20", "9999-12-31", "Acme Inc.", "2026-08-05"),
    ]


def test_absence_is_never_a_change():
    """The snapshot of 2 August names beta only; acme stays what it was."""
    found = states(
        """
        delivery_date | account_id | valid_from
        2026-08-01    | acme       | 2026-08-01
        2026-08-01    | beta       | 2026-08-01
        2026-08-02    | beta       | 2026-08-02
        """,
        ["account_id", *INTERVAL],
    )
    assert found == [("acme", "2026-08-01", "9999-12-31"), ("beta", "2026-08-01", "9999-12-31")]


def test_the_same_state_delivered_again_is_one_state():
    found = states(
        """
        delivery_date | account_id | account_name | valid_from
        2026-08-01    | acme       | Acme         | 2026-08-01
        2026-08-02    | acme       | Acme         | 2026-08-02
        2026-08-03    | acme       | Acme         | 2026-08-03
        """,
        [*INTERVAL, "recorded_on"],
    )
    assert found == [("2026-08-01", "9999-12-31", "2026-08-01")]


def test_a_state_that_comes_back_is_two_states_with_another_between():
    found = states(
        """
        delivery_date | account_id | segment | valid_from
        2026-08-01    | acme       | small   | 2026-08-01
        2026-08-02    | acme       | large   | 2026-08-10
        2026-08-03    | acme       | small   | 2026-08-20
        """,
        [*INTERVAL, "segment"],
    )
    assert found == [
        ("2026-08-01", "2026-08-10", "small"),
        ("2026-08-10", "2026-08-20", "large"),
        ("2026-08-20", "9999-12-31", "small"),
    ]


@pytest.mark.parametrize(
    ("valid_from", "expected"),
    [
        pytest.param("2026-08-19", [("2026-08-01", "2026-08-19", "a"), ("2026-08-19", "9999-12-31", "c")], id="a day before the announced change: that is withdrawn"),
        pytest.param("2026-08-20", [("2026-08-01", "2026-08-20", "a"), ("2026-08-20", "9999-12-31", "c")], id="from the same day: it is replaced"),
        pytest.param("2026-08-21", [("2026-08-01", "2026-08-20", "a"), ("2026-08-20", "2026-08-21", "b"), ("2026-08-21", "9999-12-31", "c")], id="a day after: it holds for its day"),
        pytest.param("2026-07-01", [("2026-07-01", "9999-12-31", "c")], id="before everything: it holds from then on"),
    ],
)  # fmt: skip
def test_the_later_delivery_wins_from_the_day_that_it_names(valid_from, expected):
    """a from the 1st; b announced for the 20th; c delivered last."""
    text = f"""
        delivery_date | account_id | segment | valid_from
        2026-08-01    | acme       | a       | 2026-08-01
        2026-08-02    | acme       | b       | 2026-08-20
        2026-08-03    | acme       | c       | {valid_from}
        """
    assert states(text, [*INTERVAL, "segment"]) == expected


@pytest.mark.parametrize(
    ("change", "holds_from"),
    [
        pytest.param("2026-08-10", "2026-09-01", id="inside the month: from the next one"),
        pytest.param("2026-08-31", "2026-09-01", id="on the last day: from the next one"),
        pytest.param("2026-09-01", "2026-09-01", id="on the first day: at once"),
        pytest.param("2026-09-02", "2026-10-01", id="on the second day: not before the next month"),
    ],
)
@pytest.mark.parametrize(
    ("column", "old", "new"), [("currency", "EUR", "USD"), ("time_zone", "Europe/Berlin", "Asia/Tokyo")]
)
def test_currency_and_zone_change_with_a_billing_period_only(column, old, new, change, holds_from):
    found = states(
        f"""
        delivery_date | account_id | {column} | valid_from
        2026-08-01    | acme       | {old}    | 2026-08-01
        2026-08-05    | acme       | {new}    | {change}
        """,
        [*INTERVAL, column],
    )
    assert found == [("2026-08-01", holds_from, old), (holds_from, "9999-12-31", new)]


def test_what_else_changes_with_the_currency_changes_on_its_day():
    found = states(
        """
        delivery_date | account_id | currency | segment | valid_from
        2026-08-01    | acme       | EUR      | small   | 2026-08-01
        2026-08-05    | acme       | USD      | large   | 2026-08-10
        """,
        [*INTERVAL, "currency", "segment"],
    )
    assert found == [
        ("2026-08-01", "2026-08-10", "EUR", "small"),
        ("2026-08-10", "2026-09-01", "EUR", "large"),
        ("2026-09-01", "9999-12-31", "USD", "large"),
    ]


def test_two_changes_inside_a_month_are_one_at_its_end():
    """EUR, GBP from the 10th, USD from the 20th: nobody was ever billed in GBP."""
    found = states(
        """
        delivery_date | account_id | currency | valid_from
        2026-08-01    | acme       | EUR      | 2026-08-01
        2026-08-02    | acme       | GBP      | 2026-08-10
        2026-08-03    | acme       | USD      | 2026-08-20
        """,
        [*INTERVAL, "currency"],
    )
    assert found == [("2026-08-01", "2026-09-01", "EUR"), ("2026-09-01", "9999-12-31", "USD")]


@pytest.mark.parametrize(
    ("column", "old", "new"), [("currency", "EUR", "USD"), ("time_zone", "Europe/Berlin", "Asia/Tokyo")]
)
def test_also_an_account_that_begins_inside_a_month_keeps_its_currency_to_the_months_end(column, old, new):
    """There is no state on 1 August, so the first of August governs: a month has one currency and one zone."""
    found = states(
        f"""
        delivery_date | account_id | {column} | valid_from
        2026-08-10    | acme       | {old}    | 2026-08-10
        2026-08-20    | acme       | {new}    | 2026-08-20
        """,
        [*INTERVAL, column],
    )
    assert found == [("2026-08-10", "2026-09-01", old), ("2026-09-01", "9999-12-31", new)]


def test_an_account_without_an_entity_is_billed_by_the_companys_first():
    found = states(
        """
        account_id | legal_entity_id
        acme       | null
        beta       | acme_gmbh
        """,
        ["account_id", "legal_entity_id"],
        companies=rows(Companies, default_legal_entity_id="acme_us"),
    )
    assert found == [("acme", "acme_us"), ("beta", "acme_gmbh")]


def test_the_root_of_the_tree_pays_through_three_levels():
    found = states(
        """
        account_id | parent_account_id
        group      | null
        division   | group
        team       | division
        project    | team
        alone      | null
        """,
        ["account_id", "payer_id"],
    )
    assert dict(found) == {
        "group": "group", "division": "group", "team": "group", "project": "group", "alone": "alone",
    }  # fmt: skip


def test_a_child_pays_for_itself_until_its_parent_is_there():
    """The team names the group from 1 August; the group was delivered, and is valid, from 10 August."""
    found = states(
        """
        delivery_date | account_id | parent_account_id | valid_from
        2026-08-01    | team       | group             | 2026-08-01
        2026-08-10    | group      | null              | 2026-08-10
        """,
        ["account_id", *INTERVAL, "payer_id"],
    )
    assert found == [
        ("group", "2026-08-10", "9999-12-31", "group"),
        ("team", "2026-08-01", "2026-08-10", "team"),
        ("team", "2026-08-10", "9999-12-31", "group"),
    ]


def test_a_parent_that_never_comes_pays_for_nobody():
    assert states("account_id | parent_account_id\n team | ghost", ["payer_id"]) == [("team",)]


def test_the_payer_changes_on_the_day_on_which_an_account_far_above_moves():
    """The division moves from one group to another on 10 August, and the team below it goes along."""
    found = states(
        """
        delivery_date | account_id | parent_account_id | valid_from
        2026-08-01    | one        | null              | 2026-08-01
        2026-08-01    | other      | null              | 2026-08-01
        2026-08-01    | division   | one               | 2026-08-01
        2026-08-02    | division   | other             | 2026-08-10
        2026-08-01    | team       | division          | 2026-08-01
        """,
        ["account_id", *INTERVAL, "payer_id"],
    )
    assert found[-2:] == [
        ("team", "2026-08-01", "2026-08-10", "one"),
        ("team", "2026-08-10", "9999-12-31", "other"),
    ]


def test_a_change_above_that_leaves_the_payer_is_no_change_below():
    found = states(
        """
        delivery_date | account_id | parent_account_id | account_name | valid_from
        2026-08-01    | group      | null              | Group        | 2026-08-01
        2026-08-02    | group      | null              | Group Inc.   | 2026-08-10
        2026-08-01    | team       | group             | Team         | 2026-08-01
        """,
        ["account_id", *INTERVAL, "payer_id"],
    )
    assert found[-1] == ("team", "2026-08-01", "9999-12-31", "group")


def test_a_loop_of_parents_ends_with_a_payer_for_each():
    """a -> b -> c -> a, and d names itself: nobody is lost, nothing hangs, the payer is one of the loop."""
    found = states(
        """
        account_id | parent_account_id
        a          | b
        b          | c
        c          | a
        d          | d
        """,
        ["account_id", "payer_id"],
    )
    assert [account for account, _ in found] == ["a", "b", "c", "d"]
    assert {payer for account, payer in found if account != "d"} <= {"a", "b", "c"}
    assert dict(found)["d"] == "d"


def test_states_of_an_account_follow_each_other_without_gap_or_overlap():
    found = states(
        """
        delivery_date | account_id | parent_account_id | currency | segment | valid_from
        2026-08-01    | group      | null              | EUR      | a       | 2026-07-15
        2026-08-03    | group      | null              | USD      | b       | 2026-08-12
        2026-08-01    | team       | group             | EUR      | a       | 2026-07-20
        2026-08-02    | team       | group             | USD      | a       | 2026-08-05
        2026-08-04    | team       | null              | USD      | c       | 2026-08-31
        2026-08-05    | team       | group             | USD      | c       | 2026-10-31
        """,
        ["account_id", *INTERVAL],
    )
    for account in ("group", "team"):
        own = [interval for name, *interval in found if name == account]
        assert [end for _, end in own] == [start for start, _ in own[1:]] + ["9999-12-31"]
        assert all(start < end for start, end in own)
