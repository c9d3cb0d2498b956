"""The command that opens runs in a browser."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["dashboard"]


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
