"""The command that writes a mapping by looking at files."""

from pathlib import Path
from typing import Annotated

import typer


def init(
    paths: Annotated[
        list[Path], typer.Argument(help="Files, folders or globs.", metavar="PATH...")
    ],
    out: Annotated[Path, typer.Option(help="Mapping to write.", metavar="FILE.toml")] = Path(
        "mapping.toml"
    ),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")] = False,
) -> None:
    """Look at files and write a mapping for --mapping, with comments to check it by."""
    from segmentry.cli import _init

    _init.init(paths, out, overwrite=overwrite)
