"""Options that several commands share, those made from `RunConfig`, and numbers as written."""

import contextlib
import functools
import inspect
import math
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_args

import typer

from segmentry.errors import ConfigError
from segmentry.runtime.seeds import LARGEST_SEED
from segmentry.settings import ReadingOptions

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo


READING = tuple(ReadingOptions.__annotations__)
"""Settings that say how a log is read."""

RunDir = Annotated[Path, typer.Argument(help="A run folder, here or as s3://…", metavar="RUN_DIR")]
DataDir = Annotated[
    Path | None,
    typer.Argument(
        help="Folder that holds the files, here or as s3://BUCKET/FOLDER.", metavar="DATA_DIR"
    ),
]
Mapping = Annotated[
    Path | None,
    typer.Option(help="TOML file that maps your columns to segmentry's.", metavar="FILE.toml"),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
IsHtml = Annotated[bool, typer.Option("--html", help="Print a page instead of text.")]
OutFile = Annotated[
    Path | None,
    typer.Option("--out", help="File to write; printed if absent.", metavar="FILE"),
]


def seed_option(text: str) -> Any:
    """Return the option of a seed that is not a setting of a run."""
    return typer.Option(min=0, max=LARGEST_SEED, help=text)


_LAST = ("config", "overwrite", "json")
_GROUPED = re.compile(r"[+-]?\d{1,3}([,'_\s]\d{3})+(\.\d+)?")
_LARGEST = 10**18
"""Beyond it nothing is counted, and products of two numbers leave what a float holds."""
_ID = re.compile(r"\d{1,18}")
_Taken = TypeVar("_Taken", bound=Callable[..., None])


def takes_written_numbers(command: _Taken) -> _Taken:
    """Let all options of a command that are numbers be written as people write them."""
    own = command._command if isinstance(command, _Command) else command  # noqa: SLF001  # of this module
    for parameter in inspect.signature(own).parameters.values():
        kind, *options = get_args(parameter.annotation) or (None,)
        found = [each for each in (*get_args(kind), kind) if each in (int, float)]
        for option in options if found else ():
            if option.min is None and option.max is None:
                option.parser = parse_whole if found[0] is int else parse_amount
                option.metavar = option.metavar or f"<{found[0].__name__}>"
    return command


def takes_settings(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Let a command take settings of `RunConfig` as options, in place of its ``**settings``.

    What is not given on the command line is null, so that a file of settings or the default
    decides.
    """
    return lambda command: _Command(command, names)


class _Command:
    """A command whose options are made when Typer asks for them: pydantic takes 70 ms to load."""

    is_listed_only = False
    """Whether no command is named, so that Typer needs the name and the first sentence of each."""

    def __init__(self, command: Callable[..., None], names: tuple[str, ...]) -> None:
        functools.update_wrapper(self, command)
        self._command, self._names = command, names

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        self._command(*args, **kwargs)

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.Signature(self._own) if self.is_listed_only else self._with_settings

    @functools.cached_property
    def _own(self) -> list[inspect.Parameter]:
        parameters = inspect.signature(self._command).parameters.values()
        return [each for each in parameters if each.kind is not each.VAR_KEYWORD]

    @functools.cached_property
    def _with_settings(self) -> inspect.Signature:
        """Typer asks three times."""
        from segmentry.config import RunConfig

        fields = RunConfig.model_fields.items()
        made = [_option(name, field) for name, field in fields if name in self._names]
        first = [each for each in self._own if each.name not in _LAST]
        last = [each for each in self._own if each.name in _LAST]
        return inspect.Signature([*first, *made, *last])


@contextlib.contextmanager
def listed_only(words: Sequence[str]) -> Iterator[None]:
    """Leave out the settings of commands where the words name none, as ``--help`` alone."""
    _Command.is_listed_only = all(word.startswith("-") for word in words)
    try:
        yield
    finally:
        _Command.is_listed_only = False


def _option(name: str, field: "FieldInfo") -> inspect.Parameter:
    flag = "--" + (field.alias or name).replace("_", "-")
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    kind = _written(field.annotation)
    numbers: dict[type, Callable[..., Any]] = {int: parse_whole}
    numbers[float] = functools.partial(parse_share, option=flag)
    written = next((each for each in get_args(kind) if each in numbers), None)
    metavar = extra.get("metavar") or (f"<{written.__name__}>" if written else None)
    option = typer.Option(
        flag,
        help=field.description,
        metavar=None if metavar is None else str(metavar),
        parser=None if written is None else numbers[written],
    )
    return inspect.Parameter(
        name,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        default=None,
        annotation=Annotated[kind, option],
    )


def _written(kind: Any) -> Any:
    """Return how a setting is written on a command line: lists and mappings are one text."""
    known = [each for each in (*get_args(kind), kind) if each in (bool, int, float)]
    return known[0] | None if known else str | None


def parse_whole(text: str | int) -> int:
    """Return a whole number, whose thousands may be grouped.

    >>> parse_whole("1,000,000"), parse_whole("1 000"), parse_whole("1e6")
    (1000000, 1000, 1000000)
    """
    number = text if isinstance(text, int) else _number_of(text)
    if number != number // 1:
        raise typer.BadParameter(f"found {text!r}, expected a whole number, as 1000 or 1,000")
    return int(number)


def parse_amount(text: str | float) -> float:
    """Return a number with a decimal point, whose thousands may be grouped.

    >>> parse_amount("1,500.5")
    1500.5
    """
    number = _number_of(text) if isinstance(text, str) else text
    if math.isnan(number):
        raise typer.BadParameter(f"found {text!r}, expected a number, as 1500.5 or 1,500.5")
    return number


def _number_of(text: str) -> float:
    """Return a number as written, exact where it is whole; not-a-number where it is none."""
    plain = text.strip()
    if _GROUPED.fullmatch(plain):
        plain = re.sub(r"[,'_\s]", "", plain)
    for kind in (int, float):
        try:
            number = kind(plain)
        except ValueError:
            continue
        return number if abs(number) <= _LARGEST else math.nan
    return math.nan


def parse_share(text: str, *, option: str) -> float:
    """Return a share that is written as ``5%`` or ``0.05``.

    >>> parse_share("5%", option="--mde"), parse_share("0.05", option="--mde")
    (0.05, 0.05)
    >>> parse_share("5", option="--mde")
    Traceback (most recent call last):
    ...
    segmentry.errors.ConfigError: --mde 5: expected a share, as 5% or 0.05; did you mean 5%?
    """
    number, is_percent = text.strip().removesuffix("%").strip(), text.strip().endswith("%")
    value = _number_of(number)
    if is_percent and value >= 0:
        return value / 100
    if 0 <= value <= 1:
        return value
    meant = f"; did you mean {number}%?" if 1 < value <= 100 else ""
    raise ConfigError(f"{option} {text}: expected a share, as 5% or 0.05{meant}")


def parse_ids(text: str, *, option: str) -> tuple[int, ...]:
    """Return segment ids that are written as ``1,3``.

    >>> parse_ids("1, 3", option="--segment")
    (1, 3)
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not words or not all(map(_ID.fullmatch, words)):
        raise ConfigError(f"{option} {text}: expected numbers of segments, as 1 or 1,3")
    return tuple(dict.fromkeys(int(word) for word in words))


def parse_names(texts: Sequence[str], *, option: str) -> dict[str, str]:
    """Return names by segmentry's own, each written as ``users=shop.users``.

    >>> parse_names(["user_id=user id"], option="--column")
    {'user_id': 'user id'}
    """
    found: dict[str, str] = {}
    for text in texts:
        own, sign, name = text.partition("=")
        if not (own and sign and name):
            raise ConfigError(f"{option} {text!r}: expected OURS=YOURS, as user_id=customer")
        if own in found:
            raise ConfigError(f"{option} {own}: found twice, expected one name")
        found[own] = name
    return found


def parse_pairs(texts: Sequence[str], *, option: str) -> dict[int, float]:
    """Return shares by segment written as ``1=10%``, several separated by commas or options.

    >>> parse_pairs(["1=0.1,2=5%"], option="--floor")
    {1: 0.1, 2: 0.05}
    >>> parse_pairs(["1=0.1", "1=5%"], option="--floor")
    Traceback (most recent call last):
    ...
    segmentry.errors.ConfigError: --floor 1: found twice, expected one share
    """
    found: dict[int, float] = {}
    for pair in (part for text in texts for part in text.split(",") if part.strip()):
        segment, is_pair, share = pair.partition("=")
        if not is_pair or not _ID.fullmatch(segment.strip()):
            raise ConfigError(f"{option} {pair}: expected SEGMENT=SHARE, as 1=10%")
        if int(segment) in found:
            raise ConfigError(f"{option} {segment.strip()}: found twice, expected one share")
        found[int(segment)] = parse_share(share, option=f"{option} {segment.strip()}")
    return found


def parse_ratio(text: str) -> tuple[float, ...]:
    """Return the parts of a ratio that is written as ``1:1``, or ``2:1:1`` for two treatments.

    >>> parse_ratio("9:1")
    (9.0, 1.0)
    """
    try:
        parts = tuple(float(parse_amount(part)) for part in text.split(":"))
    except typer.BadParameter:
        parts = ()
    if len(parts) < 2 or not all(part > 0 for part in parts):
        raise ConfigError(f"--ratio {text}: expected control:treatment, as 1:1, 9:1 or 2:1:1")
    return parts
