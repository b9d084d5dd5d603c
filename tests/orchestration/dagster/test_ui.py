"""The UI in a headless browser: each page shows something, and nobody had to look away."""

import pytest

from tests.browser import ABSENT, chromium
from tests.orchestration.dagster.screenshots import PAGES, held_night, pictures
from tests.orchestration.dagster.webserver import CannotStart

PNG = b"\x89PNG\r\n\x1a\n"
# A page without content, or with an error in its middle, is a fifth of this.
PICTURE_BYTES = 50_000


@pytest.mark.skipif(chromium() is None, reason=ABSENT)
def test_lineage_asset_and_failed_check_can_be_looked_at(company, tmp_path):
    held_night(company)
    pages = {name: PAGES[name] for name in ("lineage", "asset", "failed-check")}
    try:
        taken = pictures(company, tmp_path / "pictures", pages)
    except CannotStart as reason:
        pytest.skip(f"dagster-webserver does not start here: {reason}")
    for picture in taken:
        content = picture.read_bytes()
        assert content.startswith(PNG), picture
        assert len(content) > PICTURE_BYTES, f"{picture.name} is nearly blank"
