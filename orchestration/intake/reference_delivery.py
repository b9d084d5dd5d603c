"""The account, price-book and contract files of one delivery: snapshots of reference data and documents."""

import hashlib
from collections.abc import Sequence
from datetime import date

import polars as pl

from data_contracts import AccountRows, Documents, RejectedRows
from orchestration import book
from orchestration.intake.accounts import LAYOUT, account_rows
from orchestration.intake.blocks import BOM
from orchestration.intake.feeds import landed_records
from orchestration.intake.findings import FileRefused, Finding
from orchestration.intake.judged import rejected_rows
from orchestration.intake.landing import ACCOUNTS, CONTRACTS, PRICE_BOOK
from orchestration.intake.outcomes import NOTHING, FileOutcome, count_into
from orchestration.intake.parts import block_bytes
from orchestration.intake.records import Layout
from orchestration.intake.usage_delivery import check_size
from orchestration.settings import Settings

DOCUMENTS = (".yaml", ".yml", ".json", ".ndjson", ".jsonl")
SIDE_FILES = (".csv",)
# Cut off in its last lines it may still be a document, a price without its `per` for one. JSON is none then.
OPEN_ENDED = (".yaml", ".yml", *SIDE_FILES)
LARGEST_DOCUMENT = 64 << 20


def keep_newest_folder(outcomes: Sequence[FileOutcome], *, whole_folders: bool) -> None:
    """Refuse what a later folder of the same delivery has already replaced.

    `whole_folders`: the folder is the snapshot, so only the newest counts; else only files of the same name clash.
    """
    newest: dict[str, date] = {}
    for outcome in outcomes:
        name = "" if whole_folders else outcome.file.name
        newest[name] = max(outcome.file.folder_date, newest.get(name, outcome.file.folder_date))
    for outcome in outcomes:
        later = newest["" if whole_folders else outcome.file.name]
        if outcome.is_loaded and outcome.file.folder_date < later:
            outcome.refuse(
                Finding(
                    outcome.file.source_file,
                    None,
                    None,
                    "replaced_by_later_folder",
                    f"It came together with the folder {later}, which replaces it.",
                    "Nothing, unless the newer one is wrong.",
                )
            )


