"""What PostgreSQL has for a delivery date, as text: read through ADBC in batches of bounded size, without pyarrow.

The server writes every value as text, exactly; what a number or a time may look like is decided where it always is, by
the parsers of intake. The delivery date is a parameter, names are quoted, and the transaction can only read.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

import polars as pl

from orchestration.errors import RefusedInput, UsageError
from orchestration.hashing import quoted
from orchestration.settings import PostgresQuery, Settings

CONNECT_SECONDS = 10
# A batch holds about this much text; how many rows that is follows from the batch before.
BATCH_BYTES = 16 << 20
FIRST_ROWS, MOST_ROWS = 1_000, 200_000
PARAMETER = "$1"
# What each type is written as, {0} being the column. Everything that is not listed is refused by name.
AS_TEXT = dict.fromkeys(
    (
        *("text", "character varying", "character", "name", "uuid", "boolean"),
        *("smallint", "integer", "bigint", "numeric"),
    ),
    "{0}::text",
) | {
    # to_char gives null for what never ends; as text, `infinity` is refused by the rules of the column.
    "date": "case when isfinite({0}) then to_char({0}, 'YYYY-MM-DD') else {0}::text end",
    "timestamp with time zone": "case when isfinite({0}) then "
    "to_char({0} at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') else {0}::text end",
}
INSTEAD = {
    "real": "a binary fraction has lost digits already; keep it as numeric",
    "double precision": "a binary fraction has lost digits already; keep it as numeric",
    "timestamp without time zone": "say which zone it is in: `at time zone 'UTC'`",
    "money": "its text depends on the server's locale; keep it as numeric beside a currency",
}


@dataclass(frozen=True)
class Asked:
    """One question to the database: for which dataset and day, and how it reads."""

    dataset: str
    day: date
    query: PostgresQuery

    @property
    def sql(self) -> str:
        """Return the question in SQL; the day is the parameter `$1`."""
        if self.query.query is not None:
            return self.query.query
        columns = ", ".join(f"{quoted(theirs)} as {quoted(ours)}" for ours, theirs in self.query.columns.items()) or "*"
        where = f" where {quoted(self.query.date_column)} = {PARAMETER}" if self.query.date_column else ""
        return f"select {columns} from {quoted(*(self.query.table or '').split('.'))}{where}"

    @property
    def parameters(self) -> pl.DataFrame | None:
        """Return what `$1` stands for; a question without it is asked the same every day."""
        return pl.DataFrame({"day": [self.day]}) if PARAMETER in self.sql else None


def batches(settings: Settings, asked: Asked) -> Iterator[pl.DataFrame]:
    """Yield the rows of one consistent look at the database, every column as text; at least one batch, maybe empty.

    Refuses: a database that does not answer or does not know the question, a column whose type has no exact text.
    """
    with _reading(settings, asked) as cursor:
        cursor.execute(f"declare landed no scroll cursor for {_all_as_text(cursor, asked)}", asked.parameters)
        rows = FIRST_ROWS
        while True:
            batch = _fetched(cursor, f"fetch {rows} from landed")
            yield batch
            if batch.height < rows:
                return
            rows = max(1, min(MOST_ROWS, rows * BATCH_BYTES // max(1, int(batch.estimated_size()))))


def column_names(settings: Settings, asked: Asked) -> list[str]:
    """Return the columns that an answer would have, without fetching one.

    Refuses: what `batches` refuses.
    """
    with _reading(settings, asked) as cursor:
        return _fetched(cursor, f"{_all_as_text(cursor, asked)} limit 0", asked.parameters).columns


@contextmanager
def _reading(settings: Settings, asked: Asked) -> Iterator[Any]:
    """Open a transaction that can only read, and turn whatever fails in it into a sentence without a secret."""
    driver = _driver()
    try:
        with closing(driver.connect(_url(settings))) as connection, closing(connection.cursor()) as cursor:
            # The driver would wrap a question into a COPY, which takes no parameter and knows no cursor.
            cursor.adbc_statement.set_options(**{"adbc.postgresql.use_copy": "false"})
            cursor.execute("set transaction isolation level repeatable read read only")
            cursor.execute("set local time zone 'UTC'")  # what a question calls a day is no matter of the role's zone
            cursor.execute("set local cursor_tuple_fraction = 1")  # all rows will be fetched: plan for all of them
            yield cursor
    except (driver.Error, pl.exceptions.PolarsError) as error:
        # Without its cause: a driver's own words may quote the address, password and all.
        raise RefusedInput(settings.redacted(_sentence(asked, error))) from None


def _all_as_text(cursor: Any, asked: Asked) -> str:
    """Return the question with every column written as text by the server; what has no exact text is refused."""
    # The line feeds keep a comment at the end of a question from swallowing the bracket.
    inner = f"(\n{asked.sql.strip().rstrip(';')}\n) as asked"
    # From the schema alone: two columns of one name would make Polars panic where it reads rows.
    cursor.adbc_statement.set_sql_query(f"select * from {inner}")
    cursor.adbc_statement.prepare()
    names = list(pl.Schema(cursor.adbc_statement.execute_schema()))
    # A row of nulls has types, also where the question has no row.
    types = ", ".join(f"pg_typeof(asked.{quoted(name)})::text as {quoted(name)}" for name in names)
    nothing = f"(select 1) as one left join (select * from {inner} limit 0) as asked on true"
    found = _fetched(cursor, f"select {types} from {nothing}", asked.parameters).row(0, named=True)
    if unfit := {name: kind for name, kind in found.items() if kind not in AS_TEXT}:
        told = "; ".join(f"{name} is {kind}: {INSTEAD.get(kind, 'cast it to text')}" for name, kind in unfit.items())
        raise UsageError(f"{asked.dataset} from PostgreSQL: {told}. Change the query in RATEBOOK_POSTGRES_QUERIES.")
    written = (f"{AS_TEXT[kind].format(f'asked.{quoted(name)}')} as {quoted(name)}" for name, kind in found.items())
    return f"select {', '.join(written)} from {inner}"


def _fetched(cursor: Any, sql: str, parameters: pl.DataFrame | None = None) -> pl.DataFrame:
    cursor.execute(sql, parameters)
    return pl.DataFrame(cursor.fetch_arrow())


def _driver() -> Any:
    try:
        from adbc_driver_postgresql import dbapi  # noqa: PLC0415 - an extra that most installations do not need
    except ImportError:
        raise UsageError("RATEBOOK_POSTGRES_QUERIES needs the driver: install ratebook[postgres].") from None
    return dbapi


def _url(settings: Settings) -> str:
    """Return the address with what we need of a connection: UTF-8, whatever the database is in, and a bound on waiting.

    Without the first the driver takes the bytes of a LATIN1 or SQL_ASCII database for UTF-8 text as they are.
    """
    if settings.postgres_url is None:
        raise UsageError("RATEBOOK_POSTGRES_QUERIES needs RATEBOOK_POSTGRES_URL, postgresql://user:password@host/name.")
    url = settings.postgres_url.get_secret_value()
    options = {"client_encoding": "UTF8", "connect_timeout": str(CONNECT_SECONDS), "application_name": "ratebook"}
    missing = urlencode({name: value for name, value in options.items() if f"{name}=" not in url})
    return f"{url}{'&' if '?' in url else '?'}{missing}" if missing else url


def _sentence(asked: Asked, error: Exception) -> str:
    said = " ".join(str(error).partition("\nQuery was:")[0].split())
    return (
        f"{asked.dataset} of {asked.day} could not be read from PostgreSQL: {said} Nothing of that day was landed from "
        "there, and the last good run is still served. See that the server of RATEBOOK_POSTGRES_URL runs and that its "
        "role may read what RATEBOOK_POSTGRES_QUERIES asks for; then run the night again."
    )
