"""Contracts of what the orchestration tells the marts about the run itself. They stand outside every hash."""

from dataclasses import replace

from data_contracts.vocabulary import Count, Day, Flag, Instant, Table, Text, column, key


class Renamed(Table):
    """Base of tables whose name, or a column's, would clash with the class itself.

    `name` gives the table's name; a trailing underscore keeps a column (`table_name_`) apart from `Table.table_name`.
    """

    def __init_subclass__(cls, *, name: str | None = None) -> None:
        """Give table and columns the names that readers see."""
        super().__init_subclass__()
        cls.table_name = cls.table_name if name is None else name
        plain = {attribute.rstrip("_"): declared for attribute, declared in cls.columns.items()}
        cls.columns = {seen: replace(declared, name=seen) for seen, declared in plain.items()}
        cls.keys = tuple(seen for seen, declared in cls.columns.items() if declared.is_key)


class Run(Table):
    """The run that makes this build: its number, what it has seen, and the fingerprints of everything it depends on.

    Grain: one row. Source: orchestration, written before dbt starts.
    """

    run_number: Count = key("Number of the run, ascending.")
    as_of_date: Day = column("The delivery date D: everything delivered up to and including it is known.")
    first_delivery_date: Day = column("First delivery that was seen.")
    last_delivery_date: Day = column("Last delivery that was seen.")
    delivery_count: Count = column("Deliveries that were seen.", unit="delivery", at_least=0)
    code_hash: Text = column("Fingerprint of the code.")
    book_hash: Text = column("Fingerprint of price book and contracts.")
    settings_hash: Text = column("Fingerprint of the settings.")
    lake_hash: Text = column("Fingerprint of every delivered snapshot, chained.")
    rule_version: Text = column("Version of the rating rules.")


class RunLog(Table):
    """A run that has ended: published, held by a gate, or failed.

    Grain: one row per earlier run; the run that builds this file has not ended yet. Source: orchestration.
    """

    run_number: Count = key("Number of the run, ascending.")
    as_of_date: Day = column("The delivery date that the run was about.")
    status: Text = column("How it ended.", one_of=("published", "held", "failed"))
    started_at: Instant = column("When it started, UTC.")
    finished_at: Instant = column("When it ended, UTC.", null_means="it was killed and never ended")
    message: Text = column("What held or failed it, for a person.", null_means="it was published")


class ContractColumns(Renamed, name="columns"):
    """What a column of a published table means. Rendered from the contracts; in the lake it is called `columns`.

    Grain: one row per published table and column. Source: data_contracts.
    """

    schema_name_: Text = key("Schema of the table.", example="marts")
    table_name_: Text = key("Name of the table.", example="fct_line_item")
    column_name: Text = key("Name of the column.", example="amount")
    column_position: Count = column("Position of the column in its table, from 1.", at_least=1)
    data_type: Text = column("Type in DuckDB.", example="DECIMAL(18,4)")
    description: Text = column("What it says.")
    unit: Text = column("Unit of its values.", null_means="it has none")
    null_means: Text = column("What null means.", null_means="the column is never null")
    example: Text = column("An example.", null_means="none is given")
    is_key: Flag = column("Whether it belongs to the grain of its table.")


RUN_TABLES: tuple[type[Table], ...] = (Run, RunLog, ContractColumns)
