"""What a document may say, and how it is told what not: file:line: path: message remedy."""

import json

import pytest

from orchestration.book import json_schema
from orchestration.book.reading import BOOK_LISTS
from orchestration.book.schema import TERMS_OF_MODEL, BookDocument
from tests.orchestration.book.samples import DESIGN_EXAMPLE, HEAD, accepted, one_price, problems, rules


def test_the_example_of_the_design_validates_as_it_stands():
    assert problems(DESIGN_EXAMPLE, path="llm.yaml") == []


@pytest.mark.parametrize(
    ("was", "written", "shown"),
    [
        pytest.param(
            'unit_amount: "20"',
            "unit_amount: 20",
            'llm.yaml:19: prices.gpt4_input.versions.0.tiers.1.unit_amount: 20 is not in quotes. Write "20".',
            id="F49 unquoted decimal",
        ),
        pytest.param(
            'unit_amount: "20"',
            "unit_amount: 0.0000120",
            'llm.yaml:19: prices.gpt4_input.versions.0.tiers.1.unit_amount: 0.0000120 is not in quotes. Write "0.0000120".',
            id="F49 YAML float keeps its digits in the form to write",
        ),
        pytest.param(
            'unit_amount: "20"',
            "unit_amount: 1_000",
            'llm.yaml:19: prices.gpt4_input.versions.0.tiers.1.unit_amount: 1_000 is not in quotes. Write "1000".',
            id="F49 underscore",
        ),
        pytest.param(
            'unit_amount: "20"',
            'unit_prise: "20"',
            "llm.yaml:19: prices.gpt4_input.versions.0.tiers.1.unit_prise: unknown key `unit_prise`. "
            "Did you mean `unit_amount`?",
            id="F49 unknown key",
        ),
        pytest.param(
            "model: graduated ",
            "model: tiered ",
            "llm.yaml:12: prices.gpt4_input.model: `tiered` is not known here. Possible: flat, per_unit, graduated, "
            "volume, package, percentage, graduated_percentage, matrix, dynamic.",
            id="unknown model",
        ),
        pytest.param(
            "aggregation: sum",
            "aggregation: summ",
            "llm.yaml:6: meters.input_tokens.aggregation: `summ` is not known here. Did you mean sum? "
            "Possible: sum, count, max, latest, unique_count, weighted_sum.",
            id="nearest value",
        ),
        pytest.param(
            "aggregation: sum, dimensions: [model]",
            "aggregation: unique_count, dimensions: [model]",
            "llm.yaml:6: meters.input_tokens.value: unique_count cannot measure quantity. Write one of its dimensions.",
            id="a unique_count names the dimension whose values it counts",
        ),
        pytest.param(
            "aggregation: sum, dimensions: [model]",
            "aggregation: sum, value: model, dimensions: [model]",
            "llm.yaml:6: meters.input_tokens.value: sum cannot measure model. Write quantity or amount.",
            id="a sum of texts",
        ),
        pytest.param(
            "aggregation: sum, dimensions: [model]",
            "aggregation: max, carry_over: true, dimensions: [model]",
            "llm.yaml:6: meters.input_tokens.carry_over: max begins anew in each billing period. Leave it out.",
            id="a maximum that is carried over",
        ),
        pytest.param(
            "    product: llm_api\n",
            "",
            "llm.yaml:8: prices.gpt4_input.product: product is missing. Write it: Product that it sells.",
            id="missing key at the item's line",
        ),
        pytest.param(
            "currency: USD                    #",
            "currency: usd                    #",
            'llm.yaml:14: prices.gpt4_input.currency: "usd" is not an ISO 4217 currency. Write a code such as USD.',
            id="F32 currency in lower case",
        ),
        pytest.param(
            "currency: USD                    #",
            "currency: XAU                    #",
            'llm.yaml:14: prices.gpt4_input.currency: "XAU" is not an ISO 4217 currency. Write a code such as USD.',
            id="F32 gold has no minor unit",
        ),
        pytest.param(
            "effective_from: 2026-01-01 ",
            "effective_from: 2026-01-01T00:00:00 ",
            "llm.yaml:16: prices.gpt4_input.versions.0.effective_from: 2026-01-01T00:00:00 is neither a day nor an "
            "instant with offset. Write a day (2026-01-31: the start of that local day) or an instant with offset "
            "(2026-01-31T12:00:00Z).",
            id="F34 naive instant",
        ),
        pytest.param(
            "time_zone: UTC",
            "time_zone: utc+1",
            'llm.yaml:2: company.time_zone: "utc+1" is not an IANA time zone. Write a name such as Europe/Berlin or UTC.',
            id="unknown zone",
        ),
        pytest.param(
            'flat_amount: "5"',
            'flat_amount: "-5"',
            'llm.yaml:18: prices.gpt4_input.versions.0.tiers.0.flat_amount: "-5" is negative. Write an amount of 0 or '
            "more; a credit is a credit note.",
            id="F48 negative price",
        ),
        pytest.param(
            'per: "1000000", flat',
            'per: "0", flat',
            'llm.yaml:18: prices.gpt4_input.versions.0.tiers.0.per: "0" is not possible here. Write a decimal above 0.',
            id="division by zero",
        ),
    ],
)
def test_an_error_names_file_line_field_and_what_to_write(was, written, shown):
    assert DESIGN_EXAMPLE.count(was) == 1
    assert problems(DESIGN_EXAMPLE.replace(was, written), path="llm.yaml") == [shown]


