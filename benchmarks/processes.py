"""Run a whole process and measure it: wall, CPU, anonymous memory of its tree, when files are done.

Linux only: memory is read from ``/proc`` every 20 ms, as `RssAnon`, which leaves out the page cache
and mapped files that the kernel takes back at will. New children are looked for every 100 ms: at
every look it took 6 % of a core from those that were measured.
"""

import contextlib
import os
import platform
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_SECONDS_BETWEEN_LOOKS = 0.02
_LOOKS_PER_SEARCH = 5
_PARQUET_MAGIC = b"PAR1"


@dataclass(frozen=True, slots=True)
class Measured:
    """What one process took.

    Parameters
    ----------
    wall, cpu : float
        Seconds; CPU is user and system of the process and its children.
    peak_anonymous_mb : float
        Largest sum of `RssAnon` over the process and its children.
    moments : mapping of str to float
        Seconds from the start to what was watched for; absent if it was never seen.
    """

    wall: float
    cpu: float
    peak_anonymous_mb: float
    moments: Mapping[str, float]


def measure(
    command: Sequence[str], *, watch: Mapping[str, Callable[[], bool]] | None = None
) -> Measured:
    """Run a command to its end.

    Parameters
    ----------
    command : sequence of str
    watch : mapping of str to callable, optional
        Conditions whose first moment is wanted.

    Raises
    ------
    RuntimeError
        If the command fails.
    """
    pending, moments, peak = dict(watch or {}), {}, 0.0
    tree: list[int] = []
    n_looks = 0
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        now = time.perf_counter() - began
        for name, is_met in list(pending.items()):
            if is_met():
                moments[name] = now
                del pending[name]
        if pid:
            break
        if n_looks % _LOOKS_PER_SEARCH == 0:
            tree = _tree(process.pid)
        n_looks += 1
        peak = max(peak, _anonymous_mb(tree))
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    if status:
        assert process.stderr is not None
        raise RuntimeError(f"{' '.join(command)}: {process.stderr.read().decode()[-2000:]}")
    return Measured(now, usage.ru_utime + usage.ru_stime, peak, moments)


def _anonymous_mb(pids: Sequence[int]) -> float:
    """Sum the anonymous resident memory of processes."""
    total = 0.0
    for each in pids:
        try:
            status = Path(f"/proc/{each}/status").read_text()
        except OSError:  # it ended meanwhile
            continue
        for line in status.splitlines():
            if line.startswith("RssAnon:"):
                total += int(line.split()[1]) * 1024 / 1e6
    return total


def _tree(pid: int) -> list[int]:
    """Return a process and its descendants, but those that have not begun their own program.

    Until then a child has the memory of its parent, which would be counted twice: with two of
    them seen at once, a run that takes 470 MB seemed to take 1,400.
    """
    found, queue = [], [pid]
    while queue:
        each = queue.pop()
        found.append(each)
        own = _words(each)
        with contextlib.suppress(OSError):  # it has ended
            for children in Path(f"/proc/{each}/task").glob("*/children"):
                begun = [int(child) for child in children.read_text().split()]
                queue.extend(child for child in begun if _words(child) != own)
    return found


def _words(pid: int) -> bytes:
    """Return the command line of a process; empty once it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def parquet_is_complete(folder: Path, pattern: str) -> Callable[[], bool]:
    """Return a condition: a Parquet file of this pattern is there, with its footer."""

    def is_met() -> bool:
        for file in folder.glob(pattern):
            try:
                with file.open("rb") as stream:
                    stream.seek(-len(_PARQUET_MAGIC), os.SEEK_END)
                    if stream.read() == _PARQUET_MAGIC and stream.tell() > len(_PARQUET_MAGIC):
                        return True
            except OSError:  # not there any more, or not yet long enough
                continue
        return False

    return is_met


def machine() -> str:
    """Say in one line what the figures were measured on, and what else it was doing."""
    names = [
        line.split(":")[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = "/".join(f"{each:.1f}" for each in os.getloadavg())
    return (
        f"{os.cpu_count()} cores ({names[0] if names else platform.processor()}), "
        f"{memory:.0f} GiB, Python {platform.python_version()}, load {load} at the start"
    )
