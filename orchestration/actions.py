"""The log of manual decisions: how the commands write it.

A decision lands like any other input, as one file below `landing/actions/`, under the first delivery date that no
snapshot has taken yet; so the next night sees it, and a re-run of an earlier one does not. Nothing is changed
or removed.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from orchestration.errors import UsageError
from orchestration.intake.findings import printable
from orchestration.intake.lake import snapshot_folders
from orchestration.intake.landing import ACTIONS
from orchestration.settings import Settings
from orchestration.storage import replace_file

FOLDER_MODE = 0o700


@dataclass(frozen=True)
class Action:
    """One decision as it lands."""

    action_id: str
    action: str
    target: str
    reason: str
    requested_by: str
    approved_by: str
    requested_at: str


def append_action(
    settings: Settings, action: str, target: str, *, reason: str, requested_by: str, approved_by: str
) -> Action:
    """Land one decision in one atomic write and return it. The next night is the first that sees it.

    Refuses: an empty reason or name, an approver who is the one who decides, a home without any snapshot.
    """
    decision = _decided(action, target, reason, requested_by, approved_by)
    folders = snapshot_folders(settings.delivered)
    if not folders:
        raise UsageError(f"{settings.home}: no night has run yet, so there is nothing to decide about.")
    folder = settings.landing / ACTIONS / (max(folders) + timedelta(days=1)).isoformat()
    folder.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
    replace_file(folder / f"{decision.action_id}.ndjson", f"{json.dumps(asdict(decision))}\n".encode())
    return decision


def _decided(action: str, target: str, reason: str, requested_by: str, approved_by: str) -> Action:
    given = {"--reason": reason, "--by": requested_by, "--approved-by": approved_by, "what it is of": target}
    for option, text in given.items():
        # What intake would reject is refused while the person still sits there.
        if not text or text != text.strip() or printable(text[:1]) != text[:1] or not text.isprintable():
            raise UsageError(f"{option}: write plain text in one line, not {printable(text)!r}.")
    if requested_by.lower() == approved_by.lower():
        raise UsageError(f"--approved-by {approved_by}: another person than --by has to approve it.")
    now = datetime.now(UTC)  # noqa: TID251 - when a person decided; what counts is the delivery date that sees it
    content = json.dumps([action, target, reason, requested_by, approved_by])
    digest = hashlib.sha256(content.encode()).hexdigest()[:8]
    action_id = f"{now:%Y%m%dT%H%M%S}.{now.microsecond:06}Z-{action}-{digest}"
    at = f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond:06}Z"
    return Action(action_id, action, target, reason, requested_by, approved_by, at)
