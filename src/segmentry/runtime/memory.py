"""How much memory a process may take, how much of it an engine gets, and how rows fit into it."""

import contextlib
import ctypes
import os
import re
import shutil
import sys
from pathlib import Path

from segmentry.errors import OutputError

_SIZE = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)\s?([KMGT])(i?)B")
_POWERS = {"K": 1, "M": 2, "G": 3, "T": 4}
MIN_MEMORY = 500_000_000
_GIGABYTE = 1_000_000_000
_WITHOUT_ENGINE = 350_000_000
"""Python, its libraries and the answers of the engine: 200 to 350 MB were measured."""
_EXCESS = 1.12
"""DuckDB goes beyond its own limit by so much."""
_FOR_ANSWERS = 0.85
"""The rest is for tables on their way from the engine."""
_MIN_FOR_ENGINE = 64_000_000
_BYTES_WITHOUT_USERS, _BYTES_PER_USER = 470_000_000, 390
"""A default run took 583 MB of 300,000 users, 907 of 1,141,729 and 4,359 of ten million."""
_BYTES_PER_ROW = 220
"""What grouping a row of a part by user takes at most: 130 were measured."""
_FEWEST_ROWS, _MAX_ROWS, _ENOUGH_PARTS = 1_000_000, 3_000_000, 32
_M_ARENA_MAX = -8
"""Of glibc's malloc.h."""
_CGROUP_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def parse_size(text: str) -> int:
    """Read a size such as 4GB or 500MiB as bytes.

    Raises ValueError if it is none.

    >>> parse_size("4GB"), parse_size("0.5 GiB")
    (4000000000, 536870912)
    """
    found = _SIZE.fullmatch(text)
    if found is None:
        raise ValueError(f"found {text!r}, expected a size such as 2GB or 500MB")
    number, unit, binary = found.groups()
    return int(float(number) * (1024 if binary else 1000) ** _POWERS[unit])


def machine_memory() -> int:
    """Return the bytes of memory of this machine, or of the container if that has less."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for file in _CGROUP_LIMITS:
        try:
            text = file.read_text().strip()
        except OSError:
            continue
        if text.isdecimal():
            whole = min(whole, int(text))
    return whole


def peak_memory_mb() -> float | None:
    """Return the highest memory of this process in MB; null where the system does not report it.

    On Linux ``ru_maxrss`` of a child begins at its parent's, so that the kernel's own record of
    this program is read instead.
    """
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text("ascii", "replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024  # KB on Linux, bytes on macOS
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def process_limit(memory: str | None) -> int:
    """Return the bytes that the whole process may take: half of the machine's if not said.

    >>> process_limit("1GB"), process_limit(None) == machine_memory() // 2
    (1000000000, True)
    """
    return machine_memory() // 2 if memory is None else parse_size(memory)


def memory_of_users(n_users: int) -> int:
    """Return the bytes that a run takes for a table of so many users, whatever its log.

    >>> memory_of_users(1_141_729)
    915274310
    """
    return _BYTES_WITHOUT_USERS + _BYTES_PER_USER * n_users


def users_that_fit(limit: int) -> int:
    """Return the table of how many users a process holds that may take so many bytes.

    >>> users_that_fit(16_000_000_000), users_that_fit(100_000_000)
    (39820512, 0)
    """
    return max(0, limit - _BYTES_WITHOUT_USERS) // _BYTES_PER_USER


def engine_share(limit: int) -> int:
    """Return the limit to set for DuckDB so that the process stays within its own.

    >>> engine_share(1_000_000_000), engine_share(4_000_000_000)
    (493303571, 2770089285)
    """
    left = (limit - _WITHOUT_ENGINE) * _FOR_ANSWERS / _EXCESS
    return max(_MIN_FOR_ENGINE, int(left))


def rows_per_part(limit: int, n_rows: int) -> int:
    """Return how many rows a part of a log of so many should hold, to be grouped in memory.

    A million, so that memory is the same whatever the log; of logs beyond 32 millions more, as
    parts are costly too, as far as the `limit` in bytes allows.

    >>> [rows_per_part(4_000_000_000, n) for n in (26_000_000, 64_000_000, 723_000_000)]
    [1000000, 2000000, 3000000]
    >>> rows_per_part(1_000_000_000, 723_000_000)
    2242288
    """
    wanted = min(_MAX_ROWS, max(_FEWEST_ROWS, n_rows // _ENOUGH_PARTS))
    return min(wanted, engine_share(limit) // _BYTES_PER_ROW)


def share_freed_memory() -> None:
    """Let all threads of this process allocate from one heap, where the C library is glibc.

    By default each has its own, and what one freed is of no use to the others: a run took a third
    more, the more parts its log had. To be called before threads are started.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


def require_room(folder: Path, n_bytes: int, *, remedy: str) -> None:
    """Refuse to begin where the temporary files will not fit.

    An OutputError says what is needed, what is free, and the `remedy`.

    >>> require_room(Path("."), 10**18, remedy="give --temp DIR on a larger disk")
    Traceback (most recent call last):
    ...
    segmentry.errors.OutputError: .: temporary files will take about 1,000,000,000.0 GB, found ...
    """
    free = shutil.disk_usage(folder).free
    if n_bytes > free:
        raise OutputError(
            f"{folder}: temporary files will take about {_text(n_bytes)}, found {_text(free)} "
            f"free; {remedy}"
        )


def _text(n_bytes: int) -> str:
    return f"{n_bytes / 1e9:,.1f} GB" if n_bytes >= _GIGABYTE else f"{n_bytes / 1e6:,.1f} MB"
