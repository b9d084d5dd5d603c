"""What a feed may say, and how it is told what not: file:line: path: rule: message remedy."""

import pytest

from orchestration.intake.feeds import feeds_of, json_schema
from orchestration.intake.feeds.schema import TARGETS, FeedDocument
from orchestration.intake.landing import ACTIONS, CONTRACTS, DATASETS, PRICE_BOOK
from tests.orchestration.intake.landing_zone import Landing

FEED = """\
dataset: usage_events
delimiter: ";"
nulls: ["NULL", "N/A"]
columns:
  event_id: {parts: [Id, {constant: "-"}, {row: 1}]}
  account_id: {column: Customer, otherwise: guest}
  meter: {constant: kwh}
  occurred_at: {column: Time, format: dd/mm/yyyy hh:mm:ss, zone: Europe/London}
  quantity: "kWh "
  amount: product(Pieces, Unit price)
  currency: {constant: GBP}
dimensions: {region: Region}
"""


def findings(landing: Landing, text: str, name: str = "meters") -> list[str]:
    landing.feed(name, text)
    return [str(finding) for finding in feeds_of(landing.settings)[name].findings]


def test_a_feed_that_says_all_it_can_is_valid(landing: Landing) -> None:
    assert findings(landing, FEED) == []


@pytest.mark.parametrize(
    ("was", "written", "shown"),
    [
        pytest.param(
            "dataset: usage_events",
            "dataset: usage",
            "1: dataset: unknown_dataset: `usage` is no dataset that a feed can fill. One of usage_events, accounts, "
            "costs, fx_rates.",
            id="unknown dataset",
        ),
        pytest.param(
            "nulls:",
            "nuls:",
            "3: nuls: unknown_key: unknown key `nuls`. Did you mean `nulls`?",
            id="unknown key",
        ),
        pytest.param(
            "otherwise:",
            "unless_given:",
            "6: columns.account_id.unless_given: unknown_key: unknown key `unless_given`. Known here: column, constant, row, "
            "sha256, parts, product, otherwise, format, zone, fold.",
            id="unknown key of a value",
        ),
        pytest.param(
            "{row: 1}",
            "{row: 2}",
            "5: columns.event_id.parts.2.row: unknown_value: `2` is not known here. Possible: 0, 1.",
            id="rows count from 0 or 1",
        ),
        pytest.param(
            "{constant: kwh}",
            "{constant: kwh, column: Meter}",
            "7: columns.meter: not_one_value: it is column and constant at once. Write one of column, constant, row, "
            "sha256, parts, product.",
            id="two things at once",
        ),
        pytest.param(
            "zone: Europe/London",
            "zone: Europe/Londn",
            '8: columns.occurred_at.zone: unknown_time_zone: "Europe/Londn" is not an IANA time zone. Write a name such '
            "as Europe/Berlin or UTC.",
            id="unknown zone",
        ),
        pytest.param(
            ", zone: Europe/London",
            "",
            "8: columns.occurred_at: missing: the zone is missing. Write `zone:` with an IANA name: the format has no "
            "offset.",
            id="a declared format needs a zone",
        ),
        pytest.param(
            "hh:mm:ss",
            "hh:mm pp",
            '8: columns.occurred_at.format: bad_format: "dd/mm/yyyy hh:mm pp" holds more than parts of a time and marks '
            "between them. Write it like dd/mm/yyyy hh:mm:ss or yyyy-mm-dd; seconds may have a fraction, ss.fff.",
            id="a format holds nothing but parts of a time",
        ),
        pytest.param(
            "dd/mm/yyyy",
            "mm/yyyy",
            '8: columns.occurred_at.format: bad_format: "mm/yyyy hh:mm:ss" is not one whole date, or its time is not '
            "whole. Write it like dd/mm/yyyy hh:mm:ss or yyyy-mm-dd; seconds may have a fraction, ss.fff.",
            id="a date is whole",
        ),
        pytest.param(
            'quantity: "kWh "',
            "quantity: product(a, b)",
            "9: columns.quantity: not_computed: only `amount` can be a product. Name a column.",
            id="only the amount is computed",
        ),
        pytest.param(
            'quantity: "kWh "',
            "quantity: {sha256: row}",
            "9: columns.quantity: not_made_of_rows: only `event_id` can be made of the row. Name a column.",
            id="only ids are made of rows",
        ),
        pytest.param(
            "  currency:",
            "  curency:",
            "11: columns.curency: unknown_column: `curency` is no column of usage_events. One of event_id, account_id, "
            "meter, occurred_at, quantity, amount, currency, source, contract_id, reverses_event_id, amends_event_id.",
            id="unknown column of the dataset",
        ),
        pytest.param(
            "  meter: {constant: kwh}\n",
            "",
            "4: columns: missing: `meter` is not mapped. It is required.",
            id="required column",
        ),
        pytest.param(
            "{region: Region}",
            "{meter: Region}",
            "12: dimensions.meter: name_taken: `meter` is a column of usage_events. Rename it.",
            id="a dimension has a name of its own",
        ),
        pytest.param(
            "  quantity:",
            "  event_id: Id\n  quantity:",
            "9: duplicate_key: column 3: key `event_id` stands twice; first on line 5. Keep one of them.",
            id="a key stands once",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_place(landing: Landing, was: str, written: str, shown: str) -> None:
    assert FEED.count(was) == 1
    assert findings(landing, FEED.replace(was, written)) == [f"feeds/meters.yaml:{shown}"]


def test_all_problems_are_named_at_once(landing: Landing) -> None:
    broken = FEED.replace("{row: 1}", "{row: 7}").replace("zone: Europe/London", "zone: Nowhere")
    assert [text.split(": ")[1] for text in findings(landing, broken)] == [
        "columns.event_id.parts.2.row",
        "columns.occurred_at.zone",
    ]


def test_meters_of_a_row_have_quantity_and_ids_of_their_own(landing: Landing) -> None:
    text = FEED + (
        'meters: [{meter: a, quantity: A, event_id_suffix: "-x"}, {meter: b, quantity: B, event_id_suffix: "-x"}]\n'
    )
    assert findings(landing, text) == [
        "feeds/meters.yaml:7: columns.meter: said_twice: each of `meters` has its meter. Remove it here.",
        "feeds/meters.yaml:9: columns.quantity: said_twice: each of `meters` has its quantity. Remove it here.",
        (
            'feeds/meters.yaml:13: meters.1.event_id_suffix: duplicate: "-x" stands twice. '
            "Events of one row need ids of their own."
        ),
    ]


def test_a_feed_without_columns_takes_files_as_they_are(landing: Landing) -> None:
    assert findings(landing, "dataset: fx_rates\n") == []
    assert findings(landing, 'dataset: costs\ndelimiter: ";"\n') == [
        "feeds/meters.yaml:2: delimiter: nothing_mapped: the file is taken as it is. Map its columns, or remove this."
    ]


def test_other_datasets_have_no_meters_and_no_dimensions(landing: Landing) -> None:
    text = "dataset: accounts\ncolumns: {account_id: Id, name: Id, currency: {constant: EUR}}\ndimensions: {a: A}\n"
    assert findings(landing, text) == [
        "feeds/meters.yaml:3: dimensions: not_of_this_dataset: `accounts` has no dimensions. Remove it."
    ]


def test_a_day_is_no_instant(landing: Landing) -> None:
    text = """\
dataset: accounts
columns:
  account_id: Id
  name: Id
  currency: {constant: EUR}
  valid_from: {column: Since, format: dd.mm.yyyy hh:mm, zone: UTC}
"""
    assert findings(landing, text) == [
        "feeds/meters.yaml:6: columns.valid_from.format: not_a_day: `valid_from` is a day. Write the format of a day.",
        "feeds/meters.yaml:6: columns.valid_from.zone: not_a_time: `valid_from` is no time. Remove it.",
    ]


def test_a_feed_cannot_be_named_like_a_dataset(landing: Landing) -> None:
    assert findings(landing, FEED, name="costs") == [
        "feeds/costs.yaml: name_taken: `costs` is a dataset. Name the feed after its source."
    ]


def test_a_feed_that_is_no_text_or_breaks_off_is_named_with_its_place(landing: Landing) -> None:
    landing.feed("cut", FEED[: FEED.index("otherwise")])
    (landing.settings.feeds / "latin.yaml").write_bytes(b"dataset: usage_events\n# caf\xe9\n")
    found = feeds_of(landing.settings)
    assert [(f.line, f.rule) for f in found["cut"].findings] == [(6, "yaml_syntax")]
    assert [(f.line, f.rule) for f in found["latin"].findings] == [(2, "not_utf8")]


@pytest.mark.parametrize("name", ["Factory", "localtime"])
def test_a_name_that_is_no_zone_of_a_place_is_refused(landing: Landing, name: str) -> None:
    (found,) = findings(landing, FEED.replace("Europe/London", name))
    assert "columns.occurred_at.zone: unknown_time_zone" in found


def test_every_dataset_of_rows_can_be_fed() -> None:
    # Decisions are written by our own commands, with two names each; no foreign file brings them.
    assert {*TARGETS, PRICE_BOOK, CONTRACTS, ACTIONS} == set(DATASETS)


def test_the_schema_for_editors_knows_every_key() -> None:
    schema = json_schema()
    assert set(schema["properties"]) == set(FeedDocument.model_fields)
    as_text, as_mapping = schema["$defs"]["Value"]["anyOf"]
    assert as_text["type"] == "string"
    assert set(as_mapping["properties"]) >= {"column", "parts", "product", "format", "zone", "fold"}
