"""Without the modules that only POSIX systems have."""

import subprocess
import sys

WITHOUT = """
import importlib.util, pkgutil, sys
sys.modules["fcntl"] = sys.modules["resource"] = None
import segmentry
left_out = ["segmentry.__main__"]
if importlib.util.find_spec("streamlit") is None:
    left_out.append("segmentry.present.dashboard._")
for found in pkgutil.walk_packages(segmentry.__path__, "segmentry."):
    if not found.name.startswith(tuple(left_out)):
        importlib.import_module(found.name)

from pathlib import Path
from segmentry.runtime import memory
from segmentry.runtime.clock import StepClock
memory.Path = lambda _: Path("/no/such/file")  # where no kernel keeps the figure
clock = StepClock()
with clock.step("read"):
    pass
print(clock.records[0].peak_memory_mb)
"""


def test_every_module_is_imported_and_memory_is_unknown():
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], stdout=subprocess.PIPE, text=True, check=True
    )

    assert done.stdout == "None\n"
