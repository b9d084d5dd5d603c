"""Records of a provider's bill as rows of `cost_rows`: FOCUS as providers write it, with headers of 1.0 to 1.4.

Between those versions columns were added, and 1.3 renamed one that matters here: `ProviderName` became
`ServiceProviderName`; a file may have either or both. Numbers are plain decimals, as FOCUS asks for.
"""

import json
from datetime import date

import polars as pl

from data_contracts import CostRows
from data_contracts.cost_rows import CHARGE_CATEGORIES
from orchestration.intake import values
from orchestration.intake.judged import judge
from orchestration.intake.records import Layout
from orchestration.intake.values import Check, Fault

PROVIDER, FORMER_PROVIDER = "ServiceProviderName", "ProviderName"
# Columns that are mandatory in every version. `DECIMALS` is what each number is kept at.
TIMES = ("BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd")
COSTS = ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost")
DECIMALS = {**dict.fromkeys(COSTS, 12), "ConsumedQuantity": 18, "PricingQuantity": 18, "ListUnitPrice": 24}
TEXTS = {
    "BillingAccountName": "billing_account_name",
    "ChargeClass": "charge_class",
    "ChargeDescription": "charge_description",
    "ServiceCategory": "service_category",
    "ServiceName": "service_name",
    "SkuId": "sku_id",
    "SkuPriceId": "sku_price_id",
    "SubAccountId": "sub_account_id",
    "SubAccountName": "sub_account_name",
    "RegionId": "region_id",
    "ResourceId": "resource_id",
    "InvoiceId": "invoice_id",
    "ConsumedUnit": "consumed_unit",
    "PricingUnit": "pricing_unit",
}
# The other columns of FOCUS 1.0 to 1.4: legitimate, and not read.
PASSED_OVER = frozenset({
    "AllocatedMethodDetails", "AllocatedMethodId", "AllocatedResourceId", "AllocatedResourceName", "AllocatedTags",
    "AvailabilityZone", "BillingAccountType", "CapacityReservationId", "CapacityReservationStatus",
    "ChargeFrequency", "CommitmentDiscountCategory", "CommitmentDiscountId", "CommitmentDiscountName",
    "CommitmentDiscountQuantity", "CommitmentDiscountStatus", "CommitmentDiscountType", "CommitmentDiscountUnit",
    "CommitmentProgramEligibilityDetails", "ContractApplied", "ContractedUnitPrice", "HostProviderName",
    "InvoiceDetailId", "InvoiceIssuerName", "PricingCategory", "PricingCurrency",
    "PricingCurrencyContractedUnitPrice", "PricingCurrencyEffectiveCost", "PricingCurrencyListUnitPrice",
    "PublisherName", "RegionName", "ResourceName", "ResourceType", "ServiceSubcategory", "SkuMeter",
    "SkuPriceDetails", "SubAccountType",
})  # fmt: skip
LAYOUT = Layout(
    required=("BillingAccountId", "BillingCurrency", "ChargeCategory", *TIMES, *COSTS),
    optional=(PROVIDER, FORMER_PROVIDER, *TEXTS, "ConsumedQuantity", "PricingQuantity", "ListUnitPrice", "Tags"),
    declared=PASSED_OVER,
    either=(PROVIDER, FORMER_PROVIDER),
    custom_prefix="x_",
    keeps_unknown=False,
    naive_utc=frozenset(TIMES),
)
# With the offset or without, with seconds or without, a day alone: all of these are written in bills.
FOCUS_TIME = (
    r"^([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ]([0-9]{2}:[0-9]{2})(:[0-9]{2}(?:\.[0-9]+)?)?)?(Z|[+-][0-9]{2}:[0-9]{2})?$"
)
NULL = "NULL"


def readable(records: pl.DataFrame) -> pl.DataFrame:
    """Return records with the literal NULL as null, and the value of each number beside its text.

    A number that cannot be read is null; its text stays, so that it can be named.
    """
    cleared = records.with_columns(pl.col(f"raw:{name}").replace(NULL, None) for name in LAYOUT.known)
    return cleared.with_columns(
        values.decimal_value(pl.col(f"raw:{name}"), decimals).alias(f"value:{name}")
        for name, decimals in DECIMALS.items()
    )


