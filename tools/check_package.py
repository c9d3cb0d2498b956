"""Check what `make package` has built: one wheel, its size, its files, the same from the sdist.

Usage: python tools/check_package.py DIST WHEEL_FROM_TREE
"""

import re
import sys
import tarfile
import zipfile
from pathlib import Path

MAX_WHEEL_BYTES = 1_500_000
EXPECTED = re.compile(r"segmentry/.+\.(py|typed|html|css|js|conf)|segmentry-[\d.]+\.dist-info/.+")
NEEDED = ("segmentry/py.typed", "segmentry/present/report/templates/page.html")
NEEDED_IN_SDIST = ("pyproject.toml", "constraints.txt", "LICENSE", "CHANGELOG.md", "Makefile")


def contents(wheel: Path) -> dict[str, bytes]:
    """Return the files of a wheel."""
    with zipfile.ZipFile(wheel) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def faults(dist: Path, from_tree: Path) -> list[str]:
    """Return what is wrong with the wheel and the sdist of a folder."""
    (wheel,), (sdist,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    files = contents(wheel)
    with tarfile.open(sdist) as opened:
        sources = {name.split("/", maxsplit=1)[-1] for name in opened.getnames()}
    size = wheel.stat().st_size
    print(f"{wheel.name}: {size:,} bytes, {len(files)} files")
    print(f"{sdist.name}: {sdist.stat().st_size:,} bytes, {len(sources)} files")
    found = [f"unexpected file {name}" for name in files if not EXPECTED.fullmatch(name)]
    found += [f"missing file {name}" for name in NEEDED if name not in files]
    found += [f"missing from the sdist: {name}" for name in NEEDED_IN_SDIST if name not in sources]
    if size >= MAX_WHEEL_BYTES:
        found.append(f"the wheel has {size:,} bytes, expected fewer than {MAX_WHEEL_BYTES:,}")
    other = contents(from_tree)
    found += [
        f"{name} differs between the wheel of the sdist and the wheel of the tree"
        for name in sorted(files.keys() | other.keys())
        if files.get(name) != other.get(name)
    ]
    return found


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    wrong = faults(Path(sys.argv[1]), *Path(sys.argv[2]).glob("*.whl"))
    if wrong:
        sys.exit("\n".join(wrong))