def test_all_problems_are_told_at_once():
    broken = (
        DESIGN_EXAMPLE.replace('flat_amount: "5"', "flat_amount: 5")
        .replace("LLM API, rev", "LLM API, rew")
        .replace("prices: [gpt4_input]", "prices: [gpt4_inptu]")
    )
    assert [line.split(": ")[:2] for line in problems(broken, path="llm.yaml")] == [
        ["llm.yaml:4", "products.llm_api.rewenue_account"],
        ["llm.yaml:18", "prices.gpt4_input.versions.0.tiers.0.flat_amount"],
        ["llm.yaml:20", "plans.payg.prices.0"],
    ]


GRADUATED = "{effective_from: 2026-01-01, tiers: [%s]}"


@pytest.mark.parametrize(
    ("tiers", "shown"),
    [
        pytest.param(
            '{up_to: "10", unit_amount: "1"}, {up_to: "5", unit_amount: "1"}, {up_to: null, unit_amount: "1"}',
            "1.up_to: tier 2 ends at 5, below tier 1, which ends at 10. Sort the tiers by up_to.",
            id="F47 unsorted",
        ),
        pytest.param(
            '{up_to: "10", unit_amount: "1"}, {up_to: "10.0", unit_amount: "1"}, {up_to: null, unit_amount: "1"}',
            "1.up_to: tier 2 ends at 10.0, as tier 1 does. Drop one of them.",
            id="F47 duplicate bound in another notation",
        ),
        pytest.param(
            '{up_to: "10", unit_amount: "1"}, {up_to: "20", unit_amount: "1"}',
            "1.up_to: tier 2 of 2 is the last and ends at 20: above it there is no price. "
            "Write up_to: null, or add a last tier with it.",
            id="F47 no open end",
        ),
        pytest.param(
            '{up_to: null, unit_amount: "1"}, {up_to: null, unit_amount: "1"}',
            "0.up_to: tier 1 of 2 has no upper bound, so tier 2 is never reached. "
            "Only the last tier is open: put it last, or bound it.",
            id="F47 overlapping",
        ),
        pytest.param(
            '{up_to: "0", unit_amount: "1"}, {up_to: null, unit_amount: "1"}',
            "0.up_to: tier 1 ends at 0 and holds nothing. Begin with a bound above 0.",
            id="F47 first tier is empty",
        ),
        pytest.param(
            '{up_to: "10"}, {up_to: null, unit_amount: "1"}',
            '0: the tier has no price. Write unit_amount: "0" for a free tier.',
            id="a tier without a price is not free",
        ),
        pytest.param(
            '{unit_amount: "1"}',
            "0.up_to: up_to is missing. Write it: Inclusive upper bound; null in the last tier, which has none.",
            id="a forgotten bound is not an open end",
        ),
        pytest.param(
            '{up_to: null, rate: "1"}',
            "0.rate: tier 1: rate is not a term of model graduated. Write unit_amount.",
            id="a rate in a graduated price",
        ),
    ],
)
def test_tiers_that_leave_a_quantity_without_one_price_are_refused_with_their_number(tiers, shown):
    assert problems(one_price("graduated", GRADUATED % tiers)) == [f"book.yaml:6: prices.p.versions.0.tiers.{shown}"]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        pytest.param("1e-5", "bad_decimal", id="exponent"),
        pytest.param("1,000", "bad_decimal", id="grouping"),
        pytest.param("+1", "bad_decimal", id="sign"),
        pytest.param("01", "bad_decimal", id="leading zero"),
        pytest.param(".5", "bad_decimal", id="no digit before the point"),
        pytest.param("١٢", "bad_decimal", id="F27 other digits"),
        pytest.param("0." + "0" * 24 + "1", "too_many_decimals", id="25 decimals"),
        pytest.param("1" + "0" * 13, "too_large", id="10^13"),
    ],
)
def test_a_decimal_that_a_table_cannot_hold_exactly_is_refused(text, rule):
    version = f'{{effective_from: 2026-01-01, unit_amount: "{text}"}}'
    assert rules(one_price("per_unit", version)) == [(6, rule)]


