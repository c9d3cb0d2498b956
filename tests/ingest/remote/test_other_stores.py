"""Google's and Azure's stores, by the emulators that their users test with."""

import contextlib
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.ingest.mapping.shapes import EVENTS, write_csv
from tests.ingest.remote.test_places import table_of

from segmentry.errors import BundleError, DataError
from segmentry.ingest.remote import _failures, at_hand, place_of, put_folder, require_free
from segmentry.ingest.remote._stores import file_system_of

AZURITE = Path(__file__).parents[3] / ".azurite/node_modules/azurite/dist/src/blob/main.js"
LAST = "manifest.json"
# The account of the emulator, which everybody knows.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


# In a process of its own: pyarrow holds the lock of the interpreter while it waits for Google. By
# itself the emulator answers one connection at a time, and several are open.
_GOOGLE = """
import http.server, sys
http.server.HTTPServer = http.server.ThreadingHTTPServer
from gcp_storage_emulator.server import create_server
create_server("127.0.0.1", int(sys.argv[1]), in_memory=True, default_bucket="logs").run()
"""


@contextlib.contextmanager
def process(*words):
    """Start a server and wait until it answers at the port, its last word."""
    server = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(400):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", int(words[-1]))).close()
                break
            time.sleep(0.05)
        yield
    finally:
        server.kill()
        server.wait()


@contextlib.contextmanager
def google():
    pytest.importorskip("gcp_storage_emulator")
    port = free_port()
    with process(sys.executable, "-c", _GOOGLE, str(port)):
        yield {"STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{port}"}


@contextlib.contextmanager
def azure():
    if not AZURITE.exists() or shutil.which("node") is None:
        pytest.skip("no emulator of Azure here: make azurite")
    port = free_port()
    words = ("--inMemoryPersistence", "--skipApiVersionCheck", "--silent", "--blobPort")
    with process("node", str(AZURITE), *words, str(port)):
        yield {
            "AZURE_STORAGE_CONNECTION_STRING": f"AccountName={ACCOUNT};AccountKey={KEY};"
            f"BlobEndpoint=http://127.0.0.1:{port}/{ACCOUNT};"
        }


@pytest.fixture(scope="module", params=[("gs", google), ("az", azure)], ids=["gs", "az"])
def store(request):
    scheme, emulator = request.param
    with emulator() as settings, pytest.MonkeyPatch.context() as patch:
        patch.setattr(_failures, "WAITS", (0.01, 0.01, 0.01))
        for name, value in settings.items():
            patch.setenv(name, value)
        files = file_system_of(scheme)
        if scheme == "az":
            files.create_dir("logs")
        yield scheme, files


def test_a_glob_is_read_as_local_files(store, tmp_path):
    scheme, files = store
    write_csv(tmp_path / "log.csv", EVENTS)
    for day, events in enumerate((EVENTS[:3], EVENTS[3:])):
        file = write_csv(tmp_path / f"day={day}.csv", events)
        with files.open_output_stream(f"logs/in/day={day}/part.csv", compression=None) as stream:
            stream.write(file.read_bytes())

    found = table_of(tmp_path, f"{scheme}://logs/in/day=*/*.csv")

    assert found.equals(table_of(tmp_path, str(tmp_path / "log.csv")))


def test_a_folder_is_put_replaced_and_read(store, tmp_path):
    place = place_of(f"{store[0]}://logs/runs/june")
    for name in ("first", "later"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / LAST).write_text(name)
        (folder / f"{name}.txt").write_text(name)
        seen = require_free(place, last=LAST, overwrite=name == "later")
        put_folder(folder, place, last=LAST, seen=seen)

    with at_hand(Path(str(place)), last=LAST) as copy:
        assert sorted(each.name for each in copy.iterdir()) == ["later.txt", LAST]
        (copy / "later.txt").write_text("changed")
    with at_hand(Path(str(place)), last=LAST) as copy:
        assert (copy / "later.txt").read_text() == "changed"


@pytest.mark.parametrize("bucket", ["logs", "none-of-that-name"])
def test_what_is_not_there_is_one_line(bucket, store, tmp_path):
    scheme, _ = store
    with pytest.raises(DataError) as caught:
        table_of(tmp_path, f"{scheme}://{bucket}/nothing.csv")
    with (
        pytest.raises((DataError, BundleError)),
        at_hand(Path(f"{scheme}://{bucket}/nothing"), last=LAST),
    ):
        pass

    assert str(caught.value).startswith(f"{scheme}://{bucket}/nothing.csv: ")
    assert "\n" not in str(caught.value)
