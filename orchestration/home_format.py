"""The format of a home: one number, so that old code never reads what newer code has laid out otherwise.

A home without a number in which nights have run is of format 1, the first; any other is of the format of the code that
begins it. Whoever holds the run lock writes the number down. Whoever changes how state lies on disk adds a
migration, and nothing else: the number counts them.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass

from orchestration.errors import UsageError
from orchestration.settings import Settings
from orchestration.storage import replace_file

FILE = "format.json"
FIRST = 1


@dataclass(frozen=True)
class Migration:
    """One step from a format to the next. It may be killed anywhere and is then done again from its start."""

    title: str
    move: Callable[[Settings], None]


# In order: the first one leads from format 1 to 2.
MIGRATIONS: tuple[Migration, ...] = ()


def current() -> int:
    """Return the format that this code reads and writes."""
    return FIRST + len(MIGRATIONS)


def written(settings: Settings) -> int | None:
    """Return the number that stands in a home, None if there is none.

    Refuses: a file that does not hold one whole number.
    """
    path = settings.home / FILE
    try:
        number = json.loads(path.read_bytes())["format"]
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        number = None
    if type(number) is not int or number < FIRST:
        raise UsageError(f'{path}: it does not say a format, as {{"format": {FIRST}}} does. Restore it from a backup.')
    return number


def known(settings: Settings) -> int:
    """Return the format of a home, of which there is one even before the number is written.

    Refuses: a newer format than this code's; nothing is written.
    """
    has_run = settings.delivered.is_dir() or settings.log.is_dir()
    found = written(settings) or (FIRST if has_run else current())
    if found > current():
        raise UsageError(
            f"{settings.home} is of format {found}, written by a newer version of Ratebook; this one knows up to "
            f"{current()}. Use that version, or a backup of before. Nothing was changed."
        )
    return found


def require(settings: Settings) -> None:
    """Refuse a home of another format than this code's; nothing is written.

    Refuses: a newer home (this code is too old for it), an older one (it has to be migrated first).
    """
    found = known(settings)
    if found < current():
        raise UsageError(
            f"{settings.home} is of format {found}, and this version of Ratebook works with {current()}. Run `ratebook "
            f"migrate --home {settings.home}` (with --dry-run it only says what it would do). Nothing was changed."
        )


def stamp(settings: Settings) -> None:
    """Write the number into a home that has none. Call it while holding the run lock."""
    if written(settings) is None:
        _write(settings, known(settings))


def migrate(settings: Settings, *, dry_run: bool = False) -> list[str]:
    """Bring a home to this code's format, step by step, and return what was done. Call it while holding the run lock.

    The number is written after each step, so a killed migration goes on where it stopped.
    Refuses: a home of a newer format.
    """
    found = known(settings)
    done = []
    for number, migration in enumerate(MIGRATIONS[found - FIRST :], found + 1):
        done.append(f"{number - 1} to {number}: {migration.title}")
        if not dry_run:
            migration.move(settings)
            _write(settings, number)
    return done


def _write(settings: Settings, number: int) -> None:
    replace_file(settings.home / FILE, f"{json.dumps({'format': number})}\n".encode())
