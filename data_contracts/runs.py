"""Contracts of what the orchestration tells the marts about the run itself. They stand outside every hash."""

from dataclasses import replace

from data_contracts.vocabulary import Count, Day, Flag, Instant, Table, Text, column, key


class Renamed(Table):
    """Base of tables whose name, or a column's, would clash with the class itself.

    `name` gives the table's name; a trailing underscore keeps a column (`table_name_`) apart from `Table.table_name`.
    """

    def __init_subclass__(cls, *, name: str | None = None) -> None:
        """Give table and columns the names that readers see."""
        super().__init_subclass__(name=name)
        plain = {attribute.rstrip("_"): declared for attribute, declared in cls.columns.items()}
        cls.columns = {seen: replace(declared, name=seen) for seen, declared in plain.items()}
        cls.keys = tuple(seen for seen, declared in cls.columns.items() if declared.is_key)


class Run(Table):
    """The run that makes this build: its number, what it has seen, and the fingerprints of everything it depends on.

    Grain: one row. Source: orchestration, written before dbt starts.
    """

    run_number: Count = key("Number of the run, ascending.", unit="number")
    as_of_date: Day = column("The delivery date D: everything delivered up to and including it is known.")
    first_delivery_date: Day = column("First delivery that was seen.")
    last_delivery_date: Day = column("Last delivery that was seen.")
    delivery_count: Count = column("Deliveries that were seen.", unit="delivery", at_least=0)
    code_hash: Text = column("Fingerprint of the code.", example="9f2c41d07a5e")
    book_hash: Text = column("Fingerprint of price book and contracts.", example="41d07a5e9f2c")
    settings_hash: Text = column("Fingerprint of the settings.", example="7a5e9f2c41d0")
    lake_hash: Text = column("Fingerprint of every delivered snapshot, chained.", example="5e9f2c41d07a")
    reporting_currency: Text = column("ISO 4217 code of every amount in the reporting currency.", example="USD")
    rule_version: Text = column("Version of the rating rules.", example="1")


class RunLog(Table):
    """A run that has ended: published, held by a gate, or failed.

    Grain: one row per earlier run; the run that builds this file has not ended yet. Source: orchestration.
    """

    run_number: Count = key("Number of the run, ascending.", unit="number")
    as_of_date: Day = column("The delivery date that the run was about.")
    status: Text = column("How it ended.", one_of=("published", "held", "failed"))
    started_at: Instant = column("When it started, UTC.")
    finished_at: Instant = column("When it ended, UTC.", null_means="it was killed and never ended")
    elapsed_ms: Count = column(
        "From start to end; waiting for an earlier run is not counted.",
        unit="millisecond",
        at_least=0,
        null_means="it was killed and never ended",
    )
    table_count: Count = column("Tables that it made or found made, marts included.", unit="table", at_least=0)
    row_count: Count = column("Rows of these tables.", unit="row", at_least=0)
    byte_count: Count = column("Size of these tables as Parquet files.", unit="byte", at_least=0)
    peak_memory_bytes: Count = column(
        "Most memory that it held in any of its steps.",
        unit="byte",
        at_least=0,
        null_means="it ended before its first step, or was killed",
    )
    peak_memory_of: Text = column(
        "Of what the peaks are: each step by itself, or the process so far where the system cannot set the mark back.",
        one_of=("step", "process"),
    )
    cells_added_up: Count = column(
        "Cells of usage that it added up: those of new deliveries, and older ones that a change touched.",
        unit="cell",
        at_least=0,
        null_means="it ended before, or found them made",
    )
    gates_passed: Count = column("Gates that its file passed.", unit="gate", at_least=0)
    message: Text = column(
        "What held or failed it, for a person.",
        null_means="it was published",
        example="`quantity` is not a plain decimal number.",
    )


