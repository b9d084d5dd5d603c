"""The canonical hash of a table: the same rows give the same 64 characters on any engine, in any order."""

import hashlib
from collections.abc import Sequence
from operator import itemgetter

import duckdb

BATCH_ROWS = 50_000


def canonical_hash(
    connection: duckdb.DuckDBPyConnection,
    schema: str,
    table: str,
    keys: Sequence[str],
    *,
    catalog: str | None = None,
) -> tuple[int, str]:
    r"""Return the number of rows and the SHA-256 of a table's canonical text.

    Shape: UTF-8 lines that end in a line feed; the first holds the column names, each further one a row; fields are
           parted by tabs. Rows stand in the order of the key columns, then of all columns, nulls last, text by its
           bytes. Null is `\N`; in text a backslash, tab, line feed and carriage return are written `\\ \t \n \r`, so
           the text `\N` differs from null. Decimals have all digits of their scale and no exponent, instants are
           `2026-08-01T00:00:00.000000`, days `2026-08-01`, flags `true` and `false`.
    Rule:  any engine that can sort and print can recompute it; nothing depends on threads, on row order or on the
           bytes of the database file (those differ from write to write, K10).
    """
    connection_catalog = catalog or current_catalog(connection)
    types = column_types(connection, schema, table, catalog=connection_catalog)
    place = quoted(connection_catalog, schema, table)
    order = ", ".join(f"{quoted(name)} asc nulls last" for name in [*keys, *(n for n in types if n not in keys)])
    fields = ", ".join(_text(name, type_name) for name, type_name in types.items())
    digest = hashlib.sha256(("\t".join(types) + "\n").encode())
    rows = 0
    # The cursor streams: a batch of lines is all that is held in Python, and joining it is one call.
    cursor = connection.cursor()
    cursor.execute(f"select concat_ws(chr(9), {fields}) from {place} order by {order}")
    while batch := cursor.fetchmany(BATCH_ROWS):
        digest.update(("\n".join(map(itemgetter(0), batch)) + "\n").encode())
        rows += len(batch)
    cursor.close()
    return rows, digest.hexdigest()


def column_types(
    connection: duckdb.DuckDBPyConnection, schema: str, table: str, *, catalog: str | None = None
) -> dict[str, str]:
    """Return column name to DuckDB type of a table or view, in the table's order."""
    place = quoted(catalog or current_catalog(connection), schema, table)
    # An empty answer has the columns of a full one, and costs a tenth of asking duckdb_columns().
    described = connection.execute(f"select * from {place} limit 0").description or []
    return {str(column[0]): str(column[1]) for column in described}


def current_catalog(connection: duckdb.DuckDBPyConnection) -> str:
    """Return the name of the database that unqualified names refer to."""
    row = connection.execute("select current_database()").fetchone()
    return str(row[0]) if row else ""


def quoted(*names: str) -> str:
    """Return names as one dotted SQL identifier that holds whatever characters they have."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def literal(text: str) -> str:
    """Return text as an SQL literal. For statements that take no parameters (ATTACH, COMMENT, COPY, views)."""
    return "'" + text.replace("'", "''") + "'"


def _text(name: str, type_name: str) -> str:
    column = quoted(name)
    if type_name == "VARCHAR":
        value = column
        for plain, written in (("\\", r"\\"), ("\t", r"\t"), ("\n", r"\n"), ("\r", r"\r")):
            value = f"replace({value}, chr({ord(plain)}), {literal(written)})"
    elif type_name.startswith("TIMESTAMP"):
        value = f"strftime({column}, '%Y-%m-%dT%H:%M:%S.%f')"
    else:
        value = f"cast({column} as varchar)"
    return f"coalesce({value}, {literal(chr(92) + 'N')})"
