"""The templates of the page, what they know, and parts of the page by themselves."""

import contextlib
import functools
import re
import sys
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from segmentry import formats
from segmentry.describe.profiles import SegmentProfile
from segmentry.evaluation.later_days import NO_SIGNAL
from segmentry.evaluation.number import STRONG
from segmentry.evaluation.stability import STABLE
from segmentry.present import card, changes, first_screen, over_time, two_runs
from segmentry.present import figures as plots
from segmentry.present.report import (
    _cards,
    _comparison,
    _conversions,
    _decisions,
    _evidence,
    _figures,
    _latent,
    _later_days,
    _log,
    _retention,
    _segments,
    _tables,
)
from segmentry.present.report._figures import Figure, Pictures
from segmentry.present.report._glossary import glossary_of
from segmentry.present.tables import Table
from segmentry.present.theme import FONT, SERIF, page_colours
from segmentry.results.summary import Summary, colour_number
from segmentry.schema import Estimate

if TYPE_CHECKING:
    from jinja2 import BytecodeCache, Environment

_OPTION = re.compile(r"--[a-z][a-z-]*")
_NUMBERS = (
    formats.compact,
    formats.count,
    formats.decimal,
    formats.percent,
    formats.rate,
    formats.signed,
    formats.thousandfold,
)
_FACTS = (
    _cards.ads_of,
    _cards.is_choice_stable,
    _cards.main_account,
    _cards.strip_of,
    _comparison.measure_table,
    _comparison.method_table,
    _conversions.added_sentence,
    _conversions.added_table,
    _conversions.attribution_table,
    _conversions.purchase_table,
    _conversions.shop_table,
    _decisions.effect_table,
    _decisions.exemplar_table,
    _decisions.level_table,
    _decisions.worth_of,
    _evidence.best_gain,
    _evidence.number_table,
    _evidence.unlike_on_other_days,
    _figures.figure_of,
    _figures.figures_in,
    _figures.make_turn,
    _latent.class_table,
    _latent.criteria_table,
    _later_days.later_rate_table,
    _later_days.nats_table,
    _later_days.reason_table,
    _later_days.weekdays,
    _tables.day_table,
    _log.affinity_tables,
    _log.cap_table,
    _log.held_out_table,
    _log.n_days,
    _log.segment_cells,
    _retention.absent_feature_table,
    _retention.retention_table,
    _segments.feature_labels,
    _tables.account_tables,
    _tables.candidate_table,
    _tables.feature_tables,
    _tables.level_tables,
    _tables.numeric_table,
    changes.changed_since,
    first_screen.first_screen,
    card.card_of,
    card.rules_of,
    card.texts_of,
    over_time.alarms_of,
    over_time.shift_table,
    two_runs.compared_sentences,
    two_runs.compared_tables,
    formats.period,
    glossary_of,
    plots.curve_table,
    plots.dark_figure_css,
    plots.horizon,
    page_colours,
)
"""What templates may ask of a summary, by name."""
_MACROS = (
    "badge", "card_page", "days", "decision", "details", "disc", "expected", "fact", "figures_of",
    "folded", "kicker", "named", "notes", "picture", "table",
)  # fmt: skip


