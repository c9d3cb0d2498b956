"""Why this number of segments, and whether they can be trusted."""

from html import escape

from segmentry.present import figures as plots
from segmentry.present.dashboard._runs import Run
from segmentry.present.dashboard._show import (
    figure,
    heading,
    listed,
    notice,
    of_report,
    put,
    side_by_side,
    table,
    words,
)
from segmentry.present.report import candidate_table


def show_why(run: Run) -> None:
    """Draw the evidence for the number of segments."""
    summary, n = run.summary, len(run.summary.segments)
    heading(f"Why {n} {'segment' if n == 1 else 'segments'}", summary.selection.reason)
    put(f'<p class="rule"><b>The rule.</b> {escape(summary.selection.rule)}</p>')
    if summary.evidence is not None:
        heading("Natural groups", level=2)
        of_report(run, "groups")
        heading("Use of a division", level=2)
        of_report(run, "gain")
        of_report(run, "by_number")
        heading("Scores", "They had no part in the choice.", level=2)
    words("K", "Inertia", "Knee", "Silhouette", "Caliński–Harabasz, Davies–Bouldin")
    side_by_side(run, ("elbow", "silhouette_by_k"))
    if summary.pictures is None or not summary.pictures.blades:
        notice("With one segment there is no silhouette to show.")
    else:
        figure(run, "silhouette_blades")
    table(run, candidate_table(summary))


def show_trust(run: Run) -> None:
    """Draw what later days say of the segments."""
    summary, validation = run.summary, run.summary.validation
    heading("How sure are we")
    of_report(run, "later_days")
    words("Outcome window, later days", "Confirmed", "Survival", "Predictive share", "Not checked")
    of_report(run, "windows")
    if plots.was_checked(summary):
        of_report(run, "verdicts")
        heading("What knowing only the segment is worth", level=2)
        of_report(run, "kept")
    else:
        notice("No later day was checked in this run, so no verdict is given.")
    heading("Good and bad days", level=2)
    if validation is None or validation.levels is None or validation.levels.sd is None:
        notice("Not known: the log has fewer than two days of clicks.")
    else:
        of_report(run, "days")
    _show_retention(run)
    heading("Stability on other users", level=2)
    if plots.FIGURES["stability"].needs(summary):
        of_report(run, "stability")
    else:
        notice("Not known: this run did not repeat its segmentation.")
    if validation is not None and validation.refit_events:
        heading("With the later days added", level=2)
        listed(validation.refit_events)
    if validation is not None and validation.caveats:
        heading("What this check could not do", level=2)
        listed(validation.caveats)


def _show_retention(run: Run) -> None:
    """Show the users who were shown ads again next to those who were not, or say why not."""
    heading("Returning users", level=2)
    retention = run.summary.retention
    if retention is None or not plots.was_checked(run.summary):
        notice("Not known: this run was not checked on later days.")
        return
    of_report(run, "retention")
    if not any(row.features for row in retention.segments):
        notice(
            "How absent users differ is not known: all came back, none did, or this run did not "
            "measure it."
        )
