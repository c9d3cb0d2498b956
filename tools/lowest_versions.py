"""Print the lowest versions that pyproject.toml allows at run time, as constraints for pip.

Tools of development are left at their newest: only what users install is tried at its lowest.
"""

import re
import tomllib
from pathlib import Path

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
needed = [
    *PROJECT["dependencies"],
    *(each for extra in PROJECT["optional-dependencies"].values() for each in extra),
]
for each in needed:
    if not each.startswith(PROJECT["name"]):
        print(re.sub(r">=([\d.]+)", r"==\1.*", each))
