"""Object stores and web servers: list files, open one, read pieces of it."""

import contextlib
import datetime as dt
import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

from segmentry.errors import ConfigError, DataError, OutputError
from segmentry.ingest.remote._failures import patiently
from segmentry.ingest.remote._names import Place, is_plain
from segmentry.runtime.preload import require

_MAX_OBJECTS = 1_000_000
_PIECE = 1 << 22
_WRITTEN = 16 << 20
_SECONDS = 60
_SECONDS_OF_TRIES = 5
"""Of Google's own tries; further ones are made in one way for all stores."""
_YES = ("1", "true", "yes")


@dataclass(frozen=True, slots=True)
class Found:
    """A file that a store lists."""

    path: str
    n_bytes: int
    written_at: dt.datetime | None = None
    """By the clock of the store."""


class Opened(Protocol):
    """A file to read pieces of."""

    n_bytes: int
    version: str
    """What changes whenever its content does."""
    has_ranges: bool
    """Whether a piece can be had without all before it."""

    def pieces(self, first: int, n_bytes: int) -> Iterator[bytes]:
        """Yield the bytes from a place on."""
        ...


def store_of(place: Place) -> "Store":
    """Return the store of a place, with the credentials of the environment."""
    return _Web() if place.is_web else object_store_of(place)


def object_store_of(place: Place) -> "ObjectStore":
    """Return the store of a place that is to be written.

    Raises OutputError if it takes no files.
    """
    if place.is_web:
        raise OutputError(f"{place}: a web server takes no files; choose another --out")
    return ObjectStore(file_system_of(place.scheme))


def file_system_of(scheme: str) -> Any:
    """Return the file system of pyarrow for a scheme, set up by the usual variables."""
    fs = require("pyarrow.fs", extra="remote")
    requested = os.environ.get
    if scheme == "s3":
        # Tries are made in one way for all stores.
        retries = fs.AwsStandardS3RetryStrategy(max_attempts=1)
        return fs.S3FileSystem(
            anonymous=requested("AWS_NO_SIGN_REQUEST", "").lower() in _YES,
            endpoint_override=requested("AWS_ENDPOINT_URL_S3") or requested("AWS_ENDPOINT_URL"),
            retry_strategy=retries,
            tls_ca_file_path=requested("AWS_CA_BUNDLE") or requested("SSL_CERT_FILE"),
            allow_delayed_open=True,  # one request for a small object instead of three
            connect_timeout=10,
            request_timeout=_SECONDS,
        )
    if scheme == "gs":
        emulator = (requested("STORAGE_EMULATOR_HOST") or "").rpartition("://")
        return fs.GcsFileSystem(
            anonymous=bool(emulator[2]),
            endpoint_override=emulator[2] or None,
            scheme=(emulator[0] or "http") if emulator[2] else "https",
            retry_time_limit=dt.timedelta(seconds=_SECONDS_OF_TRIES),
        )
    return _azure(requested)


def _azure(requested: Callable[[str], str | None]) -> Any:
    """Set up Azure by a connection string, or by the variables of an account."""
    fs = require("pyarrow.fs", extra="remote")
    text = requested("AZURE_STORAGE_CONNECTION_STRING") or ""
    given = dict(part.split("=", 1) for part in text.split(";") if "=" in part)
    account = (
        given.get("AccountName")
        or requested("AZURE_STORAGE_ACCOUNT_NAME")
        or requested("AZURE_STORAGE_ACCOUNT")
    )
    if not account:
        raise ConfigError(
            "az://: no storage account; set AZURE_STORAGE_ACCOUNT_NAME, and a key, a token or a "
            "sign-in of the environment"
        )
    endpoint: dict[str, str] = {}
    if host := given.get("BlobEndpoint", ""):
        scheme, _, rest = host.partition("://")
        authority = rest.split("/")[0]
        endpoint = {f"{kind}_storage_authority": authority for kind in ("blob", "dfs")}
        endpoint |= {f"{kind}_storage_scheme": scheme for kind in ("blob", "dfs")}
    key = given.get("AccountKey") or requested("AZURE_STORAGE_ACCOUNT_KEY")
    token = given.get("SharedAccessSignature") or requested("AZURE_STORAGE_SAS_TOKEN")
    return fs.AzureFileSystem(
        account_name=account,
        account_key=key or requested("AZURE_STORAGE_KEY"),
        sas_token=token,
        **endpoint,
    )


