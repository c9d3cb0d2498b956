"""Names of files that are not on this machine."""

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from segmentry.errors import ConfigError

MAGIC = frozenset("*?[")
SCHEMES = ("s3", "gs", "az", "http", "https")
# `Path` takes two slashes for one.
_NAME = re.compile(rf"({'|'.join(SCHEMES)}):/+(.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file, a folder or a glob is."""

    scheme: str
    path: str
    """Bucket and key, or host and path."""
    query: str = ""
    """Of a signed address: a credential, so that it is never shown."""

    def __str__(self) -> str:
        return f"{self.scheme}://{self.path}"

    @property
    def is_web(self) -> bool:
        """Whether it is a single file of a web server, which lists nothing."""
        return self.scheme.startswith("http")

    def local(self, folder: Path) -> Path:
        """Return where it stands in for this place below a folder."""
        return folder / f"{self.scheme}:" / self.path


def place_of(name: Path | str) -> Place | None:
    """Return the place that a name stands for; none of a local one.

    >>> str(place_of(Path("s3://bucket/log")))
    's3://bucket/log'
    >>> place_of("https://host/log.csv?signature=x")
    Place(scheme='https', path='host/log.csv', query='signature=x')
    >>> place_of("s3.csv")

    Raises ConfigError if it holds a password, or is not one place.
    """
    found = _NAME.fullmatch(str(name))
    if found is None:
        return None
    scheme, path = found[1], found[2].rstrip("/")
    path, _, query = path.partition("?") if scheme.startswith("http") else (path, "", "")
    if "@" in path.split("/")[0]:
        shown = path.split("/")[0].rpartition("@")[2]
        raise ConfigError(
            f"{scheme}://{shown}: found a user or password in the name; take it out and give it by "
            "the environment"
        )
    place = Place(scheme, path, query)
    if not is_plain(path):
        raise ConfigError(f"{place}: found an empty part, '.' or '..' in the name; name it without")
    return place


def is_plain(path: str) -> bool:
    """Whether a path can stand below a local folder as it is."""
    return all(part not in ("", ".", "..") for part in path.split("/"))


def fixed_part(path: str) -> str:
    """Return the folders of a glob before its first sign.

    >>> fixed_part("bucket/log/day=*/*.parquet")
    'bucket/log'
    """
    parts = PurePosixPath(path).parts
    n_fixed = next((i for i, part in enumerate(parts) if MAGIC & set(part)), len(parts))
    return "/".join(parts[:n_fixed])
