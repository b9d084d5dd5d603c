"""The doctor: is this installation fit for tonight? Versions, library behaviour, state on disk, what is served.

The canaries are measured facts (stack K-rows) that the code relies on. An upgrade that changes one of them turns the
doctor red before it turns an invoice wrong.
"""

import re
import shutil
import stat
import sys
import tempfile
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import duckdb
import polars as pl

from data_contracts.validation import ContractError, validate
from data_contracts.vocabulary import Amount, Table, Text, column, key
from orchestration import home_format
from orchestration.errors import RatebookError, UsageError
from orchestration.lock import run_lock
from orchestration.notify import try_channels
from orchestration.postgres import Asked, column_names
from orchestration.publish import CANDIDATE, LATEST, NEW_LINK, REMOVING, published_run
from orchestration.settings import Settings
from orchestration.storage import sha256_of

ROOT = Path(__file__).resolve().parents[1]
CONSTRAINTS = ROOT / "constraints.txt"
PYTHONS = ((3, 11), (3, 13))
LEAST_FREE_BYTES = 1 * 2**30
# A night writes its build and its candidate beside what is served.
FREE_PER_PUBLISHED_BYTE = 4
LOCK_SECONDS = 2
NEUTRAL_DAY = date(2000, 1, 1)  # a question is asked for some day, and for no row of it
# They put packages in place and compute nothing; a virtual environment brings its own.
INSTALLERS = frozenset({"pip", "setuptools", "wheel"})
BEHAVIOUR = "A library behaves differently from what was measured: install the versions of constraints.txt."


