"""Wall time, processor time and the highest memory of a process."""

import resource
import time
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


class Clock:
    """Adds up the seconds of named steps."""

    def __init__(self) -> None:
        self.steps: dict[str, tuple[float, float]] = {}

    def time(self, name: str, work: Callable[[], Result]) -> Result:
        """Do a step and note its wall and processor seconds."""
        wall, processor = time.perf_counter(), _processor_seconds()
        result = work()
        before = self.steps.get(name, (0.0, 0.0))
        self.steps[name] = (
            before[0] + time.perf_counter() - wall,
            before[1] + _processor_seconds() - processor,
        )
        return result

    def seconds(self, *, without: tuple[str, ...] = ()) -> float:
        """Return the wall seconds of all steps but some."""
        return sum(wall for name, (wall, _) in self.steps.items() if name not in without)

    def processor_seconds(self, *, without: tuple[str, ...] = ()) -> float:
        """Return the processor seconds of all steps but some."""
        return sum(processor for name, (_, processor) in self.steps.items() if name not in without)


def peak_megabytes() -> int:
    """Return the most memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
