"""One tiny night for every test that only looks at one, or goes on from it."""

import warnings

import pytest

from orchestration.settings import Settings
from tests.orchestration import tiny

with warnings.catch_warnings():
    # dbt-duckdb's SQL parser still imports its retired accelerator: once per process, here.
    warnings.filterwarnings("ignore", "sqlglotrs is deprecated", DeprecationWarning)
    import dbt.adapters.duckdb  # noqa: F401


@pytest.fixture(scope="session")
def night_home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home whose last night has run. To look at only: `tiny.copied` makes one to go on with."""
    return tiny.ran(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="session")
def tables_home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home whose tables as of the last day are made, and nothing of dbt. To look at only."""
    settings = tiny.land(tmp_path_factory.mktemp("tables"))
    tiny.tables_only(settings)
    return settings
