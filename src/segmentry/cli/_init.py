"""What ``init`` does."""

import os
from collections.abc import Sequence
from pathlib import Path

import typer

from segmentry.errors import OutputError
from segmentry.ingest.mapping import render_mapping
from segmentry.runtime.whole_files import written_whole


def init(paths: Sequence[Path], out: Path, *, overwrite: bool) -> None:
    """Write the mapping and say what is to be done with it.

    Files are named from the folder of the mapping, so that both can be moved together.
    """
    if out.exists() and not overwrite:
        raise OutputError(f"{out}: exists; choose another --out or add --overwrite")
    base = out.absolute().parent
    if not base.is_dir():
        raise OutputError(f"{base}: no such folder; make it first")
    text = render_mapping([os.path.relpath(path, base) for path in paths], base=base)
    with written_whole(out) as partial:
        partial.write_text(text, encoding="utf-8")
    typer.echo(f"Mapping: {out}")
    for line in text.splitlines():
        _, mark, doubt = line.partition("DECIDE: ")
        if mark:
            typer.echo(f"decide {doubt}")
    typer.echo(f"Then: segmentry data check --mapping {out}")