@dataclass(frozen=True)
class Finding:
    """One look at one thing: whether it is as it should be, what was seen, and what to do if not."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""


class Canary(Table):
    """A row that the doctor breaks on purpose. Grain: one row per name."""

    name: Text = key("Any name.")
    amount: Amount = column("Any amount.", at_least=0)


def diagnose(settings: Settings) -> list[Finding]:
    """Look at everything once and return what was found; a look that crashes is a bad finding, not an end.

    Of a home that is not there only that is said: it may be a mistyped name, so it is not made.
    """
    if settings.home.is_dir():
        return [_looked(name, look, settings) for name, look in LOOKS.items()]
    detail = f"{settings.home.absolute()} is not there"
    missing = Finding("home", ok=False, detail=detail, remedy="Is the name right? A run makes it.")
    return [missing, *(_looked(name, look, settings) for name, look in LOOKS.items() if name not in OF_HOME)]


def _looked(name: str, look: "Look", settings: Settings) -> Finding:
    try:
        ok, detail, remedy = look(settings)
    except (ArithmeticError, LookupError, OSError, RatebookError, TypeError, ValueError, duckdb.Error) as error:
        return Finding(name, ok=False, detail=f"{type(error).__name__}: {error}", remedy="See the message.")
    return Finding(name, ok, detail, "" if ok else remedy)


Answer = tuple[bool, str, str]
Look = Callable[[Settings], Answer]


def python_version(_: Settings) -> Answer:
    """The interpreter is one that the set of packages was tried on."""
    found = sys.version_info[:2]
    fits = PYTHONS[0] <= found <= PYTHONS[1]
    return fits, ".".join(str(part) for part in sys.version_info[:3]), "Use Python 3.11, 3.12 or 3.13."


def package_versions(_: Settings) -> Answer:
    """What is installed is what was tried. Packages of extras that are not installed are not missed."""
    pinned = dict(re.findall(r"^([A-Za-z0-9._-]+)==([^\s;]+)", CONSTRAINTS.read_text(), flags=re.MULTILINE))
    installed = {name: found for name in pinned if name not in INSTALLERS and (found := _version(name)) is not None}
    other = [f"{name} {found} instead of {pinned[name]}" for name, found in installed.items() if found != pinned[name]]
    detail = "; ".join(other) or f"{len(installed)} packages as in constraints.txt"
    return not other, detail, "Set up again: python3 -m orchestration demo installs the versions of constraints.txt."


def decimal_arithmetic(_: Settings) -> Answer:
    """Polars: a product keeps the larger scale (K2); one too large raises, never wraps; rounding is half-even (K3)."""
    frame = pl.DataFrame(
        {"quantity": [Decimal("1.000000000001")], "price": [Decimal("0.000000000001")]},
        schema={"quantity": pl.Decimal(38, 12), "price": pl.Decimal(38, 24)},
    ).lazy()
    product = frame.select(pl.col("quantity") * pl.col("price")).collect().item()
    large = frame.select(pl.lit(Decimal(10) ** 20).cast(pl.Decimal(38, 12)).alias("large"))
    try:
        large.select(pl.col("large") * pl.col("large")).collect()
        overflow = "wraps or is null"
    except pl.exceptions.PolarsError:
        overflow = "raises"
    rounded = pl.Series([Decimal("0.125")]).round(2, mode="half_to_even").item()
    seen = f"product {product}, overflow {overflow}, 0.125 to {rounded}"
    fits = product == Decimal("0.000000000001000000000001") and overflow == "raises" and rounded == Decimal("0.12")
    return fits, seen, BEHAVIOUR


def sql_arithmetic(_: Settings) -> Answer:
    """DuckDB: a quotient of decimals is DOUBLE (K4), so no model divides; a product adds scales; sums stay decimal."""
    with duckdb.connect(":memory:") as connection:
        types = connection.execute(
            "select typeof(1::decimal(38, 4) / 3), typeof(1::decimal(38, 6) * 1::decimal(38, 8)), "
            "typeof(sum(i::decimal(18, 4))), typeof(sum(i::bigint)) from range(2) r(i)"
        ).fetchone()
    expected = ("DOUBLE", "DECIMAL(38,14)", "DECIMAL(38,4)", "HUGEINT")
    return types == expected, f"quotient, product, sum, integer sum: {types}", BEHAVIOUR


def contracts_can_fail(_: Settings) -> Answer:
    """A bad frame is refused, and so is a LazyFrame, whose rows would not be looked at (K20)."""
    bad = pl.DataFrame({"name": ["a"], "amount": [Decimal(-1)]}, schema=Canary.schema())
    try:
        validate(Canary, bad)
        refused = False
    except ContractError as error:
        refused = "at least 0" in str(error)
    try:
        validate(Canary, bad.lazy())  # type: ignore[arg-type]
        lazy_refused = False
    except TypeError:
        lazy_refused = True
    remedy = "Unset every PANDERA_* variable in the environment; checks must run."
    return refused and lazy_refused, f"bad row refused: {refused}, LazyFrame refused: {lazy_refused}", remedy


def time_zones(_: Settings) -> Answer:
    """Local days can be computed: the zone files are there, for Python and for Polars."""
    instants = pl.Series(["2026-03-29T00:30:00", "2026-03-29T01:30:00"]).str.to_datetime(time_zone="UTC")
    hours = instants.dt.convert_time_zone("Europe/London").dt.hour().to_list()
    zones = len(zoneinfo.available_timezones())
    return hours == [0, 2] and zones > 400, f"{zones} zones, clocks in London jump from 1 to 2", "pip install tzdata"


def home_is_usable(settings: Settings) -> Answer:
    """The state directory can be written, links can be swapped in it, and its name is one DuckDB can open."""
    home = settings.home.absolute()
    if "?" in str(home):
        return (
            False,
            f"{home} contains a question mark, which DuckDB takes for options",
            "Choose another RATEBOOK_HOME.",
        )
    with tempfile.TemporaryDirectory(prefix=".doctor-", dir=home) as folder:
        link, new_link = Path(folder, "link"), Path(folder, "new")
        for name in ("one", "two"):
            Path(folder, name).write_text(name)
            new_link.symlink_to(name)
            new_link.replace(link)
        swapped = link.read_text() == "two"
    return swapped, f"{home} can be written, links swap", "Use a local disk that knows symbolic links."


def format_is_known(settings: Settings) -> Answer:
    """This code reads the home as it lies on disk."""
    home_format.require(settings)
    number = home_format.written(settings)
    return True, str(number) if number else f"{home_format.FIRST}; the next run writes it down", ""


def home_is_private(settings: Settings) -> Answer:
    """No other user reads amounts, names or prices, or writes them."""
    home = settings.home.absolute()
    mode = stat.S_IMODE(home.stat().st_mode)
    return mode & 0o007 == 0, f"{home} has mode {mode:04o}", f"chmod o-rwx {home}"


def free_space(settings: Settings) -> Answer:
    """A night finds the space for its build and its candidate."""
    published = published_run(settings)
    served = sum(path.stat().st_size for path in published.path.rglob("*") if path.is_file()) if published else 0
    needed = max(LEAST_FREE_BYTES, FREE_PER_PUBLISHED_BYTE * served)
    free = shutil.disk_usage(settings.home.absolute()).free
    detail = f"{free / 2**30:.1f} GB free, {needed / 2**30:.1f} GB wanted"
    return free >= needed, detail, "Free space, or lower RATEBOOK_KEEP_PUBLISHED."


def lock_works(settings: Settings) -> Answer:
    """The run lock can be taken. A run that is on right now holds it, which is no fault."""
    try:
        with run_lock(settings, timeout_seconds=LOCK_SECONDS):
            return True, "free", ""
    except UsageError as held:
        return True, str(held), ""


def no_leftovers(settings: Settings) -> Answer:
    """No killed run left half-written folders. The next run removes them; until then they only take space."""
    patterns = (f"{CANDIDATE}*", f"{REMOVING}*", NEW_LINK)
    found = [path for pattern in patterns for path in settings.published.glob(pattern)]
    found += [path for folder in (settings.delivered, settings.build) for path in folder.glob("**/.tmp-*")]
    detail = ", ".join(str(path.relative_to(settings.home.absolute())) for path in found) or "none"
    return not found, detail, "Nothing to do: the next run removes or replaces them."


def published_is_whole(settings: Settings) -> Answer:
    """What readers see is what was published: the link resolves, every file has its SHA-256, nothing was added."""
    run = published_run(settings)
    if run is None:
        return True, "nothing is published yet", ""
    expected = run.manifest()["files"]
    found = {path.relative_to(run.path).as_posix() for path in run.path.rglob("*") if path.is_file()}
    wrong = [f"{name} is missing" for name in sorted(set(expected) - found)]
    wrong += [f"{name} was added" for name in sorted(found - set(expected) - {"manifest.json"})]
    wrong += [
        f"{name} was changed"
        for name in sorted(found & set(expected))
        if sha256_of(run.path / name) != expected[name]["sha256"]
    ]
    detail = "; ".join(wrong) or f"run {run.number} of {run.as_of}: {len(expected)} files as published"
    return not wrong, detail, f"Run the night again; until then point {settings.published / LATEST} to an earlier run."


def published_opens(settings: Settings) -> Answer:
    """The served file opens, and no write-ahead log of somebody else's session lies beside it (K13)."""
    run = published_run(settings)
    if run is None:
        return True, "nothing is published yet", ""
    if logs := sorted(path.name for path in run.path.rglob("*.wal")):
        return False, ", ".join(logs), "Close the program that opened the file for writing, then delete the log."
    with duckdb.connect(run.database.resolve(), read_only=True) as connection:
        rows = connection.execute("select run_number, cast(as_of_date as varchar) from meta.run").fetchall()
    return rows == [(run.number, run.as_of.isoformat())], f"meta.run says {rows}", "Run the night again."


