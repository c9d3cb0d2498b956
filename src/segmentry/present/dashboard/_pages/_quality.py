"""Data quality: where the rows went, what was checked, how the run came about."""

from functools import partial

from segmentry.errors import BundleError
from segmentry.formats import count, decimal
from segmentry.present.dashboard._runs import Run, manifest_of
from segmentry.present.dashboard._show import copyable, heading, listed, notice, table, together
from segmentry.present.report import account_tables, feature_tables
from segmentry.present.tables import Column, Row, Table


def show_quality(run: Run) -> None:
    """Draw the account of the data and the record of the run."""
    with together():
        heading(
            "Data and method",
            "Nothing is lost silently: every row that was read is used, rejected for a reason, "
            "or left out because it was requested.",
        )
        table(run, *account_tables(run.summary))
        heading("Method in plain words", level=2)
        listed(run.summary.method)
        table(run, *feature_tables(run.summary))
        heading("How the run came about", level=2)
        copyable(run.summary.repeat.command)
        _record(run)


def _record(run: Run) -> None:
    """Say what each step took, with what and of what."""
    try:
        manifest = manifest_of(run)
    except BundleError as error:
        notice(f"The record of the run cannot be read: {error}")
        return
    steps = tuple(Row((s.step, s.seconds, s.peak_memory_mb)) for s in manifest.steps)
    versions = tuple(map(Row, manifest.versions.items()))
    inputs = tuple(Row((each.path, each.n_bytes, each.content)) for each in manifest.inputs)
    tenths = partial(decimal, digits=1)
    table(
        run,
        Table(
            "steps",
            "Steps",
            (
                Column("step", "step"),
                Column("seconds", "seconds", tenths),
                Column("peak_memory_mb", "peak memory, MB", count),
            ),
            steps,
        ),
        Table(
            "versions",
            "Versions",
            (Column("library", "library"), Column("version", "version")),
            versions,
        ),
        Table(
            "inputs",
            "Input files",
            (
                Column("file", "file"),
                Column("n_bytes", "bytes", count),
                Column("sha256", "SHA-256 begins with"),
            ),
            inputs,
        ),
    )
