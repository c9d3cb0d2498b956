"""From a summary to one HTML file, and to all tables in it."""

from collections.abc import Iterator, Mapping
from itertools import chain

from segmentry.evaluation.algorithms import AlgorithmComparison
from segmentry.present.card import Card, card_of
from segmentry.present.drawing import fit_for_xml
from segmentry.present.figures import FIGURES, curve_table
from segmentry.present.first_screen import first_screen
from segmentry.present.report import _conversions, _later_days, _log, _retention, _tables
from segmentry.present.report._evidence import number_table
from segmentry.present.report._parts import environment
from segmentry.present.tables import Table
from segmentry.results.summary import Summary
from segmentry.results.two_runs import RunComparison
from segmentry.runtime.web import hash_of


def render_report(
    summary: Summary, *, figures: Mapping[str, str], comparison: AlgorithmComparison | None = None
) -> str:
    """Return the report of a run as one HTML file that needs no network.

    Parameters
    ----------
    summary : Summary
        The run.
    figures : mapping of str to str
        SVG by name, as `segmentry.present.figures.write_figures` returns them. A picture that is
        not there is left out; its tables stay.
    comparison : AlgorithmComparison, optional
        Algorithms side by side, where they were compared.

    Returns
    -------
    str
        HTML with its styles, pictures and script inside.

    Examples
    --------
    >>> page = render_report(summary, figures=write_figures(summary, figures_dir))  # doctest: +SKIP
    """
    screen = first_screen(summary)
    return _page(
        summary,
        title=screen.headline.rstrip("."),
        figures=figures,
        comparison=comparison,
        shown=[row.segment_id for row in screen.rows],
    )


def render_card_page(summary: Summary, segment_id: int) -> str:
    """Return the card of a segment as one HTML file that needs no network.

    Raises KeyError if the run has no such segment.
    """
    card = card_of(summary, segment_id)
    return _page(summary, title=f"{segment_id} {card.row.name}", card=card)


def render_compared_page(found: RunComparison, later: Summary) -> str:
    """Return two runs side by side as one HTML file that needs no network.

    `later` is the summary of the later run, whose segments follow on cards.
    """
    return _page(later, title=f"{found.earlier} and {found.later} side by side", compared=found)


def _page(
    summary: Summary,
    *,
    title: str,
    card: Card | None = None,
    compared: RunComparison | None = None,
    **more: object,
) -> str:
    pages = environment(summary.colours)
    script = pages.get_template("page.js").render()
    page = pages.get_template("page.html").render(
        summary=summary,
        title=title,
        card=card,
        compared=compared,
        is_report=card is None and compared is None,
        is_whole=True,
        script=script,
        script_hash=hash_of(script),
        **more,
    )
    return fit_for_xml(page)


def tables_of(summary: Summary) -> tuple[Table, ...]:
    """Return every table of a run, each once, but for those of single segments."""
    figures = (figure.tables(summary) for figure in FIGURES.values() if figure.needs(summary))
    found = [*chain(*figures), *(each for each in _more(summary) if each is not None)]
    return tuple({table.name: table for table in found if table.rows}.values())


def _more(summary: Summary) -> Iterator[Table | None]:
    """Return the tables that go with no figure."""
    validation, log, conversions = summary.validation, summary.log, summary.conversions
    yield from (_tables.candidate_table(summary), number_table(summary))
    everyone = (summary.population, *summary.segments)
    yield from (_tables.numeric_table(each, summary) for each in everyone)
    yield from _tables.level_tables(summary)
    yield from _tables.account_tables(summary)
    yield from _tables.feature_tables(summary)
    if validation is not None and not validation.reason:
        yield from (_later_days.later_rate_table(summary), _later_days.reason_table(summary))
        yield _later_days.nats_table(validation.kept_gain)
        yield from (_retention.retention_table(summary), _retention.absent_feature_table(summary))
    yield _tables.day_table(summary)
    if log is not None and not log.reason:
        yield from _log.affinity_tables(summary)
        yield None if log.held_out is None else _log.held_out_table(log.held_out)
        yield from (curve_table(summary, each) for each in log.curves if each.segment_id)
        yield from (_log.cap_table(summary, each) for each in log.curves if not each.segment_id)
    if conversions is not None:
        yield from (_conversions.added_table(conversions), _conversions.purchase_table(summary))
        yield from (_conversions.attribution_table(summary), _conversions.shop_table(summary))
