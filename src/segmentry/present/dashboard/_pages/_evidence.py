"""Why this number of segments, and whether they can be trusted."""

from html import escape

from segmentry.present.dashboard._runs import Run
from segmentry.present.dashboard._show import (
    beside,
    facts,
    figure,
    heading,
    listed,
    notice,
    put,
    table,
    words,
)


def show_why(run: Run) -> None:
    """Draw the evidence for the number of segments."""
    page = run.page
    n = len(page.cards)
    heading(f"Why {n} {'segment' if n == 1 else 'segments'}", page.selection_reason)
    put(f'<p class="rule"><b>The rule.</b> {escape(page.selection_rule)}</p>')
    if page.why is not None:
        heading("Are there groups?", page.why.groups, level=2)
        heading("Is a division useful?", page.why.gain, level=2)
        if page.why.figure is not None:
            figure(run, page.why.figure)
        table(page.why.table)
        listed(page.why.notes)
        heading("What the scores say", "They had no part in the choice.", level=2)
    words("K", "Inertia", "Knee", "Silhouette", "Caliński–Harabasz, Davies–Bouldin")
    beside(run, page.evidence)
    if page.blades is None:
        notice("Silhouettes of single users are not there: one segment, or a run of before.")
    else:
        figure(run, page.blades)
    table(page.candidates)


def show_trust(run: Run) -> None:
    """Draw what later days say of the segments."""
    truth = run.page.truth
    heading("Can I trust these segments?", truth.lead)
    words("Outcome window, later days", "Confirmed", "Survival", "Kept gain", "Not validated")
    if truth.windows:
        facts(truth.windows)
    listed(truth.notes)
    if truth.figure is None:
        notice("No later day was checked in this run, so no verdict is given.")
    else:
        figure(run, truth.figure)
    table(*truth.verdicts)
    if truth.kept:
        heading("How much the segments keep of what users’ own clicks tell", truth.kept, level=2)
        facts(truth.kept_facts)
        if truth.kept_table is not None:
            table(truth.kept_table)
    _show_days(run)
    _show_presence(run)
    if run.page.stability is None:
        heading("Do they come back?", "Not known: nothing was repeated in this run.", level=2)
    else:
        heading("Do they come back?", run.page.stability.lead, level=2)
        figure(run, run.page.stability.figure)
    if truth.events:
        heading("What became of them when all days were taken", level=2)
        listed(truth.events)
    if truth.caveats:
        heading("What this check could not do", level=2)
        listed(truth.caveats)


def _show_days(run: Run) -> None:
    """Show the click rate of all users by day, or say why it is not there."""
    truth = run.page.truth
    if not truth.days_lead and truth.days is None:
        told = "Not known: this run did not measure the click rate of two days or more."
        heading("What moved from day to day", told, level=2)
        return
    heading("What moved from day to day", truth.days_lead, level=2)
    if truth.days is not None:
        table(truth.days)


def _show_presence(run: Run) -> None:
    """Show the users who were shown ads again beside those who were not, or say why not."""
    presence = run.page.presence
    if presence is None:
        told = "Not known: this run did not look for its users on later days."
        heading("Who came back", told, level=2)
        return
    heading("Who came back", level=2)
    listed(presence.notes)
    table(presence.table)
    if presence.features is None:
        notice(
            "How absent users differ by their features is not known: nobody was absent, nobody "
            "came back, or the run was made before this was measured."
        )
    else:
        table(presence.features)
