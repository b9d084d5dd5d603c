"""Builder of `accounts`."""

import polars as pl

from data_contracts import AccountRows, Accounts, AsOf, Companies, Delivered
from data_contracts.vocabulary import FOREVER
from transforms import periods

# A tree deeper than this is a loop or a mistake; the tree of payers in practice has two or three levels.
MAX_TREE_DEPTH = 8
STATE = [
    "account_name",
    "currency",
    "country",
    "time_zone",
    "parent_account_id",
    "payer_id",
    "legal_entity_id",
    "segment",
    "region",
    "is_tax_exempt",
    "net_terms_days",
]


def accounts(account_rows: Delivered[AccountRows], companies: AsOf[Companies]) -> AsOf[Accounts]:
    """Say what each account was on each local day, as far as it was delivered.

    Grain:   one row per account and `valid_from`; equal neighbouring states are one.
    Rule:    on day d the latest delivered row with valid_from <= d holds. Currency and zone change with a billing
             period only: a change on 10 August holds from 1 September. The payer is the root of the account tree.
    Source:  dbt_project/docs/decisions.md#reference-data-has-dates
    """
    default_entity = companies.select(pl.col("default_legal_entity_id").alias("_default_entity"))
    delivered = (
        account_rows.join(default_entity, how="cross")
        .with_columns(
            pl.coalesce("legal_entity_id", "_default_entity").alias("legal_entity_id"),
            pl.col("delivery_date").alias("recorded_on"),
        )
        .drop("_default_entity", "delivery_date", "source_file", "source_line")
    )
    # Collected, because each is looked at from several sides: as one plan it would be made anew for each of them.
    visible = _periods_of_latest_rows(delivered.collect()).collect().lazy()
    billed = _with_changes_at_period_start(visible).collect().lazy()
    return (
        _merged(_with_payer(billed).collect()).lazy().select(Accounts.schema().keys()).sort("account_id", "valid_from")
    )


def _periods_of_latest_rows(rows: pl.DataFrame) -> pl.LazyFrame:
    """A row holds until the earliest `valid_from` of any row delivered after it; an empty interval disappears."""
    next_start = pl.col("valid_from").reverse().cum_min().reverse().shift(-1).over("account_id", order_by="recorded_on")
    # Almost every account was delivered once: there is nothing to look for.
    is_one_of_several = rows["account_id"].is_duplicated()
    several = rows.lazy().filter(is_one_of_several).with_columns(next_start.fill_null(FOREVER).alias("valid_to"))
    single = rows.lazy().filter(~is_one_of_several).with_columns(pl.lit(FOREVER).alias("valid_to"))
    return pl.concat([single, several]).filter(pl.col("valid_from") < pl.col("valid_to"))


def _with_changes_at_period_start(states: pl.LazyFrame) -> pl.LazyFrame:
    """Let currency and zone of the month's first day hold to the end of the month.

    Where the account began within the month, its first day then.
    """
    boundary = periods.next_month_start(pl.col("valid_from"))
    first_part = states.with_columns(pl.min_horizontal("valid_to", boundary).alias("valid_to"))
    later_part = states.filter(pl.col("valid_to") > boundary).with_columns(boundary.alias("valid_from"))
    at_month_start = states.select(
        "account_id",
        pl.col("valid_from").alias("_since"),
        pl.col("currency").alias("_currency"),
        pl.col("time_zone").alias("_time_zone"),
    )
    governed = periods.latest_at_or_before(
        first_part.with_columns(
            pl.max_horizontal(
                periods.month_start(pl.col("valid_from")), pl.col("valid_from").min().over("account_id")
            ).alias("_month")
        ),
        at_month_start,
        at="_month",
        since="_since",
        by=["account_id"],
    ).with_columns(
        pl.coalesce("_currency", "currency").alias("currency"),
        pl.coalesce("_time_zone", "time_zone").alias("time_zone"),
    )
    return pl.concat([governed.select(states.collect_schema().names()), later_part], how="vertical")


def _with_payer(states: pl.LazyFrame) -> pl.LazyFrame:
    """Cut each state where an account above it changes, then walk up the tree as it was on the state's first day."""
    parents = states.select(pl.col("parent_account_id").alias("account_id")).drop_nulls().unique()
    changes = states.join(parents, on="account_id", how="semi").select(pl.col("valid_from").alias("_cut")).unique()
    children = states.filter(pl.col("parent_account_id").is_not_null())
    if children.head(1).collect().is_empty():
        return states.with_columns(pl.col("account_id").alias("payer_id"))
    cuts = children.select("account_id", "valid_from", "valid_to").join(changes, how="cross")
    inside = cuts.filter((pl.col("_cut") > pl.col("valid_from")) & (pl.col("_cut") < pl.col("valid_to")))
    starts = pl.concat(
        [
            states.select("account_id", "valid_from", pl.col("valid_from").alias("_start")),
            inside.select("account_id", "valid_from", pl.col("_cut").alias("_start")),
        ]
    )
    end = pl.col("_start").shift(-1).over("account_id", "valid_from", order_by="_start")
    pieces = (
        starts.with_columns(end.alias("_end"))
        .join(states, on=["account_id", "valid_from"], how="inner", validate="m:1")
        .with_columns(pl.coalesce("_end", "valid_to").alias("valid_to"), pl.col("_start").alias("valid_from"))
        .drop("_start", "_end")
        .with_columns(pl.col("account_id").alias("payer_id"), pl.col("parent_account_id").alias("_above"))
    )
    above = states.select(
        pl.col("account_id").alias("_above"),
        pl.col("valid_from").alias("_since"),
        pl.col("parent_account_id").alias("_next"),
    )
    rooted = [pieces.filter(pl.col("_above").is_null()).collect()]
    pieces = pieces.filter(pl.col("_above").is_not_null())
    for _ in range(MAX_TREE_DEPTH):
        climbed = (
            periods.latest_at_or_before(pieces, above, at="valid_from", since="_since", by=["_above"])
            .with_columns(
                pl.when(pl.col("_since").is_not_null()).then("_above").otherwise("payer_id").alias("payer_id"),
                pl.col("_next").alias("_above"),
            )
            .select(rooted[0].columns)
            .collect()
        )
        rooted.append(climbed.filter(pl.col("_above").is_null()))
        pieces = climbed.lazy().filter(pl.col("_above").is_not_null())
        if rooted[-1].height == climbed.height:
            break
    return pl.concat([*rooted, pieces.collect()]).lazy().drop("_above")


def _merged(states: pl.DataFrame) -> pl.DataFrame:
    """Make neighbouring states with equal content one state, which ends where the last of them ends."""
    in_order = states.sort("account_id", "valid_from")
    is_other = [pl.col(name).ne_missing(pl.col(name).shift(1)) for name in ("account_id", *STATE)]
    has_gap = pl.col("valid_from").ne_missing(pl.col("valid_to").shift(1))
    is_first = in_order.select(pl.any_horizontal(*is_other, has_gap)).to_series()
    last_of_each = in_order.filter(is_first.shift(-1, fill_value=True))
    return in_order.filter(is_first).with_columns(last_of_each["valid_to"])
