"""Stores that tests fetch files from: S3 by moto, and web servers, all on the loopback."""

import contextlib
import functools
import http.client
import http.server
import itertools
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

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

    @property
    def endpoint(self) -> str:
        return _server()

    def put(self, key: str, content: bytes | Path) -> str:
        """Store an object and return its name."""
        with self.files.open_output_stream(f"{self.name}/{key}", compression=None) as stream:
            stream.write(content if isinstance(content, bytes) else content.read_bytes())
        return f"{self.address}/{key}"

    def names(self) -> list[str]:
        """Return the names of all objects; pyarrow leaves empty ones for folders."""
        from pyarrow import fs

        found = self.files.get_file_info(fs.FileSelector(self.name, recursive=True))
        return sorted(
            each.path.removeprefix(f"{self.name}/")
            for each in found
            if each.type == fs.FileType.File
        )

    def get(self, key: str) -> bytes:
        """Return what an object holds."""
        with self.files.open_input_file(f"{self.name}/{key}") as stream:
            return stream.read()

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


_OF_A_CONNECTION = ("content-length", "transfer-encoding", "connection", "expect")


class _GateHandler(http.server.BaseHTTPRequestHandler):
    """Passes requests on to the store, or answers in its place."""

    protocol_version = "HTTP/1.1"
    server: "Gate"

    def log_message(self, *_: object) -> None:
        pass

    def _pass_on(self) -> None:
        content = b"".join(self._pieces())
        answer = self.server.answer(self.command, self.path)
        if answer == "break":
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if answer:
            text = f"<Error><Code>{answer}</Code><Message>{answer}</Message></Error>".encode()
            self._reply(400 if answer == "ExpiredToken" else 403, {}, text)
            return
        store = http.client.HTTPConnection(_server().removeprefix("http://"))
        headers = {n: v for n, v in self.headers.items() if n.lower() not in _OF_A_CONNECTION}
        store.request(self.command, self.path, content, headers)
        found = store.getresponse()
        self._reply(found.status, dict(found.headers), found.read())

    def _pieces(self) -> Iterator[bytes]:
        """Yield what a request holds, which may be sent in chunks."""
        if self.headers.get("Transfer-Encoding") != "chunked":
            yield self.rfile.read(int(self.headers.get("Content-Length") or 0))
            return
        while n_bytes := int(self.rfile.readline().split(b";")[0], 16):
            yield self.rfile.read(n_bytes)
            self.rfile.readline()
        self.rfile.readline()

    def _reply(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response(status)
        length = headers.get("Content-Length") if self.command == "HEAD" else str(len(content))
        for name, value in headers.items():
            if name.lower() not in (*_OF_A_CONNECTION, "date", "server"):
                self.send_header(name, value)
        self.send_header("Content-Length", length or "0")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
            self.server.sent.append((self.path, len(content)))

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _pass_on  # noqa: N815  # as http.server calls them


class Gate(http.server.ThreadingHTTPServer):
    """A way to the store that fails where a test wants it to."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _GateHandler)
        self.asked: list[tuple[str, str]] = []
        self.sent: list[tuple[str, int]] = []
        """Bytes of answers, by path."""
        self.answer_to: Callable[[str, str], str] = lambda _, __: ""
        """From method and path to a code of S3, ``break``, or nothing where all is well."""

    def answer(self, method: str, path: str) -> str:
        self.asked.append((method, path))
        return self.answer_to(method, path)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Listing(http.server.BaseHTTPRequestHandler):
    """Answers as S3 does that a bucket holds many small objects, 1,000 to a page."""

    protocol_version = "HTTP/1.1"
    n_objects = 0

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.send_response(404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        found = re.search(r"continuation-token=(\d+)", self.path)
        first = int(found[1]) if found else 0
        last = min(first + 1_000, self.n_objects)
        each = "<LastModified>2026-01-01T00:00:00.000Z</LastModified><Size>7</Size>"
        keys = "".join(
            f"<Contents><Key>log/day={n // 1000}/{n}.csv</Key>{each}</Contents>"
            for n in range(first, last)
        )
        more = last < self.n_objects
        token = f"<NextContinuationToken>{last}</NextContinuationToken>" if more else ""
        content = (
            f"<ListBucketResult><Name>many</Name><KeyCount>{last - first}</KeyCount>"
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{keys}</ListBucketResult>"
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextlib.contextmanager
def listing(n_objects: int) -> Iterator[str]:
    """Lead the environment to a store that does nothing but list; yield the name of a folder."""
    handler = type("Listing", (_Listing,), {"n_objects": n_objects})
    with (
        http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server,
        pytest.MonkeyPatch.context() as patch,
    ):
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}"
        for variable, value in {**_SETTINGS, "AWS_ENDPOINT_URL": address}.items():
            patch.setenv(variable, value)
        yield "s3://many/log"
        server.shutdown()
        thread.join()


def certificates(folder: Path) -> tuple[Path, Path]:
    """Make an authority and a certificate of this machine; return the one, and the other with key.

    They are valid for an hour.
    """
    import datetime as dt
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    def made(name: str, issuer: x509.Name, key: Any, by: Any, *extensions: Any) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        builder = x509.CertificateBuilder(
            issuer_name=issuer,
            subject_name=_named(name),
            public_key=key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=now - dt.timedelta(minutes=1),
            not_valid_after=now + dt.timedelta(hours=1),
        )
        for each in extensions:
            builder = builder.add_extension(each, critical=isinstance(each, x509.BasicConstraints))
        return builder.sign(by, hashes.SHA256())

    authority, own = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = x509.BasicConstraints(ca=True, path_length=None)
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    texts = [
        made("authority", _named("authority"), authority, authority, root),
        made("server", _named("authority"), own, authority, here),
    ]
    pem = serialization.Encoding.PEM
    paths = folder / "authority.pem", folder / "server.pem"
    for path, certificate in zip(paths, texts, strict=True):
        path.write_bytes(certificate.public_bytes(pem))
    key = own.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    paths[1].write_bytes(paths[1].read_bytes() + key)
    return paths


def _named(text: str) -> Any:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _over_tls(server: http.server.HTTPServer, certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)


@contextlib.contextmanager
def gate(certificate: Path | None = None) -> Iterator[Gate]:
    """Lead the environment to the store by a gate, for a while."""
    with Gate() as server, pytest.MonkeyPatch.context() as patch:
        if certificate is not None:
            _over_tls(server, certificate)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        address = server.address.replace("http:", "http:" if certificate is None else "https:")
        patch.setenv("AWS_ENDPOINT_URL", address)
        yield server
        server.shutdown()
        thread.join()


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
def web_server(folder: Path, certificate: Path | None = None) -> Iterator[Web]:
    """Serve a folder, with a certificate by ``https``."""
    with Web(folder) as server:
        if certificate is not None:
            _over_tls(server, certificate)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
