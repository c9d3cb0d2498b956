"""Stores that tests fetch files from: S3 by moto, and web servers, all on the loopback."""

import contextlib
import functools
import http.server
import itertools
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

BUCKET = "logs"
_SETTINGS = {
    "AWS_ACCESS_KEY_ID": "key-of-a-test",
    "AWS_SECRET_ACCESS_KEY": "secret-of-a-test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
_numbers = itertools.count(1)


class Bucket:
    """A bucket of its own."""

    def __init__(self, name: str) -> None:
        from segmentry.ingest.remote._stores import file_system_of

        self.name, self.files = name, file_system_of("s3")

    @property
    def address(self) -> str:
        return f"s3://{self.name}"

    def put(self, key: str, content: bytes | Path) -> str:
        """Store an object and return its name."""
        with self.files.open_output_stream(f"{self.name}/{key}", compression=None) as stream:
            stream.write(content if isinstance(content, bytes) else content.read_bytes())
        return f"{self.address}/{key}"

    def put_folder(self, folder: Path, key: str = "") -> str:
        """Store all files of a folder."""
        for file in sorted(each for each in folder.rglob("*") if each.is_file()):
            self.put(f"{key}/{file.relative_to(folder)}".lstrip("/"), file)
        return f"{self.address}/{key}".rstrip("/")


@functools.cache
def _server() -> str:
    """Start a server that ends with the process."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    return f"http://{host}:{port}"


def s3_bucket(patch: pytest.MonkeyPatch, name: str = "") -> Bucket:
    """Return a new bucket; the environment leads to its server."""
    import boto3

    for variable, value in {**_SETTINGS, "AWS_ENDPOINT_URL": _server()}.items():
        patch.setenv(variable, value)
    name = name or f"{BUCKET}-{next(_numbers)}"
    boto3.client("s3", endpoint_url=_server()).create_bucket(Bucket=name)
    return Bucket(name)


class _Handler(http.server.SimpleHTTPRequestHandler):
    """Serves ranges too, and breaks off where it is told."""

    server: "Web"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers.get("Range", "")))
        path = Path(self.translate_path(self.path))
        if self.server.status or not path.is_file():
            self.send_error(self.server.status or 404)
            return
        content = path.read_bytes()
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if found is None or not self.server.has_ranges:
            self.send_response(200)
            wanted = content
        else:
            first, last = int(found[1]), min(int(found[2]), len(content) - 1)
            wanted = content[first : last + 1]
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
        self.send_header("ETag", f'"{hash(content):x}"')
        self.send_header("Content-Length", str(len(wanted)))
        self.end_headers()
        if self.server.n_breaks and len(wanted) > 1:
            self.server.n_breaks -= 1
            self.wfile.write(wanted[: len(wanted) // 2])
            self.close_connection = True
            return
        self.wfile.write(wanted)


class Web(http.server.ThreadingHTTPServer):
    """A web server of a folder."""

    daemon_threads = True
    has_ranges = True
    n_breaks = 0
    """Answers that are broken off in their middle."""
    status = 0
    """What is answered instead of a file."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), functools.partial(_Handler, directory=str(folder)))
        self.asked: list[tuple[str, str]] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@contextlib.contextmanager
def web_server(folder: Path) -> Iterator[Web]:
    """Serve a folder."""
    with Web(folder) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
