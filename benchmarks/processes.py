"""Run a whole process and measure it: wall, CPU, anonymous memory of its tree, when files are done.

Linux only: memory is read from ``/proc`` every 20 ms, as `RssAnon`, which leaves out the page cache
and mapped files that the kernel takes back at will. New children are looked for every 100 ms: at
every look it took 6 % of a core from those that were measured.

CPU seconds are the kernel's own of whatever is waited for: the process, what it waits for, and what
outlives it, as Java does, of which this process becomes the parent. Of children that nobody waits
for, as the Python workers of Spark, whose parent ignores their end, the last look counts: at most
20 ms of each are missing.
"""

import contextlib
import ctypes
import os
import platform
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_SECONDS_BETWEEN_LOOKS = 0.02
_LOOKS_PER_SEARCH = 5
_SECONDS_TO_END = 30
"""How long what the process leaves behind may take to end."""
_PR_SET_CHILD_SUBREAPER = 36
"""Of linux/prctl.h."""
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
    tree = _Tree()
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while process.pid not in tree.ended:
        now = time.perf_counter() - began
        for name, is_met in list(pending.items()):
            if is_met():
                moments[name] = now
                del pending[name]
        peak = max(peak, tree.look())
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    wall = time.perf_counter() - began
    if tree.ended[process.pid]:
        assert process.stderr is not None
        raise RuntimeError(f"{' '.join(command)}: {process.stderr.read().decode()[-2000:]}")
    while tree.own_children():
        tree.look()
        if time.perf_counter() - began > wall + _SECONDS_TO_END:
            raise RuntimeError(f"{' '.join(command)}: has ended, but not what it started")
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    return Measured(wall, tree.cpu, peak, moments)


class _Tree:
    """The processes that this one starts from now on, and what they took."""

    def __init__(self) -> None:
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self._others = set(_children(os.getpid()))
        self._tree: list[int] = []
        self._same: set[int] = set()
        self._waited = 0.0
        self._unwaited: dict[int, float] = {}
        self._n_looks = 0
        self.ended: dict[int, int] = {}
        """Exit status of the processes that were waited for."""

    @property
    def cpu(self) -> float:
        """Seconds of user and system so far."""
        return self._waited + sum(self._unwaited.values())

    def own_children(self) -> set[int]:
        """Return the processes that were started or left to this one, and run."""
        return set(_children(os.getpid())) - self._others

    def look(self) -> float:
        """Look at all that runs; return its anonymous memory in MB."""
        for each in self.own_children():
            pid, status, usage = os.wait4(each, os.WNOHANG)
            if pid:
                self.ended[pid] = status
                self._unwaited.pop(pid, None)  # its parent has ended first
                self._waited += usage.ru_utime + usage.ru_stime
        if self._n_looks % _LOOKS_PER_SEARCH == 0:
            self._search()
        self._n_looks += 1
        for each in self._unwaited:
            self._unwaited[each] = max(self._unwaited[each], _cpu_seconds(each))
        return sum(_anonymous_mb(each) for each in self._tree)

    def _search(self) -> None:
        """Find all descendants, but those that have not begun their own program.

        Until then a child has the memory of its parent, which would be counted twice: with two of
        them seen at once, a run that takes 470 MB seemed to take 1,400. One that is seen again is
        there to stay.
        """
        before, self._same, self._tree = self._same, set(), []
        queue = list(self.own_children())
        while queue:
            each = queue.pop()
            self._tree.append(each)
            own, is_waiting = _words(each), not _ignores_children(each)
            for child in _children(each):
                if not is_waiting:
                    self._unwaited.setdefault(child, 0.0)
                if _words(child) == own:
                    self._same.add(child)
                if child not in self._same or child in before:
                    queue.append(child)


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):  # it has ended
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            found += map(int, children.read_text().split())
    return found


def _status(pid: int, name: str) -> str:
    """Return a value of what the kernel says of a process; empty once it has ended."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return line.split()[1]
    return ""


def _anonymous_mb(pid: int) -> float:
    return int(_status(pid, "RssAnon") or 0) * 1024 / 1e6


def _ignores_children(pid: int) -> bool:
    """Whether a process lets its children end unseen: their CPU seconds go nowhere then."""
    return bool(int(_status(pid, "SigIgn") or "0", 16) >> (signal.SIGCHLD - 1) & 1)


def _cpu_seconds(pid: int) -> float:
    """Return what a process took with all it waited for; 0 once it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


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
