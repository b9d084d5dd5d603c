"""Settings: read once from the environment, passed on as one object."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

STRUCK_OUT = "***"


class Settings(BaseSettings):
    """Where the state lives and which bounds hold. Every field can be set as `RATEBOOK_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="RATEBOOK_", frozen=True, extra="ignore")

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
    require_manifest: frozenset[str] = Field(default=frozenset(), description="Datasets that must bring a manifest.")
    keep_published: int = Field(default=14, ge=1, description="Published runs that are kept.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least level of the events in `log/run-<number>.jsonl`."
    )

    @property
    def landing(self) -> Path:
        """Folder that the world delivers into."""
        return self.home.absolute() / "landing"

    @property
    def delivered(self) -> Path:
        """Folder of the immutable snapshots, one per delivery date."""
        return self.home.absolute() / "lake" / "delivered"

    @property
    def build(self) -> Path:
        """Folder of the replaceable tables and the private dbt build files."""
        return self.home.absolute() / "build"

    @property
    def published(self) -> Path:
        """Folder of what readers see."""
        return self.home.absolute() / "published"

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


def _secret_parts(secret: str) -> set[str]:
    """A secret as it stands, and the password inside of it, escaped and not: programs show either."""
    try:
        password = urlsplit(secret).password or ""
    except ValueError:  # it is no address
        password = ""
    return {part for part in (secret, password, unquote(password)) if part}