def cost_rows(
    records: pl.DataFrame, *, delivery_date: date, source_file: str, landed_on: date
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the well-formed charges of a batch of `readable` records, and the records that break a rule.

    Grain: each record is in exactly one of the two.
    """
    parsed = records.with_columns(
        pl.coalesce(f"raw:{PROVIDER}", f"raw:{FORMER_PROVIDER}").alias(f"raw:{PROVIDER}"),
        *(_as_rfc_3339(f"raw:{name}").alias(f"time:{name}") for name in TIMES),
        _canonical_tags(records["raw:Tags"]).alias("value:Tags"),
    )
    timed = parsed.with_columns(values.instants(parsed[f"time:{name}"]).alias(f"value:{name}") for name in TIMES)
    good, bad = judge(timed, _checks())
    places = {
        "delivery_date": pl.lit(delivery_date),
        "source_file": pl.lit(source_file),
        "source_line": pl.col("line"),
        "landed_on": pl.lit(landed_on),
        "provider_name": pl.col(f"raw:{PROVIDER}"),
        "billing_account_id": pl.col("raw:BillingAccountId"),
        "billing_period_start": pl.col("value:BillingPeriodStart").dt.date(),
        "billing_period_end": pl.col("value:BillingPeriodEnd").dt.date(),
        "charge_period_start_at": pl.col("value:ChargePeriodStart"),
        "charge_period_end_at": pl.col("value:ChargePeriodEnd"),
        "charge_category": pl.col("raw:ChargeCategory"),
        "tags": pl.col("value:Tags"),
        "consumed_quantity": pl.col("value:ConsumedQuantity"),
        "pricing_quantity": pl.col("value:PricingQuantity"),
        "list_unit_price": pl.col("value:ListUnitPrice"),
        "list_cost": pl.col("value:ListCost"),
        "contracted_cost": pl.col("value:ContractedCost"),
        "billed_cost": pl.col("value:BilledCost"),
        "effective_cost": pl.col("value:EffectiveCost"),
        "currency": pl.col("raw:BillingCurrency"),
        **{ours: pl.col(f"raw:{theirs}") for theirs, ours in TEXTS.items()},
    }
    return good.select(places[name].cast(dtype).alias(name) for name, dtype in CostRows.schema().items()), bad


def _as_rfc_3339(name: str) -> pl.Expr:
    """The time with what FOCUS files leave out: seconds, and the offset, which is UTC then. Other texts stay."""
    text = pl.col(name)
    parts = [text.str.extract(FOCUS_TIME, group) for group in range(1, 5)]
    missing = ("", "00:00", ":00", "Z")
    day, clock, seconds, offset = (part.fill_null(default) for part, default in zip(parts, missing, strict=True))
    whole = pl.concat_str(day, pl.lit("T"), clock, seconds, offset)
    return pl.when(text.str.contains(FOCUS_TIME)).then(whole).otherwise(text)


def _canonical_tags(texts: pl.Series) -> pl.Series:
    """The tags as canonical JSON, keys sorted, values as text; null where there are none or the text is no such object.

    One reading per distinct text: a bill has few combinations of tags and many rows.
    """
    known = texts.drop_nulls().unique()
    canonical = pl.DataFrame(
        {"text": known, "tags": [_tags(text) for text in known]}, schema={"text": pl.String, "tags": pl.String}
    )
    joined = texts.to_frame("text").join(canonical, on="text", how="left", validate="m:1", maintain_order="left")
    return joined["tags"]


def _tags(text: str) -> str | None:
    try:
        pairs = json.loads(text, object_pairs_hook=tuple, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError):
        return None
    if not isinstance(pairs, tuple) or not all(isinstance(value, str | bool | None) for _, value in pairs):
        return None
    # FOCUS writes `true` for a tag that has a key only; a tag without a value is none.
    found = {key: str(value).lower() if isinstance(value, bool) else value for key, value in pairs if value is not None}
    if len(dict(pairs)) != len(pairs):
        return None
    return json.dumps(found, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _checks() -> list[Check]:
    raw = {name: pl.col(f"raw:{name}") for name in LAYOUT.known}
    value = {name: pl.col(f"value:{name}") for name in (*TIMES, *DECIMALS, "Tags")}
    return [
        *(values.name_check(raw[name], name, required=True) for name in (PROVIDER, "BillingAccountId")),
        values.currency_check(raw["BillingCurrency"], "BillingCurrency", required=True),
        *(values.instant_check(pl.col(f"time:{name}"), value[name], name) for name in TIMES),
        values.holds(_reversed("BillingPeriodEnd", value["BillingPeriodStart"], value["BillingPeriodEnd"])),
        values.holds(_reversed("ChargePeriodEnd", value["ChargePeriodStart"], value["ChargePeriodEnd"])),
        values.holds(values.missing(raw["ChargeCategory"], "ChargeCategory")),
        values.holds(
            Fault(
                "charge_category_unknown",
                "ChargeCategory",
                ~raw["ChargeCategory"].is_in(CHARGE_CATEGORIES),
                "`ChargeCategory` is none of FOCUS.",
                f"Write one of {', '.join(CHARGE_CATEGORIES)}.",
            )
        ),
        values.holds(values.missing(raw["BilledCost"], "BilledCost")),
        *(values.decimal_check(raw[name], value[name], name, decimals=decimals) for name, decimals in DECIMALS.items()),
        values.holds(
            Fault(
                "tags_not_an_object_of_texts",
                "Tags",
                raw["Tags"].is_not_null() & value["Tags"].is_null(),
                "`Tags` is not a JSON object of plain values, each key once.",
                'Write it like {"team": "api"}.',
            )
        ),
    ]


def _reversed(column: str, start: pl.Expr, end: pl.Expr) -> Fault:
    return Fault(
        "period_ends_before_it_starts",
        column,
        end <= start,
        f"`{column}` is not after the period's start.",
        "The end is the first moment that the period no longer covers.",
    )
