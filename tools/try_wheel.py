"""Install a built wheel from nothing, in the ways users do, and run the demo with each.

Usage: python tools/try_wheel.py WHEEL [--python PYTHON ...] [--only WAY ...]

Prints one line per Python and way: seconds of the installation and of the demo, megabytes
installed. Ends with 1 if one fails, or if a plain installation with its demo takes two minutes or
more. A way that this machine cannot try is named with the reason. Needs the network once for each
Python.
"""

import argparse
import os
import pwd
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

MAX_SECONDS = 120
USER = "segmentry-try"
"""The second user, who is made and removed again."""


class NotHereError(Exception):
    """A way that this machine cannot try."""


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """A folder in which to install and run, and how."""

    folder: Path
    python: str
    environment: Mapping[str, str]
    options: tuple[str, ...] = ()
    user: str | None = None
    before: tuple[str, ...] = ()
    clock: dict[str, float] = field(default_factory=dict)

    def run(self, step: str, *words: str) -> None:
        """Run a command, or end with its output."""
        started = time.monotonic()
        done = subprocess.run(
            [*self.before, *words],
            cwd=self.folder,
            env=dict(self.environment),
            user=self.user,
            group=pwd.getpwnam(self.user).pw_gid if self.user else None,
            extra_groups=[] if self.user else None,
            capture_output=True,
            text=True,
            check=False,
        )
        self.clock[step] = time.monotonic() - started
        if done.returncode != 0:
            raise RuntimeError(
                f"{step}: exit {done.returncode}\n{done.stdout}{done.stderr}"[-3000:]
            )


def outside(folder: Path, **changed: str) -> dict[str, str]:
    """Return an environment that knows nothing of this project."""
    kept = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "LC_"))}
    path = "/usr/local/bin:/usr/bin:/bin"
    return kept | {"PATH": path, "HOME": str(folder), "TMPDIR": str(folder)} | changed


def offline(wheels: Path) -> dict[str, str]:
    """Return what keeps pip from the network."""
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "PIP_CONFIG_FILE": os.devnull}


def plain(folder: Path, python: str, _: Path) -> Attempt:
    """Install with the network, as most do."""
    return Attempt(folder=folder, python=python, environment=outside(folder))


def without_network(folder: Path, python: str, wheels: Path) -> Attempt:
    """Install downloaded wheels and run, in a network of its own that has no way out."""
    apart = ("unshare", "--net", "--map-root-user")
    if subprocess.run([*apart, "true"], capture_output=True, check=False).returncode != 0:
        apart = ()  # pip has no index all the same
    environment = outside(folder, **offline(wheels))
    return Attempt(folder=folder, python=python, environment=environment, before=apart)


def without_compiler(folder: Path, python: str, wheels: Path) -> Attempt:
    """Install where every compiler fails and nothing may be built."""
    fails = {"CC": "/bin/false", "CXX": "/bin/false", "FC": "/bin/false", "PATH": "/nowhere"}
    environment = outside(folder, **offline(wheels), **fails)
    only = ("--only-binary", ":all:")
    return Attempt(folder=folder, python=python, environment=environment, options=only)


def path_with_blanks(folder: Path, python: str, wheels: Path) -> Attempt:
    """Install and run in a folder whose name has blanks and letters beyond ASCII."""
    odd = folder / "My Segments (très 新)"
    odd.mkdir()
    return Attempt(folder=odd, python=python, environment=outside(odd, **offline(wheels)))


def second_user(folder: Path, python: str, wheels: Path) -> Attempt:
    """Install and run as another user, whose home cannot be written."""
    if os.geteuid() != 0:
        raise NotHereError("needs root, to make a user")
    if subprocess.run(["useradd", USER], capture_output=True, check=False).returncode not in (0, 9):
        raise NotHereError("useradd failed")
    reachable = ["setpriv", "--reuid", USER, "--clear-groups", python, "--version"]
    if subprocess.run(reachable, capture_output=True, check=False).returncode != 0:
        raise NotHereError(f"another user cannot reach {python}")
    home, work = folder / "home", folder / "work"
    home.mkdir(mode=0o555)
    work.mkdir()
    shutil.chown(work, USER)
    environment = outside(work, **offline(wheels), HOME=str(home))
    return Attempt(folder=work, python=python, environment=environment, user=USER)


WAYS: dict[str, Callable[[Path, str, Path], Attempt]] = {
    "plain": plain,
    "without network": without_network,
    "without compiler": without_compiler,
    "path with blanks": path_with_blanks,
    "second user, read-only home": second_user,
}


def megabytes(folder: Path) -> float:
    """Return the size of all files of a folder, links aside."""
    files = (each for each in folder.rglob("*") if each.is_file() and not each.is_symlink())
    return sum(each.stat().st_size for each in files) / 1e6


def attempt_it(way: str, python: str, wheel: Path, wheels: Path) -> str:
    """Install and run the demo; return a line of what it took."""
    folder, before = Path(tempfile.mkdtemp(prefix="try-")), processor()
    folder.chmod(0o755)
    try:
        given = WAYS[way](folder, python, wheels)
        venv = given.folder / "venv"
        installed = venv / "bin" / "python"
        given.run("venv", given.python, "-m", "venv", str(venv))
        words = ("-m", "pip", "install", "--quiet", "--no-cache-dir", *given.options, str(wheel))
        given.run("install", str(installed), *words)
        size = megabytes(venv)
        given.run("demo", str(venv / "bin" / "segmentry"), "demo", "--out", "demo")
        for name in ("report.html", "summary.json", "segments.parquet"):
            if not (given.folder / "demo" / "run" / name).stat().st_size:
                raise RuntimeError(f"{name} is empty")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    total = sum(given.clock.values())
    took = ", ".join(f"{step} {seconds:.0f} s" for step, seconds in given.clock.items())
    line = f"{took}; all {total:.0f} s, of a processor {processor() - before:.0f} s; {size:.0f} MB"
    if way == "plain" and total >= MAX_SECONDS:
        raise RuntimeError(f"{line}; expected fewer than {MAX_SECONDS} s")
    return line


def processor() -> float:
    """Return the seconds that ended commands kept a processor: what a busy machine does not add."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> int:
    """Try every way with every Python; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--python", nargs="+", default=[sys.executable])
    parser.add_argument("--only", nargs="+", choices=WAYS, default=list(WAYS))
    asked = parser.parse_args()
    wheel, is_failed = asked.wheel.resolve(), False
    with tempfile.TemporaryDirectory(prefix="wheels-") as made:
        for python in asked.python:
            wheels = Path(made) / Path(python).name
            wheels.mkdir(mode=0o755)
            Path(made).chmod(0o755)
            shutil.copy(wheel, wheels)
            download = ["-m", "pip", "download", "--quiet", "--only-binary", ":all:", str(wheel)]
            subprocess.run([python, *download, "--dest", str(wheels)], check=True)
            for way in asked.only:
                try:
                    line = attempt_it(way, python, wheels / wheel.name, wheels)
                except NotHereError as error:
                    line = f"not tried: {error}"
                except (OSError, RuntimeError) as error:
                    line, is_failed = f"FAILED: {error}", True
                print(f"{Path(python).name}, {way}: {line}", flush=True)
    if os.geteuid() == 0:
        subprocess.run(["userdel", USER], capture_output=True, check=False)
    return int(is_failed)


if __name__ == "__main__":
    sys.exit(main())
