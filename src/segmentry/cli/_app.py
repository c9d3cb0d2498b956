"""All commands by name; what they do is imported when one is called."""

import contextlib
import errno
import gc
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer

from segmentry.cli._app_compare import compare_algorithms
from segmentry.cli._app_dashboard import dashboard, embed
from segmentry.cli._app_init import init
from segmentry.cli._app_plan import analyse_app, export_app, plan_app
from segmentry.errors import SegmentryError
from segmentry.runtime.memory import share_freed_memory
from segmentry.runtime.seeds import LARGEST_SEED
from segmentry.version import __version__

_OF_A_PATH = {errno.ENAMETOOLONG, errno.EACCES, errno.EPERM, errno.EROFS, errno.ELOOP}
"""What is wrong with a path that somebody gave, whoever looks at it first."""

_IMPORT = "<frozen importlib."
_SECONDS_TO_IMPORT = 0.01
_OBJECTS_BETWEEN_COLLECTIONS = 100_000
"""700 by default: looking that often for cycles, through all objects of all libraries, takes 4 % of
a run of a million users."""

app = typer.Typer(
    name="segmentry",
    help="From raw ad logs to user segments that a marketer can act on and a statistician can "
    "defend.",
    add_completion=False,
    rich_markup_mode=None,
)
data_app = typer.Typer(help="Generate, prepare and check data.")
app.add_typer(data_app, name="data")
app.command("compare-algorithms")(compare_algorithms)
app.add_typer(plan_app, name="plan")
app.add_typer(analyse_app, name="analyse")
app.add_typer(export_app, name="export")
app.command()(dashboard)
app.command()(embed)

