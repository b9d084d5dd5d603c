"""Settings: read once from the environment, passed on as one object."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

STRUCK_OUT = "***"
# Of the addresses that are secrets.
SCHEMES = {
    "webhook_url": ("http", "https"),
    "smtp_url": ("smtp", "smtps", "smtp+plain"),
    "postgres_url": ("postgresql", "postgres"),
}
SOCKET_SCHEMES = SCHEMES["postgres_url"]  # without a host they mean a socket of this machine


class PostgresQuery(BaseModel):
    """What is asked of PostgreSQL for a delivery date: a table, or a query in which the date is `$1`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    table: str | None = Field(default=None, description="Table or view, with or without its schema.")
    date_column: str | None = Field(default=None, description="Its column of the delivery date; else all rows, always.")
    columns: dict[str, str] = Field(default={}, description="Our names and theirs; else all columns, by their names.")
    query: str | None = Field(default=None, description="One SELECT instead of a table; the delivery date is `$1`.")

    @model_validator(mode="after")
    def _asks_one_thing(self) -> Self:
        if (self.table is None) == (self.query is None) or (self.query and (self.date_column or self.columns)):
            raise ValueError("give either `table` (with `date_column`, `columns`) or `query`")
        return self


class ExpectedFeed(BaseModel):
    """What has to be there of a feed for each delivery day; the key is its name, by default that of its folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    landed_as: str | None = Field(default=None, description="Folder below `landing/`, if the feed is called otherwise.")
    files_like: str = Field(default="*", description="Pattern of the files that are of this feed: `gateway-*`.")
    files: int = Field(default=1, ge=0, description="Files expected at least.")
    rows: int = Field(default=0, ge=0, description="Rows expected at least, over all files.")
    sources: frozenset[str] = Field(default=frozenset(), description="Values of `source` of which usage is expected.")
    due_days: int = Field(default=0, ge=0, description="It is due so many nights after that of its own day.")
    weekdays: frozenset[Annotated[int, Field(ge=1, le=7)]] = Field(
        default=frozenset(range(1, 8)), description="Days of the week on which it is expected; Monday is 1."
    )
    since: date | None = Field(default=None, description="First day on which it is expected; the first delivery.")
    except_on: frozenset[date] = Field(
        default=frozenset(), description="Days on which it is not: holidays, waived ones."
    )
    days_before: int = Field(default=1, ge=0, description="Its usage is of its own day and so many before.")
    if_missing: Literal["provisional", "hold"] = Field(
        default="provisional", description="Publish with lines marked provisional, or hold the publish."
    )


class Settings(BaseSettings):
    """Where the state lives and which bounds hold. Every field can be set as `RATEBOOK_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="RATEBOOK_", frozen=True, extra="ignore", hide_input_in_errors=True)

    home: Path = Field(default=Path("var"), description="State of this installation: landing, lake, build, published.")
    memory_mb: int = Field(default=1024, ge=64, description="What one step may hold in memory; decides the buckets.")
    lookback_deliveries: int = Field(default=35, ge=1, description="Deliveries searched for a reused event id.")
    shrink_bound: Decimal = Field(default=Decimal("0.01"), description="Share by which a snapshot may shrink.")
    fx_inverted_bound: Decimal = Field(
        default=Decimal("0.05"),
        gt=0,
        description="Share by which an exchange rate has to move to be compared with the inverse of the one before.",
    )
    fx_move_bound: Decimal = Field(
        default=Decimal(1), gt=0, description="Share by which an exchange rate may move from the one before."
    )
    adjustment_month_bound: Decimal = Field(
        default=Decimal("0.005"), ge=0, description="Share of a closed month that may be adjusted without a release."
    )
    adjustment_account_bound: Decimal = Field(
        default=Decimal("0.05"), ge=0, description="Share of an account's closed month that may be, likewise."
    )
    require_manifest: frozenset[str] = Field(default=frozenset(), description="Datasets that must bring a manifest.")
    keep_published: int = Field(default=14, ge=1, description="Published runs that are kept.")
    first_delivery: date | None = Field(default=None, description="First delivery date; the first landed by default.")
    postgres_url: SecretStr | None = Field(
        default=None,
        description="Secret: the database that rows are fetched from, `postgresql://user:password@host/name`.",
    )
    postgres_queries: dict[str, PostgresQuery] = Field(
        default={}, description="Per dataset or feed what is fetched from there for each delivery date."
    )
    expected_feeds: dict[str, ExpectedFeed] = Field(
        default={}, description="Per feed what has to arrive each day, and what to do when it does not."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least level of the events in `log/run-<number>.jsonl`."
    )
    notify_on: frozenset[Literal["held", "failed", "published"]] = Field(
        default=frozenset({"held", "failed"}), description="Ends of a run that a message is sent about."
    )
    webhook_url: SecretStr | None = Field(default=None, description="Secret: where messages are posted to as JSON.")
    smtp_url: SecretStr | None = Field(
        default=None,
        description="Secret: mail server, `smtp://user:password@host:587` (STARTTLS), `smtps://`, or `smtp+plain://`.",
    )
    mail_from: str = Field(default="", description="Sender of messages.")
    mail_to: str = Field(default="", description="Receivers of messages, with commas between them.")

    @field_validator(*SCHEMES)
    @classmethod
    def _address(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        """An address that cannot be used is found when a command starts, not when a night has failed."""
        schemes = SCHEMES[str(info.field_name)]
        if value is not None and not _is_address(value.get_secret_value(), schemes):
            raise ValueError(f"it is no address of the form {' or '.join(scheme + '://…' for scheme in schemes)}")
        return value

    @model_validator(mode="after")
    def _mail_is_addressed(self) -> Self:
        if self.smtp_url is not None and not (self.mail_from and self.mail_to):
            raise ValueError("RATEBOOK_SMTP_URL needs RATEBOOK_MAIL_FROM and RATEBOOK_MAIL_TO beside it")
        return self

    @property
    def landing(self) -> Path:
        """Folder that the world delivers into."""
        return self.home.absolute() / "landing"

    @property
    def feeds(self) -> Path:
        """Folder of the feeds: how files that are not in our format are read."""
        return self.home.absolute() / "feeds"

    @property
    def delivered(self) -> Path:
        """Folder of the immutable snapshots, one per delivery date."""
        return self.home.absolute() / "lake" / "delivered"

    @property
    def seals(self) -> Path:
        """Folder of the closed months: the chain of seals."""
        return self.home.absolute() / "seals"

    @property
    def build(self) -> Path:
        """Folder of the replaceable tables and the private dbt build files."""
        return self.home.absolute() / "build"

    @property
    def published(self) -> Path:
        """Folder of what readers see."""
        return self.home.absolute() / "published"

    @property
    def issued(self) -> Path:
        """Folder of the issue log: what has gone to customers."""
        return self.home.absolute() / "issued"

    @property
    def log(self) -> Path:
        """Folder of the run log."""
        return self.home.absolute() / "log"

    def redacted(self, text: str) -> str:
        """Return the text with every secret struck out, wherever it came from: no output may carry one (F107)."""
        for secret in self.secrets:
            text = text.replace(secret, STRUCK_OUT)
        return text

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every text that no output may carry, longest first: secret settings, and the password inside an address."""
        values = (value for _, value in self if isinstance(value, SecretStr))
        found = {part for value in values for part in _secret_parts(value.get_secret_value())}
        return tuple(sorted(found, key=lambda text: (-len(text), text)))

    def snapshot(self, delivery_date: date) -> Path:
        """Folder of one delivery's snapshot."""
        return self.delivered / delivery_date.isoformat()


def _is_address(text: str, schemes: Sequence[str]) -> bool:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in schemes and (bool(parts.hostname) or parts.scheme in SOCKET_SCHEMES)


def _secret_parts(secret: str) -> set[str]:
    """A secret as it stands, and the password inside of it, escaped and not: programs show either."""
    try:
        parts = urlsplit(secret)
        given = [parts.password or "", *(value for name, value in parse_qsl(parts.query) if name == "password")]
    except ValueError:  # it is no address
        given = []
    return {part for part in (secret, *given, *map(unquote, given), *map(quote, given)) if part}