class RunTables(Renamed, name="run_tables"):
    """What a table cost a run: rows, bytes, time and memory.

    Grain: one row per earlier run and table. Source: orchestration.
    """

    run_number: Count = key("Number of the run, ascending.", unit="number")
    table_name_: Text = key("Name of the table; of a published one with its schema.", example="marts.fct_invoice")
    step: Text = column("Step of the night that made it, or found it made by an earlier run.", example="line_items")
    elapsed_ms: Count = column(
        "Time for this table alone.",
        unit="millisecond",
        at_least=0,
        null_means="its step made several tables and their times are one",
    )
    row_count: Count = column(
        "Its rows; of a delivered table those of the deliveries that the run took.", unit="row", at_least=0
    )
    byte_count: Count = column("Its size as Parquet files, counted likewise.", unit="byte", at_least=0)
    step_elapsed_ms: Count = column("Time of the whole step.", unit="millisecond", at_least=0)
    step_peak_memory_bytes: Count = column("Most memory held during the step.", unit="byte", at_least=0)


class FeedDays(Table):
    """What was expected of a feed for a delivery day, and what has arrived of it up to the run's day.

    Grain: one row per feed and delivery day on which it is expected. Source: orchestration.completeness.
    """

    feed: Text = key("Name of the feed in the settings.", example="gateway")
    delivery_date: Day = key("Delivery day: that of the folder in which it lands.")
    due_date: Day = column("Delivery date of the night with which it was due at the latest.")
    status: Text = column(
        "Complete in time, complete but late, not complete and due, or not complete and not yet due.",
        one_of=("complete", "late", "incomplete", "pending"),
    )
    expected_files: Count = column("Files expected at least.", unit="file", at_least=0)
    arrived_files: Count = column("Files loaded.", unit="file", at_least=0)
    late_files: Count = column("Of them, those that were first seen after it was due.", unit="file", at_least=0)
    refused_files: Count = column("Files refused; they do not count as arrived.", unit="file", at_least=0)
    expected_rows: Count = column("Rows expected at least.", unit="row", at_least=0)
    arrived_rows: Count = column("Rows landed in the loaded files.", unit="row", at_least=0)
    missing_sources: Text = column(
        "Sources expected of which no usage was accepted.", null_means="none is missing", example="eu-gateway"
    )
    completed_on: Day = column("Night that saw the last of it.", null_means="it is not complete")
    last_seen_on: Day = column("Night that last saw a file of the feed, of any day.", null_means="none was ever seen")
    if_missing: Text = column("What an incomplete day does.", one_of=("provisional", "hold"))
    service_from: Day = column("First day of usage that it brings (in).", null_means="it brings no usage")
    service_to: Day = column("Day after the last one (out).", null_means="it brings no usage")
    message: Text = column(
        "What is missing or was late, for a person.",
        null_means="it was complete in time",
        example="gateway of 2026-11-03, due with the night of 2026-11-03: 0 of 1 files",
    )


class ContractColumns(Renamed, name="columns"):
    """What a column of a published table means. Rendered from the contracts; in the lake it is called `columns`.

    Grain: one row per published table and column. Source: data_contracts.
    """

    schema_name_: Text = key("Schema of the table.", example="marts")
    table_name_: Text = key("Name of the table.", example="fct_line_item")
    column_name: Text = key("Name of the column.", example="amount")
    column_position: Count = column("Position of the column in its table, from 1.", unit="number", at_least=1)
    data_type: Text = column("Type in DuckDB.", example="DECIMAL(18,4)")
    description: Text = column("What it says.", example="Local day of the account.")
    unit: Text = column("Unit of its values.", null_means="it has none", example="token")
    currency_column: Text = column(
        "Column beside it that names the currency of its values.", null_means="it is no money", example="currency"
    )
    source: Text = column(
        "Where its values come from: a table and column of the lake, or the model that makes them.",
        example="lake.line_items.amount",
    )
    null_means: Text = column("What null means.", null_means="the column is never null", example="none does")
    example: Text = column("A value as it may stand there.", example="acct_007")
    is_key: Flag = column("Whether it belongs to the grain of its table.")


RUN_TABLES: tuple[type[Table], ...] = (Run, RunLog, RunTables, FeedDays, ContractColumns)
