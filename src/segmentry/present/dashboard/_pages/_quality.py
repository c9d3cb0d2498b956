"""Data quality: where the rows went, what was checked, how the run came about."""

from functools import partial

from segmentry.errors import BundleError
from segmentry.formats import count, decimal
from segmentry.present.dashboard._runs import Run
from segmentry.present.dashboard._show import copyable, heading, listed, notice, table, together
from segmentry.present.report import account_tables, feature_tables
from segmentry.present.tables import Column, Row, Table, record_rows
from segmentry.results.run_folder import read_manifest


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
        manifest = read_manifest(run.folder)
    except BundleError as error:
        notice(f"The record of the run cannot be read: {error}")
        return
    steps = (
        Column("step", "step"),
        Column("seconds", "seconds", partial(decimal, digits=1)),
        Column("peak_memory_mb", "peak memory, MB", count),
    )
    versions = (Column("library", "library"), Column("version", "version"))
    inputs = (
        Column("path", "file"),
        Column("n_bytes", "bytes", count),
        Column("content", "SHA-256 begins with"),
    )
    table(
        run,
        Table("steps", "Steps", steps, record_rows(manifest.steps, steps)),
        Table("versions", "Versions", versions, tuple(map(Row, manifest.versions.items()))),
        Table("inputs", "Input files", inputs, record_rows(manifest.inputs, inputs)),
    )
