"""Writes the demo company's landing zone, file by file, and returns what is known about it."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import polars as pl

from orchestration.demo import faults
from orchestration.demo.accounts import INTERNAL_ACCOUNT, SNAPSHOTS, account_id, accounts, snapshot
from orchestration.demo.calendar import DAY_COUNT, day, local_day
from orchestration.demo.costs import BILL_FILE, BILLS, bill_file, costs_truth, standing_cost
from orchestration.demo.documents import DOCUMENT_DELIVERIES, documents
from orchestration.demo.files import manifest, stored_gzip, with_raw_line
from orchestration.demo.layout import ACCOUNTS_FILE, MANIFEST, file_format, has_manifest, usage_files
from orchestration.demo.rates import RATES_FILE, rate_deliveries, rates_file, rates_truth
from orchestration.demo.truth import DatasetTruth, DemoTruth
from orchestration.demo.usage import MICRO, usage
from orchestration.demo.usage_text import as_columns, as_text, bad_as_text, total_quantity
from orchestration.errors import UsageError
from orchestration.storage import atomic_directory

Progress = Callable[[str], None]

# Accounts are delivered with a row that intake refuses: a currency and a zone that do not exist.
BAD_ACCOUNT = "acct_901,Typo Trading,US$,US,America/New_Yrok,,halden_us,startup,amer,false,30,\n"


def write_demo(landing: Path, *, progress: Progress | None = None) -> DemoTruth:
    """Write three months of deliveries as the folder `landing` and return the truth about them.

    Shape:   the same bytes on every machine: no clock, no chance, no compressor whose output depends on its version.
    Rule:    the folder appears whole or not at all, so a killed demo leaves nothing that looks like its input.
    Refuses: a `landing` that already holds something.
    """
    if landing.exists() and any(landing.iterdir()):
        raise UsageError(f"{landing} already holds deliveries. Give the demo a folder of its own.")
    with atomic_directory(landing) as folder:
        return _write(folder, progress or (lambda _: None))


def _write(landing: Path, say: Progress) -> DemoTruth:
    say("Demo company: making three months of usage")
    late = faults.delayed(usage())
    standing, held = faults.contradicted()
    accepted = pl.concat([late, faults.unpriceable(), standing]).sort("source", "event_id")
    repeats = faults.repeated(late)
    bad = faults.bad_rows([number for number in range(DAY_COUNT) if file_format(number) != "parquet"])
    rows = as_text(pl.concat([accepted, repeats, held]))
    say(f"Demo company: writing {rows.height + len(bad):,} usage rows, {len(SNAPSHOTS)} account snapshots, documents")
    usage_files, raw_lines = _write_usage(landing, pl.concat([rows, bad_as_text(bad)]))
    rejected = len(bad) + raw_lines
    return _truth(
        accepted,
        {
            "usage_events": DatasetTruth(
                files=usage_files,
                landed_rows=rows.height + rejected,
                accepted_rows=accepted.height,
                duplicate_rows=repeats.height,
                conflict_rows=held.height,
                rejected_rows=rejected,
            ),
            "accounts": _write_accounts(landing),
            "fx_rates": _write_rates(landing),
            "costs": _write_bills(landing),
            **{dataset: _write_documents(landing, dataset) for dataset in DOCUMENT_DELIVERIES},
        },
    )


def _write_usage(landing: Path, rows: pl.DataFrame) -> tuple[int, int]:
    """Write each delivery's usage and return the number of files and of lines that are no rows."""
    file_count = raw_line_count = 0
    by_day = rows.sort("at_ms", "source", "event_id", "quantity", nulls_last=True).partition_by(
        "delivery_day", as_dict=True
    )
    for number in range(DAY_COUNT):
        folder = landing / "usage_events" / day(number).isoformat()
        folder.mkdir(parents=True, exist_ok=True)
        delivered = by_day[(number,)]
        is_api = pl.col("source") == "gateway"
        parts = {"usage": delivered, "api": delivered.filter(is_api), "other": delivered.filter(~is_api)}
        claims = {}
        for stem, name in usage_files(number).items():
            part = parts[stem]
            raw_line = _raw_line(number)
            (folder / name).write_bytes(_encoded(part, file_format(number), raw_line))
            claims[name] = (part.height + (raw_line is not None), total_quantity(part))
            raw_line_count += raw_line is not None
        if has_manifest(number):
            (folder / MANIFEST).write_bytes(manifest(folder, claims))
        file_count += len(claims)
    return file_count, raw_line_count


