"""Data quality: where the rows went, what was checked, how the run came about."""

from segmentry.errors import BundleError
from segmentry.formats import count, decimal
from segmentry.present.dashboard._runs import Run, manifest_of
from segmentry.present.dashboard._show import copyable, heading, listed, notice, table, together
from segmentry.present.report import Row, Table, account_tables, feature_tables


def show_quality(run: Run) -> None:
    """Draw the account of the data and the record of the run."""
    with together():
        heading(
            "Data quality",
            "Nothing is lost silently: every row that was read is used, rejected for a reason, "
            "or left out because it was asked for.",
        )
        table(*account_tables(run.summary))
        heading("Method in plain words", level=2)
        listed(run.summary.method)
        table(*feature_tables(run.summary))
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
    steps = tuple(
        Row(s.step, (decimal(s.seconds, digits=1), count(s.peak_memory_mb))) for s in manifest.steps
    )
    versions = tuple(Row(name, (version,)) for name, version in manifest.versions.items())
    inputs = tuple(
        Row(each.path, (count(each.n_bytes), each.sha256[:16])) for each in manifest.inputs
    )
    table(
        Table("Steps", ("step", "seconds", "peak memory, MB"), steps),
        Table("Versions", ("library", "version"), versions),
        Table("Input files", ("file", "bytes", "SHA-256 begins with"), inputs),
    )
