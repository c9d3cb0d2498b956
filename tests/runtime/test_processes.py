"""Worker processes: whatever the caller's main module is, and whatever the function prints."""

import subprocess
import sys
from functools import partial

from tests.texts import raises_text

from segmentry.errors import ConfigError
from segmentry.evaluation.algorithms import method_named
from segmentry.runtime.processes import call_in_worker, serving

UNGUARDED = """
from segmentry.runtime.processes import call_in_worker
from segmentry.segments.clustering import distinct_rows

print(call_in_worker(distinct_rows, [[1.0], [1.0]]).weights)
"""


def test_what_a_function_raises_is_raised_here():
    with raises_text(ConfigError):
        call_in_worker(method_named, "kmedoids")


def test_a_main_module_that_cannot_be_run_again_is_not_run_again(tmp_path):
    script = tmp_path / "unguarded.py"
    script.write_text(UNGUARDED)

    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, check=True, timeout=120
    )

    assert done.stdout == "[2.]\n"


def test_what_is_printed_is_no_part_of_the_answer(capfd):
    assert call_in_worker(print, "a library's greeting") is None
    assert "a library's greeting" in capfd.readouterr().err


def test_a_process_that_dies_is_told_with_its_code():
    with raises_text(RuntimeError):
        call_in_worker(sys.exit, 3)


def test_what_a_process_does_first_may_fail_and_every_call_says_so():
    with serving(abs, n_processes=2, first=partial(method_named, "kmedoids")) as ask:
        for answer in [ask(-1), ask(-2), ask(-3)]:
            with raises_text(ConfigError):
                answer.result(timeout=60)


def test_once_a_process_has_ended_no_call_waits_for_it():
    with serving(sys.exit, n_processes=2) as ask:
        with raises_text(RuntimeError):
            ask(3).result(timeout=60)
        for answer in [ask(4), ask(5), ask(6)]:
            with raises_text(RuntimeError):
                answer.result(timeout=60)
