"""From a summary to one HTML file."""

from collections.abc import Mapping

from segmentry.evaluation.algorithms import AlgorithmComparison
from segmentry.present.report._parts import environment
from segmentry.results.summary import Summary


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
    page = environment().get_template("page.html")
    return page.render(summary=summary, figures=figures, comparison=comparison, is_whole=True)