class ObjectStore:
    """An object store, by a file system of pyarrow."""

    def __init__(self, files: Any) -> None:
        self._files = files

    def below(self, place: Place, *, is_deep: bool = True) -> list[Found]:
        """List the files of a folder; the one file that a place is; nothing if it is not there."""
        from pyarrow import fs

        def ask() -> list[Any]:
            info = self._files.get_file_info(place.path)
            if info.type == fs.FileType.File:
                return [info]
            chosen = fs.FileSelector(place.path, allow_not_found=True, recursive=is_deep)
            return list(self._files.get_file_info(chosen))

        found = [each for each in patiently(ask, place) if each.type == fs.FileType.File]
        if len(found) > _MAX_OBJECTS:
            raise DataError(
                f"{place}: holds {len(found):,} objects, expected at most {_MAX_OBJECTS:,}; name a "
                "folder of it or a glob"
            )
        odd = next((each.path for each in found if not is_plain(each.path)), None)
        if odd is not None:
            raise DataError(
                f"{place}: holds {odd!r}, whose name has an empty part, '.' or '..'; rename it"
            )
        return [Found(each.path, each.size, each.mtime) for each in found]

    def open(self, place: Place) -> Opened:
        """Open a file; raises FileNotFoundError if it is not there."""
        return _Object(self._files.open_input_file(place.path))

    def put(self, content: BinaryIO, place: Place) -> None:
        """Write an object, which is there when all of it has arrived, and not before."""

        def write() -> None:
            content.seek(0)
            with self._files.open_output_stream(place.path, compression=None) as stream:
                while piece := content.read(_WRITTEN):
                    stream.write(piece)

        patiently(write, place, writes=True)

    def copy(self, place: Place, to: Place) -> None:
        """Copy an object within the store."""
        try:
            patiently(lambda: self._files.copy_file(place.path, to.path), to, writes=True)
        except FileNotFoundError as error:
            raise OutputError(f"{place}: is gone; another process may write there") from error

    def remove(self, place: Place, *, is_folder: bool = False) -> None:
        """Remove an object, or all objects of a folder; nothing if none is there."""
        action = self._files.delete_dir if is_folder else self._files.delete_file
        with contextlib.suppress(FileNotFoundError):
            patiently(lambda: action(place.path), place, writes=True)


class _Object:
    """An object that is open; pieces may be read by several threads."""

    has_ranges = True

    def __init__(self, file: Any) -> None:
        self._file = file
        self.n_bytes: int = file.size()
        known: Mapping[str, Any] = file.metadata() or {}
        named = (known.get(each) for each in ("ETag", "etag", "generation", "Last-Modified"))
        self.version = next((_plain_text(each) for each in named if each), "")

    def pieces(self, first: int, n_bytes: int) -> Iterator[bytes]:
        yield self._file.read_at(n_bytes, first)


def _plain_text(value: bytes | str) -> str:
    text = value.decode() if isinstance(value, bytes) else value
    return text.strip('"')


class _Web:
    """A web server: single files by their addresses, as if it were an object store."""

    def below(self, place: Place, *, is_deep: bool = True) -> list[Found]:  # noqa: ARG002  # as of any
        try:
            opened = patiently(lambda: self.open(place), place)
        except FileNotFoundError:
            return []
        return [Found(place.path, opened.n_bytes)]

    def open(self, place: Place) -> Opened:
        return _WebFile(place)


Store = ObjectStore | _Web


class _WebFile:
    """A file of a web server, requested by ranges where the server has them."""

    def __init__(self, place: Place) -> None:
        query = f"?{place.query}" if place.query else ""
        self._address = f"{place}{query}"
        # A first byte instead of the header alone: signed addresses allow one kind of request.
        with self._requested("bytes=0-0") as answer:
            self.has_ranges = answer.status == http.client.PARTIAL_CONTENT
            size = answer.headers.get("Content-Length")
            if self.has_ranges:
                size = answer.headers.get("Content-Range", "").rpartition("/")[2]
            found = [answer.headers.get(each) for each in ("ETag", "Last-Modified")]
        if not size or not size.isdecimal():
            raise DataError(f"{place}: the server does not say how long the file is; download it")
        self.n_bytes = int(size)
        self.version = next((each.strip('"') for each in found if each), "")

    @contextlib.contextmanager
    def _requested(self, bytes_wanted: str) -> Iterator[Any]:
        wanted = {"Range": bytes_wanted, "Accept-Encoding": "identity"}
        request = urllib.request.Request(self._address, headers=wanted)  # noqa: S310  # http or https alone
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # nosec B310  # noqa: S310
                yield answer
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in (http.client.NOT_FOUND, http.client.GONE):
                raise FileNotFoundError(error.code) from error
            raise OSError(f"HTTP status {error.code}") from error
        except urllib.error.URLError as error:
            raise OSError(str(error.reason)) from error
        except http.client.HTTPException as error:
            raise OSError(f"the connection broke: {error!r}") from error

    def pieces(self, first: int, n_bytes: int) -> Iterator[bytes]:
        n_left = n_bytes
        with self._requested(f"bytes={first}-{first + n_bytes - 1}") as answer:
            while n_left and (piece := answer.read(min(_PIECE, n_left))):
                n_left -= len(piece)
                yield piece
