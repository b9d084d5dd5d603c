"""What every test stands on: its own state, a fixed environment, and where the real data is."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# No test fails by the clock: what takes a millisecond alone takes 300 where others use the machine.
settings.register_profile("ratebook", deadline=None)
settings.load_profile("ratebook")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the state, or a setting, of the person who runs it."""
    for name in list(os.environ):
        if name.startswith(("RATEBOOK_", "DAGSTER_", "DBT_")) and name != "RATEBOOK_SHARED":
            monkeypatch.delenv(name)
    monkeypatch.setenv("RATEBOOK_HOME", str(tmp_path / "var"))
    monkeypatch.setenv("DAGSTER_DISABLE_TELEMETRY", "yes")
    monkeypatch.setenv("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the root of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of the real data: RATEBOOK_SHARED, else `shared` beside the checkout; skip where it is absent."""
    folder = Path(os.environ.get("RATEBOOK_SHARED", ROOT.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(f"no real data: {folder}/data is absent (set RATEBOOK_SHARED)")
    return folder
