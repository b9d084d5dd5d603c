"""`python3 -m orchestration <command>`: set up what is missing, then hand over to the command line.

Runs on whatever Python the machine has, also on one that is refused below: nothing newer than 3.6 in this file.
"""

import sys
from typing import Sequence

OLDEST = (3, 11)
TOO_NEW = (3, 14)


def refusal(version: "Sequence[int]", platform: str) -> "str | None":
    """Return the one line that says why this machine's Python cannot run the project, or None."""
    if not (platform.startswith("linux") or platform == "darwin"):
        return "ratebook runs on Linux and macOS only (on Windows: inside WSL)."
    if not OLDEST <= tuple(version[:2]) < TOO_NEW:
        return "ratebook needs Python 3.11, 3.12 or 3.13; this is {}.{}. Try: python3.12 -m orchestration demo".format(
            *version[:2]
        )
    return None


def main() -> int:
    """Refuse in one line, or set up and run."""
    problem = refusal(sys.version_info[:2], sys.platform)
    if problem is not None:
        sys.stderr.write(problem + "\n")
        return 2
    from orchestration.bootstrap import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
