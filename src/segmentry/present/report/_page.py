"""From a summary to one HTML file."""

from collections.abc import Mapping

from segmentry.evaluation.algorithms import AlgorithmComparison
from segmentry.present import figures as plots
from segmentry.present.report._cards import make_cards, make_headline, make_rates_note
from segmentry.present.report._comparison import make_comparison
from segmentry.present.report._conversions import make_conversions
from segmentry.present.report._evidence import make_stability, make_why
from segmentry.present.report._executive import make_executive
from segmentry.present.report._glossary import glossary_of
from segmentry.present.report._latent import make_latent
from segmentry.present.report._log import make_log_view
from segmentry.present.report._maps import make_maps, make_turn
from segmentry.present.report._parts import environment
from segmentry.present.report._presence import make_presence
from segmentry.present.report._segment_pages import make_segment_pages
from segmentry.present.report._tables import (
    account_tables,
    blade_table,
    candidate_table,
    difference_table,
    feature_tables,
    level_tables,
    numeric_tables,
    quartile_table,
    rate_table,
    score_table,
    size_table,
)
from segmentry.present.report._truth import make_truth
from segmentry.present.report._views import Fact, Figure, Page
from segmentry.results.summary import Summary

_FIGURE_SCOPE = ".figure"


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
    return (
        environment().get_template("page.html").render(page=make_page(summary, figures, comparison))
    )


def make_page(
    summary: Summary, figures: Mapping[str, str], comparison: AlgorithmComparison | None = None
) -> Page:
    """Return all that the report says, ready to print.

    Parameters
    ----------
    summary : Summary
        The run.
    figures : mapping of str to str
        SVG by name.
    comparison : AlgorithmComparison, optional
    """
    headline = make_headline(summary)
    return Page(
        title=f"{headline.kicker} – segmentry",
        headline=headline,
        executive=make_executive(summary),
        segment_pages=make_segment_pages(summary),
        tested=_tested(summary),
        not_evaluated=_not_evaluated(summary),
        cards=make_cards(summary),
        rates_note=make_rates_note(summary),
        truth=make_truth(summary, figures),
        overview=_overview(summary, figures),
        evidence=_evidence(summary, figures),
        blades=_blades(summary, figures),
        distributions=_distributions(summary, figures),
        selection_rule=summary.selection.rule,
        selection_reason=summary.selection.reason,
        candidates=candidate_table(summary),
        latent=make_latent(summary),
        why=make_why(summary, figures),
        stability=make_stability(summary, figures),
        presence=make_presence(summary),
        comparison=make_comparison(comparison),
        heatmap=Figure(
            name="profile_heatmap",
            heading="Differences at a glance",
            caption=plots.caption_profile_heatmap(summary),
            svg=figures.get("profile_heatmap", ""),
            tables=(difference_table(summary),),
        ),
        numeric_tables=numeric_tables(summary),
        level_tables=level_tables(summary),
        log=make_log_view(summary, figures) if _can_be_described(summary) else None,
        conversions=make_conversions(summary, figures),
        maps=make_maps(summary, figures),
        turn=make_turn(summary),
        data_tables=account_tables(summary),
        method=summary.method,
        feature_tables=feature_tables(summary),
        glossary=glossary_of(summary.traits),
        command=summary.repeat.command,
        repeat=(
            Fact("recipe", summary.repeat.recipe, ""),
            Fact("seed", str(summary.repeat.seed), ""),
            Fact("segmentry", summary.repeat.segmentry_version, ""),
        ),
        dark_css=plots.dark_figure_css(_FIGURE_SCOPE),
    )


def _tested(summary: Summary) -> str:
    """Say what differences are tested at all."""
    if not summary.traits.has_log:
        return "tested is only what did not form the segments"
    events = summary.traits.events
    return f"tested is only what neither formed the segments nor was counted from the same {events}"


def _can_be_described(summary: Summary) -> bool:
    """Tell whether such data can say what segments were shown and clicked, and when."""
    return summary.traits.has_clicks and summary.traits.has_time


def _not_evaluated(summary: Summary) -> tuple[str, ...]:
    """Say which insights were not looked for, and why."""
    decisions = summary.decisions
    if decisions is None:
        return ()
    muted = [f"{code}: muted on request." for code in decisions.muted]
    return (*(f"{e.code} {e.title}: {e.reason}." for e in decisions.not_evaluated), *muted)


def _overview(summary: Summary, figures: Mapping[str, str]) -> tuple[Figure, ...]:
    sizes = Figure(
        name="sizes",
        heading="How large they are",
        caption=plots.caption_sizes(summary),
        svg=figures.get("sizes", ""),
        tables=(size_table(summary),),
    )
    if not summary.traits.has_clicks:
        return (sizes,)
    return (
        sizes,
        Figure(
            name="ctr_by_segment",
            heading="How they clicked",
            caption=plots.caption_ctr_by_segment(summary),
            svg=figures.get("ctr_by_segment", ""),
            tables=(rate_table(summary),),
        ),
    )


def _evidence(summary: Summary, figures: Mapping[str, str]) -> tuple[Figure, ...]:
    return (
        Figure(
            name="elbow",
            heading="Elbow",
            caption=plots.caption_elbow(summary),
            svg=figures.get("elbow", ""),
            tables=(score_table(summary, column="inertia"),),
        ),
        Figure(
            name="silhouette_by_k",
            heading="Silhouette",
            caption=plots.caption_silhouette_by_k(summary),
            svg=figures.get("silhouette_by_k", ""),
            tables=(score_table(summary, column="silhouette"),),
        ),
    )


def _blades(summary: Summary, figures: Mapping[str, str]) -> Figure | None:
    if summary.pictures is None or not summary.pictures.blades:
        return None
    return Figure(
        name="silhouette_blades",
        heading="How many users fit their segment",
        caption=plots.caption_silhouette_blades(summary),
        svg=figures.get("silhouette_blades", ""),
        tables=(blade_table(summary),),
    )


def _distributions(summary: Summary, figures: Mapping[str, str]) -> Figure | None:
    if not plots.distribution_names(summary):
        return None
    return Figure(
        name="distributions",
        heading="How the values spread",
        caption=plots.caption_distributions(summary),
        svg=figures.get("distributions", ""),
        tables=(quartile_table(summary, plots.distribution_names(summary)[:4]),),
    )
