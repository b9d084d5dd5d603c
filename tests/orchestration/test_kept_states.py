"""A night adds up what is new or touched, keeps the rest, and says what a night from nothing says."""

import pytest

from data_contracts import UsageStates
from orchestration import intake, kept_states
from orchestration.build import open_build
from orchestration.tables import made_by
from tests.orchestration import tiny
from transforms.usage_states import usage_states

BEFORE = tiny.DAYS[-2]
NOON = "2026-09-02T12:00:00Z"
POWER = """\
  - id: power
    product: api
    meter: tokens
    model: per_unit
    kind: cost
    currency: USD
    versions: [{effective_from: 2026-01-01, unit_amount: "0.001"}]
"""


def states(build):
    return build.frame(UsageStates).collect().sort(UsageStates.keys)


def two_nights(home, book=tiny.BOOK, accounts=tiny.ACCOUNTS):
    """The night before the last, then the last one, on which book and accounts are those given."""
    settings = tiny.land(home)
    earlier = tiny.tables_only(settings, BEFORE)
    if book != tiny.BOOK:
        tiny.put(home, f"price_book/{tiny.LAST}/book.yaml", book)
    if accounts != tiny.ACCOUNTS:
        tiny.put(home, f"accounts/{tiny.LAST}/accounts.csv", accounts)
    return earlier, tiny.tables_only(settings)


def from_nothing(build, home):
    """The same deliveries in a home that has kept nothing."""
    settings = tiny.copied(build.settings, home)
    for name in ("build", kept_states.FOLDER):
        (home / name).rename(home / f"gone-{name}")
    return tiny.tables_only(settings)


def test_a_night_adds_up_its_own_delivery_and_keeps_the_others(tmp_path):
    earlier, last = two_nights(tmp_path / "home")
    assert earlier.cells_added_up == states(earlier).height
    assert last.cells_added_up == states(last).filter(delivery_date=tiny.LAST).height == 2
    kept, again = earlier.files(UsageStates)[0], last.files(UsageStates)[0]
    assert kept.name == again.name
    assert kept.samefile(again)
    assert states(last).equals(states(from_nothing(last, tmp_path / "other")))


def test_an_account_that_is_touched_is_added_up_again_and_no_other(tmp_path):
    """ant moves to Berlin, with effect from long ago: its two days are added up again, beside the two new cells."""
    moved = tiny.ACCOUNTS.replace("America/New_York", "Europe/Berlin")
    earlier, last = two_nights(tmp_path / "home", accounts=moved)
    assert last.cells_added_up == states(earlier).filter(account_id="ant").height + 2
    assert states(last).equals(states(from_nothing(last, tmp_path / "other")))


def test_an_account_that_was_not_known_is_added_up_when_it_is_delivered(tmp_path):
    known = tiny.ACCOUNTS + "nobody,Nobody,USD,US,Asia/Tokyo,tiny,2026-08-01\n"
    _, last = two_nights(tmp_path / "home", accounts=known)
    assert last.cells_added_up == 1 + 2
    assert states(last).equals(states(from_nothing(last, tmp_path / "other")))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(
            ('unit_amount: "0.002"}]', f'unit_amount: "0.002"}}, {{effective_from: "{NOON}", unit_amount: "0.003"}}]'),
            id="a price that changes inside a day",
        ),
        pytest.param(("plans:", f"{POWER}plans:"), id="a price more"),
    ],
)
def test_a_rule_that_changes_adds_up_everything_again(tmp_path, change):
    assert change[0] in tiny.BOOK
    _, last = two_nights(tmp_path / "home", book=tiny.BOOK.replace(*change))
    assert last.cells_added_up == states(last).height
    assert states(last).equals(states(from_nothing(last, tmp_path / "other")))


def test_nothing_is_added_up_for_a_night_that_is_made_again(tmp_path):
    settings = tiny.land(tmp_path)
    tiny.tables_only(settings)
    build = open_build(settings, tiny.LAST)
    for path in build.path.glob("*"):
        path.rename(tmp_path / f"gone-{path.name}")
    assert tiny.tables_only(settings).cells_added_up == 0


def test_what_is_hashed_is_all_that_states_are_made_of():
    """A table more that decides cells has to be hashed, or states would be kept that are wrong."""
    decides = set(made_by(usage_states).inputs.values()) - set(intake.snapshots.TABLES)
    assert decides == {*kept_states.OF_ACCOUNT, *kept_states.OF_EVERYBODY}
