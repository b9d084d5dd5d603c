"""Wall time, processor time and the highest memory of the steps of a process."""

import resource
import time
from collections.abc import Callable
from typing import Any, TypeVar

from orchestration.memory import peak_bytes, reset_peak

Result = TypeVar("Result")


class Clock:
    """Adds up the seconds of named steps."""

    def __init__(self) -> None:
        self.steps: dict[str, tuple[float, float]] = {}
        self.peaks: dict[str, int] = {}

    def time(self, name: str, work: Callable[[], Result]) -> Result:
        """Do a step and note its wall and processor seconds, and the most memory held in it, in megabytes.

        The kernel's mark is set back before each step, as the night does for its records; so what anything set back in
        between cannot hide a peak of an earlier step.
        """
        reset_peak()
        result = self._timed(name, work)
        self.peaks[name] = max(self.peaks.get(name, 0), peak_bytes() >> 20)
        return result

    def apart(self, outer: str, name: str, work: Callable[..., Result]) -> Callable[..., Result]:
        """Return `work` such that what it takes while the step `outer` runs is a step of its own."""

        def timed(*arguments: Any, **named: Any) -> Result:
            before = self.steps.get(name, (0.0, 0.0))
            result = self._timed(name, lambda: work(*arguments, **named))
            so_far = self.steps.get(outer, (0.0, 0.0))
            self.steps[outer] = (
                so_far[0] - self.steps[name][0] + before[0],
                so_far[1] - self.steps[name][1] + before[1],
            )
            return result

        return timed

    def _timed(self, name: str, work: Callable[[], Result]) -> Result:
        wall, processor = time.perf_counter(), _processor_seconds()
        result = work()
        before = self.steps.get(name, (0.0, 0.0))
        self.steps[name] = (
            before[0] + time.perf_counter() - wall,
            before[1] + _processor_seconds() - processor,
        )
        return result


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
