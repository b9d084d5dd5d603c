"""Peak memory of one step: the kernel's high-water mark, set back before the step and read after it.

Where it cannot be set back (macOS, some sandboxes) it is that of the whole process so far, and the record says so.
"""

import resource
import sys
from contextlib import suppress
from pathlib import Path

OWN_STATUS = Path("/proc/self/status")
CLEAR_REFS = Path("/proc/self/clear_refs")
RESET_HIGH_WATER_MARK = "5"  # proc(5): the one value that touches nothing but the mark
OF_STEP, OF_PROCESS = "step", "process"


def reset_peak() -> str:
    """Set the high-water mark back; say of what the next `peak_bytes` is the peak: the step, or the process so far."""
    try:
        CLEAR_REFS.write_text(RESET_HIGH_WATER_MARK)
    except OSError:
        return OF_PROCESS
    return OF_STEP


def peak_bytes() -> int:
    """Return the largest resident size of this process since the mark was set back."""
    with suppress(OSError):
        for line in OWN_STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    # Kilobytes on Linux, bytes on macOS.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