def _raw_line(delivery_day: int) -> str | None:
    """The line of a file that is not even a row; on a few days only."""
    short, surplus = faults.RAGGED_CSV_LINES
    return {6: short, 22: surplus, 45: faults.CUT_JSON_LINE, 48: surplus, 71: short}.get(delivery_day)


def _encoded(part: pl.DataFrame, file_format: str, raw_line: str | None) -> bytes:
    if file_format == "parquet":
        return as_columns(part)
    delivered = part.drop("delivery_day", "at_ms")
    text = delivered.write_ndjson() if file_format == "ndjson" else delivered.write_csv()
    content = with_raw_line(text, raw_line).encode()
    return stored_gzip(content) if file_format == "csv.gz" else content


def _write_accounts(landing: Path) -> DatasetTruth:
    accepted = 0
    for delivery in SNAPSHOTS:
        folder = landing / "accounts" / delivery.isoformat()
        folder.mkdir(parents=True, exist_ok=True)
        delivered = snapshot(delivery)
        bad = BAD_ACCOUNT if delivery == SNAPSHOTS[1] else None
        (folder / ACCOUNTS_FILE).write_bytes(with_raw_line(delivered.write_csv(), bad).encode())
        accepted += delivered.height
    return DatasetTruth(files=len(SNAPSHOTS), landed_rows=accepted + 1, accepted_rows=accepted, rejected_rows=1)


def _write_rates(landing: Path) -> DatasetTruth:
    for delivery in rate_deliveries():
        folder = landing / "fx_rates" / delivery.isoformat()
        folder.mkdir(parents=True)
        (folder / RATES_FILE).write_bytes(rates_file(delivery))
    return rates_truth()


def _write_bills(landing: Path) -> DatasetTruth:
    for delivery in BILLS:
        folder = landing / "costs" / delivery.isoformat()
        folder.mkdir(parents=True)
        (folder / BILL_FILE).write_bytes(bill_file(delivery))
    return costs_truth()


def _write_documents(landing: Path, dataset: str) -> DatasetTruth:
    file_count = 0
    for delivery in DOCUMENT_DELIVERIES[dataset]:
        folder = landing / dataset / delivery.isoformat()
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in documents(dataset, delivery).items():
            (folder / name).write_bytes(content)
            file_count += 1
    return DatasetTruth(files=file_count, landed_rows=file_count, accepted_rows=file_count)


def _truth(accepted: pl.DataFrame, datasets: dict[str, DatasetTruth]) -> DemoTruth:
    by_meter = accepted.group_by("meter").agg(
        pl.len().alias("events"), pl.col("quantity_micro").fill_null(MICRO).sum().alias("micro")
    )
    payments = accepted.filter(meter="payments").group_by("currency").agg(pl.col("amount_minor").sum())
    is_internal = pl.col("account_id") == account_id(INTERNAL_ACCOUNT)
    return DemoTruth(
        datasets=datasets,
        late_events=_late_events(accepted),
        unknown_account_events=accepted.filter(account_id=faults.UNKNOWN_ACCOUNT).height,
        resolved_account_events=faults.LATE_SIGNUP_EVENTS,
        unknown_meter_events=accepted.filter(meter=faults.UNKNOWN_METER).height,
        unpriced_model_events=accepted.filter(model=faults.UNPRICED_MODEL).height,
        currency_mismatch_events=accepted.filter(pl.col("event_id").str.starts_with("pay-foreign-")).height,
        internal_account_events=accepted.filter(is_internal).height,
        cost_only_events=accepted.filter(~is_internal, meter="gpu_seconds").height,
        accepted_events={meter: events for meter, events, _ in by_meter.sort("meter").rows()},
        accepted_quantity={meter: Decimal(micro) / MICRO for meter, _, micro in by_meter.sort("meter").rows()},
        accepted_payments={
            currency: Decimal(minor).scaleb(0 if currency == "JPY" else -2)
            for currency, minor in payments.sort("currency").rows()
        },
        standing_billed_cost=standing_cost(),
    )


def _late_events(accepted: pl.DataFrame) -> int:
    """Count by the rule: delivered after the day that follows the account's local day; unknown accounts live in UTC."""
    clocks = accounts().select("number", "time_zone", "summer_offset")
    service_day = local_day(pl.col("at_ms"), pl.col("time_zone").fill_null("UTC"), pl.col("summer_offset").fill_null(0))
    known = accepted.join(clocks, on="number", how="left", validate="m:1")
    return known.filter(pl.col("delivery_day") > service_day + 1).height
