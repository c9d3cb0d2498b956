"""Commands that look at runs: dashboard, serve, embed, which adds a UMAP, compare-algorithms."""

import contextlib
import os
import stat
from pathlib import Path
from typing import Annotated

import typer

from segmentry import pipeline
from segmentry.cli._options import Json, RunDir, seed_option
from segmentry.errors import ConfigError


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
    """Open runs in a browser.

    Segments, evidence, maps, users and downloads; nothing is sent to another machine.
    """
    from segmentry.pipeline import redraw_report, rename_segment
    from segmentry.present.dashboard import Door, Renaming, serve
    from segmentry.results.elsewhere import run_at_hand

    password = _password(password_env, password_file)
    door = Door(address=address, port=port, password=password, is_secure=behind_tls)

    def report(url: str) -> None:
        typer.echo(f"Dashboard: {url}  (Ctrl+C ends it)")

    renaming = None if read_only else Renaming(save=rename_segment, redraw=redraw_report)
    with contextlib.ExitStack() as stack:
        here = [stack.enter_context(run_at_hand(each)) for each in run_dirs]
        if here != run_dirs:
            renaming = None  # in a copy it would come too late for others
        serve(here, door=door, renaming=renaming, on_ready=report)


def serve(
    run_dir: RunDir,
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.")] = 8000,
    address: Annotated[
        str, typer.Option(help="Address to bind to; others than this machine need a token.")
    ] = "127.0.0.1",
    token_env: Annotated[
        str | None, typer.Option(help="Environment variable that holds the token.", metavar="NAME")
    ] = None,
    users: Annotated[
        bool, typer.Option("--users", help="Let users of the run be looked up by their ids.")
    ] = False,
) -> None:
    """Score users over HTTP.

    JSON in, segments out, the same numbers as score.
    """
    from segmentry.results.elsewhere import run_at_hand
    from segmentry.serve import Service, serve

    token = _of_environment(token_env, "token")
    with run_at_hand(run_dir) as here:
        service = Service(here, address=address, port=port, token=token, has_users=users)
        serve(service, on_ready=lambda url: typer.echo(f"Service: {url}  (Ctrl+C ends it)"))


def embed(
    run_dir: RunDir,
    users: Annotated[int, typer.Option(help="Users that form the map, by strata.")] = 5_000,
    place: Annotated[
        int, typer.Option(min=0, help="Further users to put into it; 0 takes all others.")
    ] = 5_000,
    seed: Annotated[int, seed_option("Seed of the map.")] = 0,
) -> None:
    """Add a UMAP map of the users to a run.

    Next to it stands how far it keeps neighbours together.
    """
    from segmentry.cli import _console
    from segmentry.pipeline import embed_run
    from segmentry.present.figures import FIGURES

    caption = FIGURES["umap"].caption(embed_run(run_dir, n_fitted=users, n_placed=place, seed=seed))
    typer.echo(f"{caption.finding}.")
    typer.echo(caption.reading)
    _console.print_report(run_dir)


def _password(name: str | None, file: Path | None) -> str | None:
    if name is not None and file is not None:
        raise ConfigError("give --password-env or --password-file, not both")
    if file is None:
        return _of_environment(name, "password")
    try:
        with file.open("rb") as stream:
            text = stream.read(_LONGEST_PASSWORD + 1).decode()
            mode = os.fstat(stream.fileno()).st_mode
    except OSError as error:
        wrong = f"{file}: the password cannot be read: {error.strerror or error}"
        raise ConfigError(f"{wrong}; check the path") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: not UTF-8 text; save the password file as UTF-8") from error
    if len(text) > _LONGEST_PASSWORD or "\0" in text:
        raise ConfigError(
            f"{file}: not a password file: more than {_LONGEST_PASSWORD:,} characters, or zero "
            "bytes; expected the password on its first line"
        )
    if stat.S_ISREG(mode) and mode & stat.S_IROTH:
        typer.echo(f"segmentry: {file}: every user can read it; chmod 600 {file}", err=True)
    return _first_line(text)


def _first_line(text: str) -> str:
    """Return the first line that holds anything, without what is not seen at its ends."""
    from segmentry.ingest.files import BLANKS

    return next(filter(None, (line.strip(BLANKS) for line in text.splitlines())), "")


def _of_environment(name: str | None, what: str) -> str | None:
    if name is None:
        return None
    found = _first_line(os.environ.get(name, ""))
    if not found:
        raise ConfigError(f"environment variable {name} is not set or empty; set the {what}")
    return found


_MIN_WIDTH = 150
_LONGEST_PASSWORD = 4096


def compare_algorithms(
    folder: Annotated[
        Path,
        typer.Argument(help="A run folder, or data to run first.", metavar="RUN_DIR|DATA_DIR"),
    ],
    out: Annotated[
        Path | None, typer.Option(help="Run folder to make of DATA_DIR.", metavar="RUN_DIR")
    ] = None,
    algorithms: Annotated[
        str | None,
        typer.Option(
            help="Some of kmeans, minibatch, bisecting, gaussian-mixture, dbscan, hdbscan, latent, "
            "classic, cells; comma separated."
        ),
    ] = None,
    runs: Annotated[
        int, typer.Option(min=0, max=10_000, help="Fits to resampled users, for stability.")
    ] = 10,
    seed: Annotated[int, seed_option("Seed of every random step.")] = 0,
    json: Json = False,
) -> None:
    """Compare clustering algorithms on a run.

    The report gets a section.
    """
    from segmentry.cli import _console
    from segmentry.present.report import measure_table
    from segmentry.results.elsewhere import is_run_folder

    names = None if algorithms is None else [name.strip() for name in algorithms.split(",")]
    is_run = is_run_folder(folder)
    if is_run and out is not None:
        raise ConfigError("--out makes a run folder of DATA_DIR; leave it out with a run folder")
    if not is_run and out is None:
        raise ConfigError(
            f"{folder}: not a run folder (no manifest.json); to run data first, say where with "
            "--out RUN_DIR"
        )
    with _console.shown_progress() as progress:
        if not is_run and out is not None:
            pipeline.run(folder, out, progress=progress, seed=seed)
        comparison = pipeline.compare_algorithms(
            folder if out is None else out,
            algorithms=names,
            n_runs=runs,
            seed=seed,
            progress=progress,
        )
    if json:
        _console.print_json(comparison)
        return
    _console.print_wide(measure_table(comparison).to_rich(), width=_MIN_WIDTH)
    _console.print_notes(
        f"{each.label}: {each.problem}" for each in comparison.results if each.problem
    )
    _console.print_notes(comparison.notes)
    typer.echo()
    _console.print_report(folder if out is None else out)
