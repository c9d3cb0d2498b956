"""One heap for all threads, and how many rows a part may hold."""

import platform
import subprocess
import sys

import pytest

from segmentry.runtime.memory import rows_per_part

HEAPS = """
import ctypes, sys, threading

from segmentry.runtime.memory import share_freed_memory

if sys.argv[1] == "shared":
    share_freed_memory()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
are_up = threading.Barrier(4)

def allocate():
    libc.malloc(1_000)
    are_up.wait()
    libc.malloc(1_000)

threads = [threading.Thread(target=allocate) for _ in range(4)]
for each in threads:
    each.start()
for each in threads:
    each.join()
libc.fopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(libc.fopen(sys.argv[2].encode(), b"w"))
libc.malloc_info(0, file)
libc.fclose(file)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="heaps of glibc")
@pytest.mark.parametrize(("how", "is_one"), [("shared", True), ("left alone", False)])
def test_threads_allocate_from_one_heap(how, is_one, tmp_path):
    text = tmp_path / "heaps.xml"

    subprocess.run([sys.executable, "-c", HEAPS, how, str(text)], check=True)

    assert (text.read_text(encoding="utf-8").count("<heap ") == 1) is is_one


@pytest.mark.parametrize("memory", [500_000_000, 1_000_000_000, 8_000_000_000])
def test_parts_are_about_as_large_whatever_the_log(memory):
    sizes = [n // (1 + n // rows_per_part(memory, n)) for n in range(4_000_000, 32_000_000, 10**6)]

    assert max(sizes) <= 1_000_000
    assert min(sizes) > 0.75 * max(sizes)