@functools.cache
def environment(colours: tuple[int, ...] = ()) -> "Environment":
    """Return the templates: every text is escaped, a gap in the data is an error.

    `colours` are the numbers by which segments are coloured, as in `Summary.colours`.
    They write numbers by the functions of `segmentry.formats`, which take estimates as well.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    found = Environment(
        loader=PackageLoader("segmentry.present.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_held,
        bytecode_cache=_compiled(),
    )
    found.globals.update({each.__name__: each for each in (*_NUMBERS, *_FACTS)})
    found.globals.update(
        FONT=FONT,
        SERIF=SERIF,
        MISSING=formats.MISSING,
        NO_SIGNAL=NO_SIGNAL,
        STABLE=STABLE,
        STRONG=STRONG,
    )
    found.filters.update({write.__name__: _of_estimates(write) for write in _NUMBERS})
    found.filters.update(
        evidence=_decisions.evidence_text,
        interval=formats.interval,
        listed=formats.listed,
        place=_place,
        rate_with_limits=formats.rate_with_limits,
        render_text=render_text,
        segment_colour=lambda each: plots.segment_colour(colour_number(colours, each)),
        segment_ink=lambda each: plots.segment_ink(colour_number(colours, each)),
        sentence=_later_days.sentence,
        utc=formats.utc,
        was_checked=plots.was_checked,
    )
    parts = found.get_template("parts.html").module
    found.globals.update({name: getattr(parts, name) for name in _MACROS})
    return found


def _compiled() -> "BytecodeCache | None":
    """Keep compiled templates next to them, as Python keeps modules: else a second of each run."""
    from jinja2 import FileSystemBytecodeCache, __version__
    from jinja2.bccache import Bucket

    if sys.dont_write_bytecode:
        return None
    here = Path(__file__)
    how = here.read_text(encoding="utf-8")  # what is compiled depends on the environment as well

    class _Kept(FileSystemBytecodeCache):
        def get_source_checksum(self, source: str) -> str:
            return super().get_source_checksum(source + how)

        def dump_bytecode(self, bucket: Bucket) -> None:
            with contextlib.suppress(OSError):
                Path(self.directory).mkdir(exist_ok=True)
                super().dump_bytecode(bucket)

    version = f"jinja-{__version__}.{sys.implementation.cache_tag}"
    return _Kept(str(here.parent / "templates" / "__pycache__"), f"%s.{version}")


def _of_estimates(write: Callable[..., str]) -> Callable[..., str]:
    """Let a function that writes numbers write the value of an estimate as well."""

    def written(value: float | Estimate | None, **options: int) -> str:
        return write(value.value if isinstance(value, Estimate) else value, **options)

    return written


def _place(share: float) -> str:
    """Write a share of the room of a drawing as CSS and SVG do."""
    return f"{share * 100:.2f}%"


def _held(found: object) -> object:
    """Hold a number of a text to its unit: "95 %" is not split at the end of a line."""
    return _hold(found) if type(found) is str else found


def _hold(text: str) -> str:
    return text.replace(" %", "\u00a0%")


def render_text(text: str) -> str:
    """Return a sentence as HTML that splits no option of a command.

    >>> render_text("not read (--with behaviours)")
    'not read (<span class="option">--with</span> behaviours)'
    """
    return _OPTION.sub(r'<span class="option">\g<0></span>', escape(_hold(text)))


def render_part(name: str, summary: Summary, pictures: Pictures) -> str:
    """Return a part of the page by the name of its template, such as "verdicts".

    Parameters
    ----------
    name : str
    summary : Summary
    pictures : mapping-like of str to str
        SVG by the name of the figure.
    """
    part = environment(summary.colours).get_template(f"{name}.html")
    return part.render(summary=summary, figures=pictures, is_whole=False)


def render_table(view: Table, colours: tuple[int, ...] = ()) -> str:
    """Return a table as HTML.

    >>> "<script>" in render_table(Table("t", "<script>", columns=(), rows=()))
    False
    """
    return _macro("table", view, colours=colours)


def render_figure(view: Figure, colours: tuple[int, ...] = ()) -> str:
    """Return a picture with its caption and its tables as HTML."""
    return _macro("picture", view, colours=colours)


def render_card(segment: SegmentProfile, summary: Summary) -> str:
    """Return the card of a segment as HTML, for a page of its own."""
    return _macro(
        "card_page", card.card_of(summary, segment.segment_id), 1, colours=summary.colours
    )


def render_style(name: str) -> str:
    """Return a style sheet of the report by its file name."""
    return environment().get_template(name).render()


def _macro(name: str, *facts: object, colours: tuple[int, ...]) -> str:
    return str(getattr(environment(colours).get_template("parts.html").module, name)(*facts))
