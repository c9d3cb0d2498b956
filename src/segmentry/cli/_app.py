"""All commands by name; what they do is imported when one is called."""

import codecs
import contextlib
import errno
import gc
import io
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Annotated, NoReturn

import typer

from segmentry.cli import _dashboard, _data, _export, _plan, _refresh, _run
from segmentry.cli._options import listed_only, takes_written_numbers
from segmentry.errors import ConfigError, SegmentryError
from segmentry.runtime.memory import share_freed_memory
from segmentry.runtime.preload import without_grammars
from segmentry.runtime.version import __version__

_OF_A_PATH = {errno.ENAMETOOLONG, errno.EACCES, errno.EPERM, errno.EROFS, errno.ELOOP}
"""What is wrong with a path that somebody gave, whoever looks at it first."""

_OF_AN_OUTPUT = {errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
"""What is wrong with an output that was opened by whoever called us."""
_PLAIN = {
    **dict.fromkeys("\u00a0\u2009\u202f", " "),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"),
    **dict.fromkeys("\u2018\u2019", "'"),
    **dict.fromkeys("\u201c\u201d", '"'),
    "\u2026": "...",
    "\u00d7": "x",
    "\u2192": "->",
    "\u2264": "<=",
    "\u2265": ">=",
}
_NO_TEXT = re.compile("[\ud800-\udfff]")
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


def _show_help_if_alone(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)


def _group(name: str, text: str, **commands: Callable[..., None]) -> None:
    """Add commands under a name of their own."""
    group = typer.Typer(help=text, callback=_show_help_if_alone, invoke_without_command=True)
    for word, command in commands.items():
        group.command(word)(takes_written_numbers(command))
    app.add_typer(group, name=name)


# In the order in which they are needed; the help lists them so.
for _command in (
    _run.demo,
    _run.init,
    _run.run,
    _dashboard.dashboard,
    _run.card,
    _run.report,
    _run.score,
    _refresh.refresh,
    _refresh.compare,
    _dashboard.serve,
    _dashboard.embed,
):
    app.command()(takes_written_numbers(_command))
app.command("compare-algorithms")(takes_written_numbers(_dashboard.compare_algorithms))
_group(
    "data",
    "Check, prepare, carry on, forget and generate data.",
    check=_data.check,
    prepare=_data.prepare,
    add=_data.add,
    forget=_data.forget,
    generate=_data.generate,
)
_group("plan", "Plan a budget or an A/B test.", budget=_plan.budget, test=_plan.plan_test)
_group("analyse", "Analyse the result of a test.", test=_plan.analyse_test)
_group(
    "export",
    "Hand segments on to other tools.",
    powerbi=_export.powerbi,
    excel=_export.excel,
    audience=_export.audience,
    sql=_export.sql,
)


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"segmentry {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    del version
    _show_help_if_alone(context)


def main() -> None:
    """Run the command line; exit 0 done, 2 the user can fix it, 1 our bug.

    A refresh that changed something exits 10, one that a person should look at 11.
    """
    is_json = "--json" in sys.argv[1:]
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    share_freed_memory()
    without_grammars()
    _write_what_the_output_can_hold()
    with _caught_signals() as caught, listed_only(sys.argv[1:]):
        try:
            _refuse_what_is_no_text(sys.argv[1:])
            code = app(prog_name="segmentry", standalone_mode=False)
            sys.stdout.flush()
        except BaseException as error:
            # DuckDB makes a RuntimeError of the interrupt, and a library in Rust may panic.
            if not caught:
                _explain(error, is_json=is_json)
                raise
        if caught:
            _print_message("interrupted; nothing half-written is left", is_json=is_json)
            # DuckDB, stopped in a query, would list what it leaked on stderr; all else is done.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(2)
    sys.exit(code or 0)


def _refuse_what_is_no_text(words: Sequence[str]) -> None:
    """Refuse bytes that Python cannot decode: the engines take paths and texts in UTF-8 alone."""
    for word in words:
        if _NO_TEXT.search(word):
            raise ConfigError(f"{word}: not UTF-8 text; rename the file or folder, or write it so")


def _write_what_the_output_can_hold() -> None:
    """Write plain characters for those that a terminal or file in another encoding cannot hold."""
    codecs.register_error("segmentry", _in_plain_characters)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed, as by ``>&-``
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115  # until the end
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="segmentry")


def _in_plain_characters(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    found = error.object[error.start : error.end]
    return "".join(_PLAIN.get(each, "?") for each in found), error.end


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
    """Exit with one line if the user can fix it; return if it is our bug."""
    if isinstance(error, SegmentryError):
        _fail(str(error), is_json=is_json)
    if isinstance(error, typer.TyperException):
        text = error.format_message().rstrip(".").replace(": Value error, ", ": ")
        _fail(f"{text}; see --help", is_json=is_json)
    if isinstance(error, OSError) and error.errno in _OF_AN_OUTPUT and not error.filename:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):  # who read our output has closed it
            sys.exit(2)
        _fail(f"standard output: {error.strerror}; write it elsewhere", is_json=False)
    if isinstance(error, OSError) and error.filename and error.errno in _OF_A_PATH:
        _fail(f"{error.filename}: {error.strerror}; give another path", is_json=is_json)


def _fail(message: str, *, is_json: bool) -> NoReturn:
    _print_message(message, is_json=is_json)
    sys.exit(2)


def _print_message(message: str, *, is_json: bool) -> None:
    """Print one line, for people on stderr, for machines on stdout."""
    one_line = " ".join(message.split())
    if is_json:
        import json

        with contextlib.suppress(OSError):  # then it is on stderr alone
            typer.echo(json.dumps({"error": one_line}, ensure_ascii=False))
            return
    typer.echo(f"segmentry: {one_line}", err=True)
