"""Prices of 23 decimals, billed to the last one; and nine nights whose price list is no JSON.

The history's book lands once. On each of the nine days after it one of the snapshots that are no JSON upstream is
offered: the converter refuses it, and where it lands all the same, as it is, the night refuses it too. Every day the
accounts use the same, and every day is billed by the book of the day before.
"""

import gzip
import json
from datetime import date, timedelta
from decimal import Decimal

import polars as pl
import pytest

from orchestration import cli
from orchestration.check import check_landing
from orchestration.errors import RefusedInput
from orchestration.settings import Settings
from tests.real_data import litellm
from tests.real_data.landing import land_accounts, land_csv, land_json, land_text
from tests.real_data.nights import assert_everything_ties_out, run_night

FIRST = date(2026, 1, 1)
DAYS = [FIRST + timedelta(days=number) for number in range(10)]
# Models with a price of 23 decimals per token of input, of output, or of both.
MODELS = [
    "databricks/databricks-gemini-2-5-flash",
    "databricks/databricks-gemma-3-12b",
    "databricks/databricks-gpt-5-mini",
    "databricks/databricks-gpt-5-nano",
    "databricks/databricks-gpt-oss-120b",
    "databricks/databricks-gpt-oss-20b",
    "databricks/databricks-gte-large-en",
    "databricks/databricks-meta-llama-3-1-8b-instruct",
]
TOKENS = 1_234_567
USED = "kind = 'revenue' and quantity > 0"


@pytest.fixture(scope="module")
def invalid(shared):
    return sorted((shared / "data/prices/litellm_invalid").glob("*.json.gz"))


@pytest.fixture(scope="module")
def prices(shared):
    """The price in force on the first day, per account and meter: an account is a model."""
    history = litellm.plain_prices(litellm.price_history(shared))[0]
    own = history.filter(pl.col("model").is_in(MODELS), pl.col("price_field").is_in(list(litellm.METERS)))
    in_force = own.filter(pl.col("valid_to").is_null())
    return {
        (litellm.plan_id(model), litellm.METERS[field]): Decimal(price)
        for model, field, price in in_force.select("model", "price_field", "unit_price").rows()
    }


@pytest.fixture(scope="module")
def home(shared, invalid, prices, tmp_path_factory):
    folder = tmp_path_factory.mktemp("litellm")
    landing = folder / "landing"
    accounts = [litellm.plan_id(model) for model in MODELS]
    land_accounts(accounts, landing, FIRST, currency="USD")
    land_json(litellm.price_book(shared, MODELS), landing, "price_book", FIRST, "litellm.json")
    contracts = [
        {"contract_id": f"{account}:contract", "account_id": account, "plan": account, "starts_on": "2026-01-01"}
        for account in accounts
    ]
    land_json({"contracts": contracts}, landing, "contracts", FIRST, "contracts.json")
    for day, offered in zip(DAYS, [None, *invalid], strict=True):
        land_csv(usage(prices, day), landing, "usage_events", day, "usage.csv")
        if offered is not None:
            with pytest.raises(RefusedInput, match=r"\.json:\d+: column \d+: "):
                litellm.snapshot_prices(offered)
            text = gzip.decompress(offered.read_bytes()).decode()
            land_text(text, landing, "price_book", day, offered.name.removesuffix(".gz"))
    return folder


def usage(prices, day: date) -> pl.DataFrame:
    """Each account uses the same number of tokens of both kinds, every day at noon."""
    return pl.DataFrame(list(prices), schema=["account_id", "meter"], orient="row").select(
        pl.format("{}-{}-{}", pl.lit(day.isoformat()), "account_id", "meter").alias("event_id"),
        "account_id",
        "meter",
        pl.lit(f"{day.isoformat()}T12:00:00Z").alias("occurred_at"),
        pl.lit(str(TOKENS)).alias("quantity"),
    )


@pytest.fixture(scope="module")
def published(home):
    return run_night(home, DAYS[-1])


def test_the_night_ties_out(published):
    assert_everything_ties_out(published)


def test_prices_reach_the_marts_with_all_their_decimals(published, prices):
    found = published.rows(
        "select replace(price_id, ':' || meter, ''), meter, unit_amount from marts.dim_price "
        "where valid_to > timestamp '2026-01-10'"
    )
    assert {(plan, meter): amount for plan, meter, amount in found} == prices
    decimals = [-price.normalize().as_tuple().exponent for price in prices.values()]
    assert (len(decimals), decimals.count(23)) == (16, 9)


def test_each_line_is_exact_to_the_last_decimal(published, prices):
    found = published.rows(
        f"select account_id, split_part(price_id, ':', 2), amount_exact from marts.fct_line_item where {USED}"
    )
    assert len(found) == len(DAYS) * len(prices)
    assert {(account, meter): exact for account, meter, exact in found} == {
        key: TOKENS * price for key, price in prices.items()
    }


def test_every_invalid_snapshot_is_refused_at_its_place_and_none_of_it_is_taken(published, shared, invalid):
    found = published.rows(
        "select source_file, status, rule, message, accepted_rows from audit.aud_input_file "
        "where dataset = 'price_book' and delivery_date > date '2026-01-01' order by delivery_date"
    )
    assert [(place.rsplit("/", 1)[1], status, accepted) for place, status, _, _, accepted in found] == [
        (file.name.removesuffix(".gz"), "refused", 0) for file in invalid
    ]
    for file, (_, _, rule, message, _) in zip(invalid, found, strict=True):
        with pytest.raises(RefusedInput) as refused:
            litellm.snapshot_prices(file)
        *_, line, column_and_more = str(refused.value).splitlines()[-1].split(":", 2)
        assert rule == "json_syntax"
        assert f"line {line}: {column_and_more.strip()}" in message


def test_every_day_is_billed_by_the_book_of_the_first(published, prices):
    found = published.rows(f"select service_date, sum(amount_exact) from marts.fct_line_item where {USED} group by 1")
    assert dict(found) == dict.fromkeys(DAYS, TOKENS * sum(prices.values()))


def test_a_book_that_is_cut_off_in_the_middle_is_refused_by_check_at_its_place(shared, tmp_path, capsys):
    book = json.dumps(litellm.price_book(shared, MODELS), indent=1)
    land_text(book[: len(book) // 2], tmp_path / "landing", "price_book", FIRST, "litellm.json")
    (finding,) = check_landing(Settings(home=tmp_path))
    cut = book[: len(book) // 2]
    assert (finding.file, finding.rule) == ("price_book/2026-01-01/litellm.json", "json_syntax")
    with pytest.raises(json.JSONDecodeError) as stumbled:
        json.loads(cut)
    assert finding.line == stumbled.value.lineno
    assert finding.message.startswith(f"column {stumbled.value.colno}: ")
    with pytest.raises(SystemExit) as ended:
        cli.main(["check", "--home", str(tmp_path)])
    assert ended.value.code == 3
    assert f"price_book/2026-01-01/litellm.json:{finding.line}: json_syntax: column " in capsys.readouterr().out