def test_24_decimals_are_kept():
    assert rules(one_price("per_unit", '{effective_from: 2026-01-01, unit_amount: "0.000000000000000000000001"}')) == []


@pytest.mark.parametrize(
    ("version", "line", "rule"),
    [
        pytest.param('{unit_amount: "1"}', 6, "missing", id="no effective_from"),
        pytest.param(
            '{effective_from: 2026-01-01, tiers: [{up_to: null, unit_amount: "1"}]}',
            6,
            "wrong_term",
            id="tiers in per_unit",
        ),
        pytest.param(
            '{effective_from: 2026-01-01, unit_amount: "1", reason: typo}', 6, "contradiction", id="reason alone"
        ),
        pytest.param(
            '{supersedes: 2026-01-01, unit_amount: "1", reason: typo}', 6, "missing", id="correction without approver"
        ),
        pytest.param(
            '{supersedes: 2026-01-01, unit_amount: "1", approved_by: ann}', 6, "missing", id="correction without reason"
        ),
        pytest.param(
            '{effective_from: 2026-01-02, supersedes: 2026-01-01, unit_amount: "1", reason: r, approved_by: a}',
            6,
            "contradiction",
            id="correction that moves",
        ),
        pytest.param(
            '{effective_from: 2026-01-01, unit_amount: "1", currencies: {EUR: {unit_amount: "1"}}}',
            6,
            "contradiction",
            id="amount beside currencies",
        ),
        pytest.param("{effective_from: 2026-01-01, currencies: {}}", 6, "missing", id="no currency"),
    ],
)
def test_a_version_that_is_not_whole_is_refused(version, line, rule):
    assert (line, rule) in rules(one_price("per_unit", version))


def test_a_version_without_effective_from_is_told_the_key_to_write():
    assert problems(one_price("per_unit", '{unit_amount: "1"}')) == [
        (
            "book.yaml:6: prices.p.versions.0: effective_from is missing. Write the day from which it holds, e.g. "
            "effective_from: 2026-01-01."
        )
    ]


def test_a_key_in_the_wrong_place_is_sent_home():
    (shown,) = problems(
        one_price("per_unit", '{effective_from: 2026-01-01, unit_amount: "1"}', more=", rounding: down")
    )
    assert shown.startswith("book.yaml:5: prices.p.rounding: unknown key `rounding`. It is a key of a version.")


def test_ids_that_would_be_read_in_two_ways_are_refused():
    assert rules(f"{HEAD}plans: [{{id: a/b@c, prices: []}}]\n") == [(4, "bad_id")]


def test_the_json_schema_describes_every_field_and_agrees_with_what_is_read():
    schema = json_schema()
    assert set(schema["properties"]) == {"company", *BOOK_LISTS} == set(BookDocument.model_fields)
    for name, model in [("", schema), *schema["$defs"].items()]:
        assert model["additionalProperties"] is False, name
        for field, declared in model["properties"].items():
            assert declared.get("description"), f"{name}.{field}"
    assert set(schema["$defs"]["PriceItem"]["properties"]["model"]["enum"]) == set(TERMS_OF_MODEL)
    assert json.loads(json.dumps(schema)) == schema
    assert "overrides" in json.dumps(json_schema("contracts"))


