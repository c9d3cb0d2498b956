"""JSON files of records: written by one version, read by it, refused by others in one line."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from segmentry.errors import BundleError, SegmentryError
from segmentry.runtime.documents import MAX_JSON_BYTES, parse_json, read_text
from segmentry.runtime.temporary import written_whole
from segmentry.runtime.version import __version__

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from pydantic import TypeAdapter


_STAMP = "segmentry_version"
_LONGEST_SHOWN = 80
_KINDS = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}
_RANGES = (
    (re.compile("utc_offset_hours"), (-12.0, 14.0, "hours from -12 to 14")),
    (re.compile(r"(\w+_)?(starts|ends|first|last)_at"), (0.0, 2.5e11, "a moment")),
    (re.compile("day"), (0.0, 2.9e6, "a day since 1970")),
    (re.compile(r"n_\w+"), (0.0, 1e15, "a number from 0 on")),
    (re.compile(r"(\w+_)?shares?(_\w+)?"), (0.0, 1.000001, "a share from 0 to 1")),
)
"""What a number can be, by the name of its field; `docs/architecture.md` has the prefixes."""
Record = TypeVar("Record", bound="DataclassInstance")


@dataclass(frozen=True, slots=True)
class Codec(Generic[Record]):
    """How one kind of frozen dataclass is written as JSON and read back.

    The file begins with its version, so that a reader of another version can refuse it before it
    looks at anything else.

    >>> from segmentry.runtime.clock import StepRecord
    >>> steps = Codec(StepRecord, what="step", version=2, remedy="run it again")
    >>> text = steps.render(StepRecord("read the log", 1.5, 200.0))
    >>> steps.parse(text, source="step.json")
    StepRecord(step='read the log', seconds=1.5, peak_memory_mb=200.0)
    >>> steps.parse('{"version": 1, "segmentry_version": "0.0.9"}', source="step.json")
    Traceback (most recent call last):
    ...
    segmentry.errors.BundleError: step.json: version 1, written by segmentry 0.0.9, but this \
segmentry reads version 2; run it again
    """

    record: type[Record]
    """A dataclass of plain values, tuples, mappings and other such dataclasses."""
    what: str
    """What the file is, for messages: "summary"."""
    version: int
    """To be raised when a file of before could no longer be read."""
    remedy: str
    """What to do about a file that is refused: "run it again"."""
    version_key: str = "version"
    """The first key of the file, which holds it."""
    expected: str = "a file that segmentry wrote"
    """What a path without a readable file should have been: "a run folder of segmentry run"."""
    written_by: tuple[str, ...] = (_STAMP,)
    """Keys that lead to the version of segmentry that wrote the file. It is put next to
    `version_key`, unless the record itself has it elsewhere."""
    error: type[SegmentryError] = BundleError
    """What is raised."""

    def render(self, value: Record, *, indent: int | None = 1) -> str:
        """Return a record as JSON that ends with a new line; one line where `indent` is None.

        Raises ValueError if a number is not finite: NaN is never written.
        """
        content: dict[str, Any] = {self.version_key: self.version}
        if self.written_by == (_STAMP,):
            content[_STAMP] = __version__
        content |= asdict(value)
        return json.dumps(content, indent=indent, ensure_ascii=False, allow_nan=False) + "\n"

    def write(self, value: Record, file: Path) -> None:
        """Write a record whole, or leave the file as it was.

        Raises OutputError if the file cannot be written.
        """
        text = self.render(value)
        with written_whole(file) as partial:
            partial.write_text(text, encoding="utf-8")

    def read(self, file: Path) -> Record:
        """Read a file.

        Raises `error` if there is none, it is damaged, or it is of another version.
        """
        try:
            text = read_text(file, max_bytes=MAX_JSON_BYTES)
        except OSError as error:
            reason = error.strerror or str(error)
            raise self.error(f"{file}: {reason}; expected {self.expected}") from error
        except ValueError as error:
            raise self.error(f"{file}: not a {self.what}: {error}; {self.remedy}") from error
        return self.parse(text, source=str(file))

    def parse(self, text: str, *, source: str) -> Record:
        """Read a record back; `source` is where it came from, for messages.

        Raises `error` if it is damaged, has a number that is not finite, or is of another version.
        """
        from pydantic import ValidationError

        try:
            content = self._stamped(parse_json(text))
        except ValueError as error:
            raise self.error(f"{source}: not a {self.what}: {error}; {self.remedy}") from error
        found = str(content[self.version_key])[:_LONGEST_SHOWN]
        writer = self._writer(content)
        if found != str(self.version):
            raise self.error(
                f"{source}: version {found}{writer}, but this segmentry reads version "
                f"{self.version}; {self.remedy}"
            )
        try:
            record = _adapter(self.record).validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            # Alternatives of a type, such as "tuple[float,float]", are no places in the file.
            places = [str(each) for each in first["loc"]]
            known = [each for each in places if each.isidentifier() or each.isdecimal()]
            where = ".".join(known)[:_LONGEST_SHOWN]
            reason = first["msg"].removeprefix("Value error, ")  # pydantic's words before ours
            wrong = f"{where}: {reason}" if where else reason
            if first["type"] == "missing":
                wrong = f"no {where}, which segmentry {__version__} writes"
            raise self.error(f"{source}{writer}: {wrong}; {self.remedy}") from error
        for wrong in _beyond(record):
            raise self.error(f"{source}{writer}: {wrong}; {self.remedy}")
        return record  # type: ignore[no-any-return]  # of record

    def _stamped(self, content: object) -> dict[str, Any]:
        """Return what was read if it is an object with a version; else raise ValueError."""
        if not isinstance(content, dict):
            found = _KINDS.get(type(content), "a number")
        elif self.version_key in content:
            return content
        else:
            found = f'no "{self.version_key}"'
        raise ValueError(f'found {found}, expected an object with "{self.version_key}"')

    def _writer(self, content: Mapping[str, Any]) -> str:
        """Return who wrote a file, where it was another version of segmentry."""
        found: Any = content
        for key in self.written_by:
            found = found.get(key) if isinstance(found, dict) else None
        is_other = isinstance(found, str) and found != __version__
        return f", written by segmentry {found:.40}" if is_other else ""


@cache
def _adapter(record: type[Record]) -> "TypeAdapter[Record]":
    from pydantic import TypeAdapter

    return TypeAdapter(record)


def _beyond(value: object, place: str = "") -> Iterator[str]:
    """Say which numbers of a record cannot be what their names say."""
    if isinstance(value, tuple | list):
        for position, each in enumerate(value):
            yield from _beyond(each, f"{place}.{position}")
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _beyond(each, place)
    elif is_dataclass(value) and not isinstance(value, type):
        for name, limits in _limits_of(type(value)):
            each, inner = getattr(value, name), f"{place}.{name}".lstrip(".")
            if limits is None:
                yield from _beyond(each, inner)
                continue
            low, high, expected = limits
            for number in each if isinstance(each, tuple) else (each,):
                if isinstance(number, int | float) and not low <= number <= high:
                    yield f"{inner}: found {number:g}, expected {expected}"


@cache
def _limits_of(
    record: "type[DataclassInstance]",
) -> tuple[tuple[str, tuple[float, float, str] | None], ...]:
    """Return the fields of a record with what their numbers can be; None where it is not known."""
    return tuple(
        (
            field.name,
            next((limits for name, limits in _RANGES if name.fullmatch(field.name)), None),
        )
        for field in fields(record)
    )
