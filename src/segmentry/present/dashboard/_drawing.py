"""What pages draw for what a reader asks: drawn once for each answer, the last of them kept."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import TYPE_CHECKING

from segmentry.present import figures as plots
from segmentry.present.dashboard._runs import Run

if TYPE_CHECKING:
    import altair as alt


_MOST = 96
"""Of 5 to 110 kB each: at most 10 MB."""
_KEPT: OrderedDict[Hashable, str] = OrderedDict()
_LOCK = Lock()


def drawn(
    run: Run, *key: Hashable, chart: "Callable[[], alt.Chart | alt.LayerChart | alt.HConcatChart]"
) -> str:
    """Return a chart of a run as SVG without its drawn title.

    Parameters
    ----------
    run : Run
    *key : hashable
        All that the chart depends on beside the run: its name and what the reader asked for.
    chart : callable
        Puts the chart together where it is not kept.
    """

    def made() -> str:
        with plots.unchecked():
            return plots.render_svg(chart(), is_titled=False)

    return kept(run, *key, make=made)


def kept(run: Run, *key: Hashable, make: Callable[[], str]) -> str:
    """Return a text of a run, made where it is not kept; a run that was written anew is another."""
    whole = (run, *key)
    with _LOCK:
        found = _KEPT.get(whole)
        if found is not None:
            _KEPT.move_to_end(whole)
            return found
    text = make()
    with _LOCK:
        _KEPT[whole] = text
        while len(_KEPT) > _MOST:
            _KEPT.popitem(last=False)
    return text
