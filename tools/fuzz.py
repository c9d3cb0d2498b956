"""Try random inputs for some minutes: seed after seed, so that what fails can be repeated.

python tools/fuzz.py bundle --minutes 10 --seed 0
"""

import argparse
import collections
import faulthandler
import sys
import time
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.fuzz.targets import TARGET, check_refusal

from segmentry.errors import SegmentryError

MAX_SECONDS = 10
N_OF_A_SEED = 500


def fuzz(name: str, *, minutes: float, first: int) -> None:
    """Try one target; an exception ends it with the input that caused it."""
    target, counts, slowest = TARGET[name], collections.Counter(), 0.0

    def take(given_input: object) -> None:
        nonlocal slowest
        # Whatever hangs ends the process with its traceback.
        faulthandler.dump_traceback_later(MAX_SECONDS, exit=True)
        begun = time.monotonic()
        try:
            target.take(given_input)
            counts["answered"] += 1
        except SegmentryError as error:
            check_refusal(error)
            counts["refused"] += 1
        finally:
            faulthandler.cancel_dump_traceback_later()
            slowest = max(slowest, time.monotonic() - begun)

    until, number = time.monotonic() + 60 * minutes, first
    while time.monotonic() < until:
        # What hangs ends without another word, so the seed is said before.
        print(f"{name}: seed {number}", end="\r", file=sys.stderr, flush=True)
        tried = settings(
            max_examples=N_OF_A_SEED,
            deadline=None,
            database=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )(given(target.inputs)(take))
        try:
            seed(number)(tried)()
        except BaseException:
            print(f"{name}: seed {number} fails", flush=True)
            raise
        number += 1
    total = sum(counts.values())
    print(
        f"{name}: {total:,} inputs of seeds {first} to {number - 1}: {counts['answered']:,} "
        f"answered, {counts['refused']:,} refused in one line; the slowest took {slowest:.2f} s"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", choices=[*TARGET, []], default=[])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    for each in asked.targets or TARGET:
        fuzz(each, minutes=asked.minutes, first=asked.seed)
