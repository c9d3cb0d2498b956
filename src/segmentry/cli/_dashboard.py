"""Serve the dashboard and say where."""

import os
from collections.abc import Sequence
from pathlib import Path

import typer

from segmentry.errors import ConfigError
from segmentry.pipeline import embed_run, rename_segment
from segmentry.present.dashboard import Door, serve
from segmentry.present.figures import FIGURES


def dashboard(
    run_dirs: Sequence[Path],
    *,
    port: int,
    address: str,
    password_env: str | None,
    password_file: Path | None,
    is_secure: bool,
    is_read_only: bool,
) -> None:
    """Serve until interrupted."""
    password = _password(password_env, password_file)
    door = Door(address=address, port=port, password=password, is_secure=is_secure)

    def tell(url: str) -> None:
        typer.echo(f"Dashboard: {url}  (Ctrl+C ends it)")

    rename = None if is_read_only else rename_segment
    serve(run_dirs, door=door, rename=rename, on_ready=tell)


def embed(run_dir: Path, *, n_fitted: int, n_placed: int, seed: int) -> None:
    """Add a UMAP and say how far it can be believed."""
    embedded = embed_run(run_dir, n_fitted=n_fitted, n_placed=n_placed, seed=seed)
    caption = FIGURES["umap"].caption(embedded)
    typer.echo(f"{caption.finding}.")
    typer.echo(caption.reading)
    typer.echo(f"Report: {run_dir / 'report.html'}")


def _password(name: str | None, file: Path | None) -> str | None:
    if name is not None and file is not None:
        raise ConfigError("give --password-env or --password-file, not both")
    if name is not None:
        found = os.environ.get(name)
        if not found:
            raise ConfigError(f"environment variable {name} is not set or empty; set the password")
        return found
    if file is None:
        return None
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: the password cannot be read: {error}") from error
    return text.splitlines()[0] if text.strip() else ""
