"""The headless browser that some tests look at pages with; they skip where there is none."""

import shutil
import subprocess
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = ("--headless=new", "--no-sandbox", "--disable-gpu")
ABSENT = "no Chromium here: apt install chromium"


def chromium() -> str | None:
    """Return the browser's path, None where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def content_of(page: str, profile: Path) -> str:
    """Return what a page holds once its scripts have run, with every host name refused: files and nothing else."""
    patience = ("--virtual-time-budget=8000", "--host-resolver-rules=MAP * ~NOTFOUND")
    command = [chromium(), *OPTIONS, *patience, f"--user-data-dir={profile}", "--dump-dom", page]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
