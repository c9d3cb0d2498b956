"""Options that several commands share, and those made from the settings of `RunConfig`."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

import typer
from pydantic.fields import FieldInfo

from segmentry.config import ReadingOptions, RunConfig
from segmentry.runtime.seeds import LARGEST_SEED

READING = tuple(name for name in RunConfig.model_fields if name in ReadingOptions.__annotations__)
"""Settings that say how a log is read."""

RunDir = Annotated[Path, typer.Argument(help="A run folder.", metavar="RUN_DIR")]
DataDir = Annotated[
    Path | None, typer.Argument(help="Folder that holds the files.", metavar="[DATA_DIR]")
]
Mapping = Annotated[
    Path | None,
    typer.Option(help="TOML file that says what is what in any data.", metavar="FILE.toml"),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


def seed_option(text: str) -> Any:
    """Return the option of a seed that is no setting of a run."""
    return typer.Option(min=0, max=LARGEST_SEED, help=text)


_LAST = ("config", "overwrite", "json")
_Command = TypeVar("_Command", bound=Callable[..., None])


def takes_settings(*names: str) -> Callable[[_Command], _Command]:
    """Let a command take settings of `RunConfig` as options, in place of its ``**settings``.

    What is not given on the command line is null, so that a file of settings or the default
    decides.
    """

    def decorate(command: _Command) -> _Command:
        parameters = inspect.signature(command).parameters.values()
        own = [each for each in parameters if each.kind is not each.VAR_KEYWORD]
        made = [_option(name, RunConfig.model_fields[name]) for name in names]
        ordered = [
            *(each for each in own if each.name not in _LAST),
            *made,
            *(each for each in own if each.name in _LAST),
        ]
        command.__signature__ = inspect.Signature(ordered)  # type: ignore[attr-defined]  # what Typer reads
        return command

    return decorate


def _option(name: str, field: FieldInfo) -> inspect.Parameter:
    flag = "--" + (field.alias or name).replace("_", "-")
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    metavar = extra.get("metavar")
    option = typer.Option(
        flag, help=field.description, metavar=None if metavar is None else str(metavar)
    )
    return inspect.Parameter(
        name,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        default=None,
        annotation=Annotated[_written(field.annotation), option],
    )


def _written(kind: Any) -> Any:
    """Return how a setting is written on a command line: lists and mappings are one text."""
    known = [each for each in (*get_args(kind), kind) if each in (bool, int, float)]
    return known[0] | None if known else str | None