def take_accounts(
    outcomes: Sequence[FileOutcome], *, settings: Settings, delivery_date: date, accounts_before: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return `account_rows` and the rejected records of the delivery's account snapshot.

    Refuses all its files when it has fewer accounts than the snapshot before by more than the bound: an account is
    ended by an explicit date, never by leaving it out, so a shrinking list is a truncated one.
    """
    keep_newest_folder(outcomes, whole_folders=True)
    raw = read_files(outcomes, LAYOUT, settings)
    if raw is None:
        return AccountRows.empty(), RejectedRows.empty()
    rows, bad = account_rows(raw, delivery_date)
    if accounts_before - rows.height > settings.shrink_bound * accounts_before:
        for outcome in outcomes:
            if outcome.is_loaded:
                outcome.refuse(_shrunk(outcome.file.source_file, rows.height, accounts_before, settings))
        return AccountRows.empty(), RejectedRows.empty()
    by_file = {outcome.file.source_file: outcome for outcome in outcomes}
    count_into(by_file, rows, "accepted", None)
    count_into(by_file, bad, "rejected", None)
    rejected = [
        rejected_rows(
            part,
            pl.lit(None),
            delivery_date=delivery_date,
            source_file=source_file,
            dataset=ACCOUNTS,
            own_names=by_file[source_file].own_names,
        )
        for (source_file,), part in bad.group_by("source_file")
    ]
    return rows.sort("account_id"), pl.concat([RejectedRows.empty(), *rejected])


def read_files(outcomes: Sequence[FileOutcome], layout: Layout, settings: Settings) -> pl.DataFrame | None:
    """Return the records of all files that can be read, with `source_file`; the others are refused. None: of no file.

    For datasets of few records and nothing to total: all of them are held at once.
    """
    batches = []
    for outcome in outcomes:
        if outcome.is_loaded:
            try:
                batches += _read_file(outcome, layout, settings)
            except FileRefused as refused:
                outcome.refuse_for(refused)
    return pl.concat(batches, how="diagonal") if batches else None


def _read_file(outcome: FileOutcome, layout: Layout, settings: Settings) -> list[pl.DataFrame]:
    if outcome.claim is not None and outcome.claim.control_totals:
        raise FileRefused(
            "control_total_unknown",
            f"The manifest states control totals; {outcome.file.dataset} have nothing to total.",
            "Leave them out of the manifest.",
        )
    batches = list(
        landed_records(
            outcome.file.path,
            outcome.file.feed,
            layout,
            may_end_open=outcome.claim is not None,
            block_bytes=block_bytes(settings),
        )
    )
    outcome.landed_rows = sum(batch.height for batch in batches)
    check_size(outcome, outcome.landed_rows)
    return [batch.with_columns(pl.lit(outcome.file.source_file).alias("source_file")) for batch in batches]


def _shrunk(source_file: str, found: int, before: int, settings: Settings) -> Finding:
    return Finding(
        source_file,
        None,
        None,
        "snapshot_shrinks",
        f"The snapshot holds {found:,} usable accounts after {before:,}: "
        f"it shrinks by more than {(settings.shrink_bound * 100).normalize():f} %.",
        "Deliver the whole list; end an account by a date. If it is right, raise RATEBOOK_SHRINK_BOUND for this run.",
    )


def take_documents(
    outcomes: Sequence[FileOutcome], *, state: book.BookState, delivery_date: date
) -> tuple[pl.DataFrame, book.BookState]:
    """Return the accepted `documents` of the delivery, and the book as it is known after it.

    A price book is one whole: one file that cannot be taken refuses all of them and the book of the day before
    stands. Contract files stand on their own.
    """
    prices = [outcome for outcome in outcomes if outcome.file.dataset == PRICE_BOOK]
    contracts = [outcome for outcome in outcomes if outcome.file.dataset == CONTRACTS]
    keep_newest_folder(prices, whole_folders=True)
    keep_newest_folder(contracts, whole_folders=False)
    replaced = [outcome for outcome in prices if outcome.rule == "replaced_by_later_folder"]
    texts = _texts([*prices, *contracts])
    current = [outcome for outcome in prices if outcome not in replaced]
    broken = [outcome for outcome in current if not outcome.is_loaded]
    if broken:
        for outcome in current:
            if outcome.is_loaded:
                outcome.refuse(_incomplete_book(outcome, broken[0]))
    price_texts = {o.file.name: texts[o.file.source_file] for o in prices if o.is_loaded}
    contract_texts = {o.file.name: texts[o.file.source_file] for o in contracts if o.is_loaded}
    if not price_texts and not contract_texts:
        return Documents.empty(), state
    taken = book.accept_delivery(state, delivery_date, price_texts, contract_texts)
    for outcome in (*prices, *contracts):
        is_price = outcome.file.dataset == PRICE_BOOK
        is_refused = not taken.accepts_price_book if is_price else outcome.file.name in taken.refused_contracts
        if not outcome.is_loaded:
            continue
        if is_refused:
            outcome.refuse(*_problems(outcome, taken.problems))
        else:
            outcome.landed_rows = 1
            outcome.add("accepted", 1, NOTHING)
    rows = [
        {
            "delivery_date": delivery_date,
            "dataset": outcome.file.dataset,
            "path": outcome.file.name,
            "source_file": outcome.file.source_file,
            "sha256": hashlib.sha256(texts[outcome.file.source_file].encode()).hexdigest(),
            "byte_count": len(texts[outcome.file.source_file].encode()),
            "content": texts[outcome.file.source_file],
        }
        for outcome in (*prices, *contracts)
        if outcome.is_loaded
    ]
    return pl.DataFrame(rows, schema=Documents.schema()).sort("dataset", "path"), taken.state


def known_book(documents: pl.DataFrame) -> book.BookState:
    """Fold all documents accepted so far, in the order of their delivery."""
    return book.load_state(
        [
            book.Document(row["delivery_date"], row["dataset"], row["path"], row["content"])
            for row in documents.iter_rows(named=True)
        ]
    )


def _texts(outcomes: Sequence[FileOutcome]) -> dict[str, str]:
    texts = {}
    for outcome in outcomes:
        if outcome.is_loaded:
            try:
                texts[outcome.file.source_file] = _document_text(outcome)
            except FileRefused as refused:
                outcome.refuse_for(refused)
    return texts


def _document_text(outcome: FileOutcome) -> str:
    path = outcome.file.path
    endings = (*DOCUMENTS, *SIDE_FILES) if outcome.file.dataset == PRICE_BOOK else DOCUMENTS
    if not path.name.endswith(endings):
        raise FileRefused(
            "unknown_format",
            f"`{path.name}` ends like no document that can be read here.",
            f"Deliver {', '.join(endings)}.",
        )
    if path.stat().st_size > LARGEST_DOCUMENT:
        raise FileRefused(
            "unpacks_too_large", f"The document is larger than {LARGEST_DOCUMENT:,} bytes.", "Cut it into several."
        )
    content = path.read_bytes().removeprefix(BOM)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FileRefused(
            "not_utf8",
            f"Byte {content[error.start]:#04x} at byte offset {error.start:,} is not UTF-8.",
            "Deliver the document as UTF-8.",
            line=content.count(b"\n", 0, error.start) + 1,
        ) from None
    if not text.strip():
        raise FileRefused("empty_file", "The document is empty.", "Deliver its content.")
    if path.name.endswith(OPEN_ENDED) and not text.endswith("\n") and outcome.claim is None:
        raise FileRefused(
            "last_line_incomplete",
            "The last line has no line end, so the document may have been cut short.",
            "Deliver the whole document, or a _manifest.json that states its sha256.",
            line=text.count("\n") + 1,
        )
    return text


def _incomplete_book(outcome: FileOutcome, broken: FileOutcome) -> Finding:
    return Finding(
        outcome.file.source_file,
        None,
        None,
        "book_incomplete",
        f"Another file of the same book was refused: {broken.file.source_file} ({broken.rule}).",
        "Deliver the whole book again; until then the one before stands.",
    )


def _problems(outcome: FileOutcome, problems: Sequence[book.Problem]) -> list[Finding]:
    source_file = outcome.file.source_file
    own = [
        Finding(source_file, p.line, p.column, p.rule, p.message, p.remedy)
        for p in problems
        if p.path == outcome.file.name
    ]
    if own:
        return own
    return [
        Finding(
            source_file,
            None,
            None,
            "book_incomplete",
            "Another file of the same book has problems: " + ", ".join(sorted({p.path for p in problems})) + ".",
            "Deliver the whole book again; until then the one before stands.",
        )
    ]