def test_every_model_and_every_term_of_the_design_is_known_to_the_schema():
    book = f"""{HEAD}prices:
  - {{id: a, product: api, model: flat, currency: USD, interval: month, bill: advance, prorate: day, versions: [{{effective_from: 2026-01-01, flat_amount: "9"}}]}}
  - {{id: b, product: api, meter: tokens, model: package, currency: USD, versions: [{{effective_from: 2026-01-01, package: {{size: "100", amount: "5", free_units: "100", round: down}}}}]}}
  - {{id: c, product: api, meter: volume, model: graduated_percentage, currency: USD, versions: [{{effective_from: 2026-01-01, tiers: [{{up_to: "10", rate: "0.01", flat_amount: "1"}}, {{up_to: null, rate: "0.005"}}]}}]}}
  - {{id: d, product: api, meter: tokens, model: matrix, currency: USD, group_by: [region], versions: [{{effective_from: 2026-01-01, matrix: {{dimensions: [model, region], cells: [{{where: {{model: a, region: b}}, unit_amount: "1", per: "10"}}], default: {{unit_amount: "2"}}}}}}]}}
  - {{id: e, product: api, meter: volume, model: dynamic, currency: USD, versions: [{{effective_from: 2026-01-01}}]}}
  - id: f
    product: api
    meter: tokens
    model: per_unit
    currency: USD
    versions:
      - {{effective_from: 2026-01-01, unit_amount: "1", intervals: [{{days: [mon], starts_at: 08:00, ends_at: 24:00, unit_amount: "2"}}], minimum: "1", maximum: "2", free_units: "3", unit_conversion: {{divide: "1000", round: up}},
         rounding: down, round_at: event, on_price_change: continue, tier_period: year, pool: payer, recognise: straight_line, applies_to: new_contracts}}
"""
    found = accepted(book).problems
    assert {problem.rule for problem in found} == {"cannot_be_rated_yet"}
    assert [(problem.line, problem.message.removesuffix(" cannot be rated yet.")) for problem in found] == [
        (5, "bill: advance"),
        (5, "prorate: day"),
        (17, "recognise: straight_line"),
        (17, "applies_to: new_contracts"),
        (17, "round_at: event of intervals"),
        (17, "round_at: event with a unit_conversion to whole units"),
        (17, "minimum and maximum of a price with pool: payer"),
    ]


FREE = '{effective_from: 2026-01-01, free_units: "5", '
CELLS = 'matrix: {dimensions: [model], cells: [{where: {model: a}, unit_amount: "1"}]}'


@pytest.mark.parametrize(
    ("price", "message"),
    [
        pytest.param(
            f"meter: tokens, model: dynamic, versions: [{FREE}}}]",
            "free_units is not a term of model dynamic: it prices no units.",
            id="free units of amounts",
        ),
        pytest.param(
            f'meter: tokens, model: percentage, versions: [{FREE}percentage: {{rate: "0.1"}}}}]',
            "free_units is not a term of model percentage: it prices no units.",
            id="free units of fees",
        ),
        pytest.param(
            'model: flat, versions: [{effective_from: 2026-01-01, flat_amount: "1", unit_conversion: {divide: "2"}}]',
            "unit_conversion is not a term of model flat: it prices no quantity.",
            id="a conversion of nothing",
        ),
        pytest.param(
            'meter: tokens, model: per_unit, versions: [{effective_from: 2026-01-01, unit_amount: "1", flat_on_zero: none}]',
            "flat_on_zero is not a term of model per_unit: it has no flat amount.",
            id="a flat that is not there",
        ),
        pytest.param(
            'model: flat, versions: [{effective_from: 2026-01-01, flat_amount: "1", flat_on_zero: none}]',
            "a price of time has no usage.",
            id="never due",
        ),
        pytest.param(
            'meter: tokens, model: per_unit, versions: [{effective_from: 2026-01-01, unit_amount: "1", '
            'unit_conversion: {multiply: "99999999999999.999999999999"}}]',
            "USD: unit_conversion makes quantities of 1e+26 of the terms.",
            id="a factor that no column holds",
        ),
        pytest.param(
            'model: flat, interval: month, versions: [{effective_from: 2026-01-01, flat_amount: "1"}]',
            "a recurring price by the day cannot be rated yet.",
            id="prorated unless it says otherwise",
        ),
        pytest.param(
            'meter: tokens, model: per_unit, versions: [{effective_from: 2026-01-01, unit_amount: "1", '
            'minimum: "1000000000000"}]',
            "USD: the minimum is 10^12 or more.",
            id="a minimum that days are multiplied with",
        ),
    ],
)
def test_what_a_new_term_cannot_mean_is_refused_by_name(price, message):
    (found,) = accepted(f"{HEAD}prices:\n  - {{id: a, product: api, currency: USD, {price}}}\n").problems
    assert found.message == message


@pytest.mark.parametrize("group_by", ["", "group_by: [model], "])
def test_free_units_of_a_matrix_are_rated_whether_its_cells_are_groups_or_not(group_by):
    price = f"meter: tokens, model: matrix, {group_by}versions: [{FREE}{CELLS}}}]"
    assert not accepted(f"{HEAD}prices:\n  - {{id: a, product: api, currency: USD, {price}}}\n").problems
