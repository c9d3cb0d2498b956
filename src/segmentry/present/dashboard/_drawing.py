"""What pages draw for what a reader asks: drawn once for each answer, the last of them kept."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from threading import Lock
from typing import TYPE_CHECKING, TypeAlias

from segmentry.present import figures as plots
from segmentry.present.dashboard._runs import Run
from segmentry.present.report import Figure
from segmentry.present.tables import Table

if TYPE_CHECKING:
    import altair as alt

    Chart: TypeAlias = alt.Chart | alt.LayerChart | alt.HConcatChart

_MOST = 96
"""Of 5 to 110 kB each: at most 10 MB."""
_KEPT: OrderedDict[Hashable, str] = OrderedDict()
_LOCK = Lock()


def drawn(
    run: Run,
    name: str,
    title: str,
    caption: plots.Caption,
    *requested: Hashable,
    chart: "Callable[[], Chart]",
    tables: Sequence[Table] = (),
) -> Figure:
    """Return the figure of an answer; `requested` is what its chart needs besides the run."""

    def made() -> str:
        with plots.unchecked():
            return plots.render_svg(chart(), is_titled=False)

    return Figure(name, title, caption, kept(run, name, *requested, make=made), tuple(tables))


def kept(run: Run, *key: Hashable, make: Callable[[], str]) -> str:
    """Return a text of a run, made where it is not kept: a figure takes 0.1 to 0.3 s to draw.

    Without it "to Exposure and budget", with two of them, takes half a second at each visit
    (benchmarks/dashboard.py).
    """
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