DataDir = Annotated[
    Path | None, typer.Argument(help="Folder that holds the files.", metavar="[DATA_DIR]")
]
Mapping = Annotated[
    Path | None,
    typer.Option(help="TOML file that says what is what in any data.", metavar="FILE.toml"),
]
Engine = Annotated[str | None, typer.Option(help="duckdb, which reads the files.")]
Recipe = Annotated[str | None, typer.Option(help="default, classic, rfm or table.")]
Algorithm = Annotated[
    str | None, typer.Option(help="kmeans (default), minibatch, bisecting, latent or cells.")
]
K = Annotated[int | None, typer.Option(help="Number of segments; chosen if absent.")]
KRange = Annotated[str | None, typer.Option(help="Numbers to try, as 2:10.")]
KMin = Annotated[
    int | None,
    typer.Option(help="Least number of segments, even where the evidence says one (1)."),
]
Bootstraps = Annotated[
    int | None, typer.Option(help="How often all is repeated on resampled users (50).")
]
Forming = Annotated[str | None, typer.Option(help="Features that form segments, comma separated.")]
Excluded = Annotated[
    str | None, typer.Option(help="Features that must not form segments, comma separated.")
]
Weights = Annotated[
    str | None, typer.Option(help="Weights of features in the distance, as ctr_shrunk=1,n_ads=2.")
]
Fill = Annotated[
    str | None,
    typer.Option(
        help="What stands in for a missing value: zero, median, mode, own level or none; for all "
        "or by feature, as age_level=mode,n_ads=zero."
    ),
]
Transforms = Annotated[
    str | None, typer.Option(help="none, log1p or logit; for all or by feature, as n_ads=none.")
]
Clip = Annotated[
    str | None,
    typer.Option(
        help="Quantiles to pull extremes in to, 0.01:0.99, or none; for all or by feature."
    ),
]
Scale = Annotated[
    str | None,
    typer.Option(
        help="robust (default), standard, quantile or none; for all or by feature, as n_ads=none."
    ),
]
ExactSilhouette = Annotated[
    bool,
    typer.Option("--exact-silhouette", help="Measure the silhouette of all users, not a sample's."),
]
Seed = Annotated[int | None, typer.Option(help="Seed of every random step (0).")]
MinShare = Annotated[
    float | None, typer.Option(help="Smallest share of users in a segment (0.01).")
]
MinSize = Annotated[
    int | None, typer.Option(help="Fewest users on whom a figure is shown (50); 1 shows all.")
]
Mute = Annotated[str | None, typer.Option(help="Insights not to be told, as SEG-004,SEG-010.")]
ExemplarIds = Annotated[
    bool, typer.Option("--exemplar-ids", help="Give the ids of the users that are shown.")
]
Names = Annotated[
    Path | None, typer.Option(help="Names of segments, a file as names.toml.", metavar="FILE.toml")
]
NamesOrRun = Annotated[
    Path | None,
    typer.Option(
        help="Names of segments: a file as names.toml, or an earlier run whose names are kept.",
        metavar="FILE|RUN_DIR",
    ),
]
Config = Annotated[
    Path | None, typer.Option(help="TOML file with these settings.", metavar="FILE.toml")
]
With = Annotated[
    str | None,
    typer.Option(
        "--with", help="More to read: behaviours, what users view, put in the cart and buy."
    ),
]
Since = Annotated[
    str | None, typer.Option(help="Start of the window: local date, time, or epoch seconds.")
]
Until = Annotated[str | None, typer.Option(help="End of the window, not included.")]
Sample = Annotated[float | None, typer.Option(help="Share of the users, by hash of the id.")]
Memory = Annotated[
    str | None,
    typer.Option(help='What the whole process may take, as "2GB" (half of the machine).'),
]
Temp = Annotated[str | None, typer.Option(help="Folder for temporary files.", metavar="DIR")]
Duplicates = Annotated[
    str | None,
    typer.Option(help="Equal rows of the behaviour log: collapse (default) or count."),
]
Strict = Annotated[bool, typer.Option("--strict", help="Make any rejected row an error.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"segmentry {__version__}")
        raise typer.Exit


def _show_help_if_alone(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    del version
    _show_help_if_alone(context)


@data_app.callback(invoke_without_command=True)
def _data_root(context: typer.Context) -> None:
    _show_help_if_alone(context)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder to make, with data and a run.")] = Path("demo"),
    users: Annotated[int, typer.Option(help="Users to generate.")] = 20_000,
    seed: Annotated[
        int, typer.Option(min=0, max=LARGEST_SEED, help="Seed of the data and the run.")
    ] = 0,
    json: Json = False,
) -> None:
    """Generate a small Taobao-shaped log, segment its users, and write a report."""
    from segmentry.cli import _run

    _run.demo(out, n_users=users, seed=seed, is_json=json)


app.command("init")(init)


@app.command()
def run(
    data_dir: DataDir = None,
    mapping: Mapping = None,
    out: Annotated[Path, typer.Option(help="Run folder to make.", metavar="RUN_DIR")] = Path("run"),
    from_run: Annotated[
        Path | None,
        typer.Option("--from", help="Reuse the user table of this run.", metavar="RUN_DIR"),
    ] = None,
    engine: Engine = None,
    recipe: Recipe = None,
    algorithm: Algorithm = None,
    k: K = None,
    k_range: KRange = None,
    k_min: KMin = None,
    bootstraps: Bootstraps = None,
    with_: With = None,
    features: Forming = None,
    exclude: Excluded = None,
    weights: Weights = None,
    fill: Fill = None,
    transforms: Transforms = None,
    clip: Clip = None,
    scale: Scale = None,
    since: Since = None,
    until: Until = None,
    sample: Sample = None,
    min_share: MinShare = None,
    exact_silhouette: ExactSilhouette = False,
    min_size: MinSize = None,
    mute: Mute = None,
    exemplar_ids: ExemplarIds = False,
    names: NamesOrRun = None,
    seed: Seed = None,
    memory: Memory = None,
    temp: Temp = None,
    duplicates: Duplicates = None,
    strict: Strict = False,
    config: Config = None,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Segment the users of a log and write a run folder with a report."""
    from segmentry.cli import _run

    options: dict[str, object] = {"engine": engine, "recipe": recipe, "algorithm": algorithm}
    options |= {"k": k, "k_range": k_range, "k_min": k_min, "bootstraps": bootstraps}
    options |= {"with": _names(with_), "features": _names(features), "exclude": _names(exclude)}
    options |= {"weights": weights, "fill": fill, "transforms": transforms, "clip": clip}
    options |= {"since": since, "until": until, "sample": sample, "min_share": min_share}
    options |= {"scale": scale, "exact_silhouette": exact_silhouette or None, "min_size": min_size}
    options |= {"mute": _names(mute), "exemplar_ids": exemplar_ids or None, "seed": seed}
    options |= {"memory": memory, "temp": temp, "duplicates": duplicates, "strict": strict or None}
    places = {"mapping": mapping, "from_run": from_run, "names": names, "config": config}
    _run.run(data_dir, out, overwrite=overwrite, is_json=json, options=options, **places)


@app.command()
def score(
    run_dir: Annotated[Path, typer.Argument(help="A run folder.", metavar="RUN_DIR")],
    data_dir: DataDir = None,
    mapping: Mapping = None,
    out: Annotated[
        Path, typer.Option(help="File to write: .parquet or .csv.", metavar="FILE")
    ] = Path("scores.parquet"),
    engine: Engine = None,
    since: Since = None,
    until: Until = None,
    sample: Sample = None,
    memory: Memory = None,
    temp: Temp = None,
    duplicates: Duplicates = None,
    strict: Strict = False,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Put the users of new data into the segments of a run."""
    from segmentry.cli import _score

    options = {"engine": engine, "since": since, "until": until, "sample": sample}
    options |= {"memory": memory, "temp": temp, "duplicates": duplicates, "strict": strict or None}
    _score.score(
        run_dir,
        data_dir,
        out,
        mapping=mapping,
        overwrite=overwrite,
        is_json=json,
        options=options,
    )


@app.command()
def report(
    run_dir: Annotated[Path, typer.Argument(help="A run folder.", metavar="RUN_DIR")],
    names: Names = None,
) -> None:
    """Write figures and report of a run again, with the names in its names.toml."""
    from segmentry.cli import _run

    _run.report(run_dir, names=names)


@data_app.command("generate")
def data_generate(
    directory: Annotated[Path, typer.Argument(help="Folder to make.", metavar="DIR")],
    users: Annotated[int, typer.Option(help="Users of the log.")] = 20_000,
    seed: Annotated[int, typer.Option(help="Seed.")] = 0,
    null: Annotated[bool, typer.Option("--null", help="Every user has the same true CTR.")] = False,
    behaviours: Annotated[
        bool, typer.Option("--behaviours", help="Write the behaviour log too.")
    ] = False,
    behaviours_per_user: Annotated[
        float | None, typer.Option(help="Rows of the behaviour log per user.")
    ] = None,
    fatigue: Annotated[
        float, typer.Option(help="How fast the true CTR falls with exposure.")
    ] = 0.0,
    drift: Annotated[
        float, typer.Option(help="Day-to-day spread of the level, on the logit scale.")
    ] = 0.0,
    tastes: Annotated[float, typer.Option(help="Strength of planted category tastes.")] = 0.0,
    reaction: Annotated[
        float, typer.Option(help="How much sooner the next ad comes after a click, 0 to 0.95.")
    ] = 0.0,
    json: Json = False,
) -> None:
    """Write Taobao-shaped files with a planted truth in a file of its own."""
    from segmentry.cli import _data

    _data.generate(
        directory,
        is_json=json,
        options={
            "n_users": users,
            "seed": seed,
            "null": null,
            "behaviours": behaviours,
            "behaviour_rows_per_user": behaviours_per_user,
            "fatigue": fatigue,
            "drift": drift,
            "tastes": tastes,
            "reaction": reaction,
        },
    )


@data_app.command("prepare")
def data_prepare(
    data_dir: DataDir = None,
    mapping: Mapping = None,
    out: Annotated[Path, typer.Option(help="Prepared folder to make.", metavar="DIR")] = Path(
        "prepared"
    ),
    duplicates: Duplicates = None,
    memory: Memory = None,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Turn the files once into compact Parquet that run, score and check read much faster.

    Interrupted, it goes on where it stopped when it is called again; files that have changed
    meanwhile are noticed by their content.
    """
    from segmentry.cli import _data

    options = {"memory": memory, "duplicates": duplicates}
    _data.prepare(
        data_dir, out, mapping=mapping, overwrite=overwrite, is_json=json, options=options
    )


@data_app.command("check")
def data_check(
    data_dir: DataDir = None,
    mapping: Mapping = None,
    engine: Engine = None,
    with_: With = None,
    since: Since = None,
    until: Until = None,
    sample: Sample = None,
    memory: Memory = None,
    temp: Temp = None,
    duplicates: Duplicates = None,
    strict: Strict = False,
    json: Json = False,
) -> None:
    """Print a data-quality report; nothing is written."""
    from segmentry.cli import _data

    options: dict[str, object] = {"with": _names(with_), "engine": engine, "since": since}
    options |= {"until": until, "sample": sample, "memory": memory, "temp": temp}
    options |= {"duplicates": duplicates, "strict": strict or None}
    _data.check(data_dir, mapping=mapping, is_json=json, options=options)


def _names(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    return tuple(name.strip() for name in text.split(",") if name.strip())


def main() -> None:
    """Run the command line; exit 0 done, 2 the user can mend it, 1 our bug."""
    is_json = "--json" in sys.argv[1:]
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    share_freed_memory()
    with _caught_signals() as caught:
        try:
            code = app(prog_name="segmentry", standalone_mode=False)
        except BaseException as error:
            # DuckDB makes a RuntimeError of the interrupt, and a library in Rust may panic.
            if not caught:
                _explain(error, is_json=is_json)
                raise
        if caught:
            _tell("interrupted; nothing half-written is left", is_json=is_json)
            # DuckDB, stopped in a query, would list what it leaked on stderr; all else is done.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(2)
    sys.exit(code or 0)


@contextlib.contextmanager
def _caught_signals() -> Iterator[list[int]]:
    """Make the first SIGINT or SIGTERM an interrupt, and leave the clean-up after it alone.

    Between two steps of Python's import it waits: an exception there can leave the lock of all
    imports taken, and whoever waits for a thread that imports then waits for ever.
    """
    caught: list[int] = []

    def interrupt(number: int, at: FrameType | None) -> None:
        if not caught and at is not None and at.f_code.co_filename.startswith(_IMPORT):
            again = threading.Timer(_SECONDS_TO_IMPORT, os.kill, (os.getpid(), number))
            again.daemon = True
            again.start()
            return
        caught.append(number)
        if len(caught) == 1:
            raise KeyboardInterrupt

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _explain(error: BaseException, *, is_json: bool) -> None:
    """Exit with one line if the user can mend it; return if it is our bug."""
    if isinstance(error, SegmentryError):
        _fail(str(error), is_json=is_json)
    if isinstance(error, typer.TyperException):
        _fail(f"{error.format_message().rstrip('.')}; see --help", is_json=is_json)
    if isinstance(error, BrokenPipeError):
        # Whoever read our output has closed it; there is nobody left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(2)
    if isinstance(error, OSError) and error.filename and error.errno in _OF_A_PATH:
        _fail(f"{error.filename}: {error.strerror}; give another path", is_json=is_json)


def _fail(message: str, *, is_json: bool) -> NoReturn:
    _tell(message, is_json=is_json)
    sys.exit(2)


def _tell(message: str, *, is_json: bool) -> None:
    """Print one line, for people on stderr, for machines on stdout."""
    one_line = " ".join(message.split())
    if is_json:
        import json

        typer.echo(json.dumps({"error": one_line}, ensure_ascii=False))
    else:
        typer.echo(f"segmentry: {one_line}", err=True)
