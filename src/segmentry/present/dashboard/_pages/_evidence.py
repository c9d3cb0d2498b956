"""Why this number of segments, and whether they can be trusted."""

from html import escape

from segmentry.present import figures as plots
from segmentry.present.dashboard._runs import Run
from segmentry.present.dashboard._show import (
    beside,
    figure,
    heading,
    listed,
    notice,
    of_report,
    put,
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
        heading("Are there groups?", level=2)
        of_report(run, "groups")
        heading("Is a division useful?", level=2)
        of_report(run, "gain")
        of_report(run, "by_number")
        heading("What the scores say", "They had no part in the choice.", level=2)
    words("K", "Inertia", "Knee", "Silhouette", "Caliński–Harabasz, Davies–Bouldin")
    beside(run, ("elbow", "silhouette_by_k"))
    if summary.pictures is None or not summary.pictures.blades:
        notice("With one segment there is no silhouette to show.")
    else:
        figure(run, "silhouette_blades")
    table(candidate_table(summary))


def show_trust(run: Run) -> None:
    """Draw what later days say of the segments."""
    summary, truth = run.summary, run.summary.truth
    heading("How sure are we")
    of_report(run, "later_days")
    words("Outcome window, later days", "Confirmed", "Survival", "Kept gain", "Not checked")
    of_report(run, "windows")
    if plots.was_checked(summary):
        of_report(run, "verdicts")
        heading("What knowing only the segment is worth", level=2)
        of_report(run, "kept")
    else:
        notice("No later day was checked in this run, so no verdict is given.")
    heading("Good and bad days", level=2)
    if truth is None or truth.levels is None or truth.levels.sd is None:
        notice("Not known: the log has fewer than two days of clicks.")
    else:
        of_report(run, "days")
    _show_presence(run)
    heading("Do the segments come back?", level=2)
    if plots.FIGURES["stability"].needs(summary):
        of_report(run, "stability")
    else:
        notice("Not known: this run did not repeat its segmentation.")
    if truth is not None and truth.refit_events:
        heading("With the later days added", level=2)
        listed(truth.refit_events)
    if truth is not None and truth.caveats:
        heading("What this check could not do", level=2)
        listed(truth.caveats)


def _show_presence(run: Run) -> None:
    """Show the users who were shown ads again beside those who were not, or say why not."""
    heading("Users who came back", level=2)
    presence = run.summary.presence
    if presence is None or not plots.was_checked(run.summary):
        notice("Not known: this run was not checked on later days.")
        return
    of_report(run, "presence")
    if not any(row.features for row in presence.segments):
        notice(
            "How absent users differ is not known: all came back, none did, or this run did not "
            "measure it."
        )
