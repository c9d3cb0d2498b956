"""The commands that show runs: pages in a browser, and a UMAP to add to them."""

from pathlib import Path
from typing import Annotated

import typer

from segmentry.runtime.seeds import LARGEST_SEED


def dashboard(
    run_dirs: Annotated[
        list[Path], typer.Argument(help="One or several run folders.", metavar="RUN_DIR...")
    ],
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.")] = 8501,
    address: Annotated[
        str, typer.Option(help="Address to bind to; others than this machine need a password.")
    ] = "127.0.0.1",
    password_env: Annotated[
        str | None,
        typer.Option(help="Environment variable that holds the password.", metavar="NAME"),
    ] = None,
    password_file: Annotated[
        Path | None, typer.Option(help="File whose first line is the password.", metavar="FILE")
    ] = None,
    behind_tls: Annotated[
        bool, typer.Option("--behind-tls", help="A reverse proxy serves it over TLS.")
    ] = False,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Nothing is written: no segment is renamed.")
    ] = False,
) -> None:
    """Open runs in a browser: segments, evidence, maps, users, downloads; no network."""
    from segmentry.cli import _dashboard

    _dashboard.dashboard(
        run_dirs,
        port=port,
        address=address,
        password_env=password_env,
        password_file=password_file,
        is_secure=behind_tls,
        is_read_only=read_only,
    )


def embed(
    run_dir: Annotated[Path, typer.Argument(help="A run folder.", metavar="RUN_DIR")],
    users: Annotated[int, typer.Option(help="Users that form the map, by strata.")] = 5_000,
    place: Annotated[
        int, typer.Option(help="Further users to put into it; 0 takes all others.")
    ] = 5_000,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Seed of the map.")] = 0,
) -> None:
    """Add a UMAP of the users to a run, with how far it keeps who is near whom."""
    from segmentry.cli import _dashboard

    _dashboard.embed(run_dir, n_fitted=users, n_placed=place, seed=seed)