def postgres(settings: Settings) -> Answer:
    """Every question to PostgreSQL can be asked, and its columns have exact text; nothing is fetched."""
    questions = [Asked(name, NEUTRAL_DAY, query) for name, query in sorted(settings.postgres_queries.items())]
    answers = [f"{asked.dataset}: {', '.join(column_names(settings, asked))}" for asked in questions]
    return True, "; ".join(answers) or "nothing is fetched", ""


def messages(settings: Settings) -> Answer:
    """Whether somebody is told of a run that is held or has failed; that is a choice, so neither is a fault."""
    named = [name for name, url in (("webhook", settings.webhook_url), ("email", settings.smtp_url)) if url is not None]
    ends = " or ".join(sorted(settings.notify_on)) or "nothing"
    told = f"{' and '.join(named)} when a run is {ends}; --test-message tries them" if named else "nobody is told"
    return True, told, ""


def test_messages(settings: Settings) -> list[Finding]:
    """Send a test message by every channel that is set and return what became of each."""
    sent = try_channels(settings)
    if not sent:
        remedy = "Set RATEBOOK_WEBHOOK_URL, or RATEBOOK_SMTP_URL with RATEBOOK_MAIL_FROM and RATEBOOK_MAIL_TO."
        return [Finding("test message", ok=False, detail="no channel is set", remedy=remedy)]
    return [
        Finding(
            f"test message by {channel}",
            wrong is None,
            settings.redacted(wrong) if wrong else "delivered",
            "" if wrong is None else "Look at the address, the password and what lies between here and there.",
        )
        for channel, wrong in sent.items()
    ]


LOOKS: dict[str, Look] = {
    "python": python_version,
    "packages": package_versions,
    "decimal arithmetic": decimal_arithmetic,
    "SQL arithmetic": sql_arithmetic,
    "contracts can fail": contracts_can_fail,
    "time zones": time_zones,
    "format": format_is_known,
    "home": home_is_usable,
    "home is private": home_is_private,
    "run lock": lock_works,
    "free space": free_space,
    "leftovers": no_leftovers,
    "published files": published_is_whole,
    "published database": published_opens,
    "PostgreSQL": postgres,
    "messages": messages,
}
# They look at what lies in the home.
OF_HOME = frozenset(
    {
        *("format", "home", "home is private", "run lock", "free space", "leftovers"),
        *("published files", "published database"),
    }
)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
