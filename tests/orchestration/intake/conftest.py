"""A landing zone of its own for each test."""

from pathlib import Path

import pytest

from orchestration import book
from orchestration.settings import Settings
from tests.orchestration.intake.landing_zone import Document, Landing, accept_delivery, load_state


@pytest.fixture
def real_book() -> None:
    """Ask for the book as it is, where a test is about both."""


@pytest.fixture(autouse=True)
def tiny_book(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Intake asks a book only for the meters' dimensions and for what it refuses; this one answers just that."""
    if "real_book" in request.fixturenames:
        return
    monkeypatch.setattr(book, "accept_delivery", accept_delivery)
    monkeypatch.setattr(book, "load_state", load_state)
    monkeypatch.setattr(book, "Document", Document)


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    """An empty landing zone."""
    return Landing(Settings(home=tmp_path / "state"))
