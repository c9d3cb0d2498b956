"""What the page shows, ready to print: small frozen records, every number already a text."""

from dataclasses import dataclass
from typing import TypeAlias

from segmentry.present import tables
from segmentry.present.figures import Caption
from segmentry.present.tables import Badge


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: its heading and its cells.

    Parameters
    ----------
    head : str
    cells : tuple of str
        A line break sets what follows small, below: an interval under its value.
    colour : str
        Swatch beside the heading, or empty.
    is_strong : bool
        Whether the line is the one to look at.
    badge : Badge or None
        Stands in the first cell instead of its text.
    """

    head: str
    cells: tuple[str, ...]
    colour: str = ""
    is_strong: bool = False
    badge: Badge | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a caption; the first column heads the lines.

    Parameters
    ----------
    caption : str
    heads : tuple of str
        One more than a row has cells.
    rows : tuple of Row
    text_columns : tuple of int
        Columns (from 1) that hold words: they are set to the left and may wrap.
    """

    caption: str
    heads: tuple[str, ...]
    rows: tuple[Row, ...]
    text_columns: tuple[int, ...] = ()

    @property
    def lines(self) -> tuple[Row, ...]:
        """Return the rows, as `segmentry.present.tables.Table` calls its texts."""
        return self.rows

    @property
    def is_narrow(self) -> bool:
        """Whether the first column needs no room to wrap."""
        return all(len(row.head) <= 6 for row in self.rows)


AnyTable: TypeAlias = Table | tables.Table
"""A table of texts, or one of values."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture with its caption and the tables that hold its numbers; `svg` may be empty."""

    name: str
    heading: str
    caption: Caption
    svg: str
    tables: tuple[AnyTable, ...]


@dataclass(frozen=True, slots=True)
class Fact:
    """A number on the first screen."""

    label: str
    value: str
    note: str


@dataclass(frozen=True, slots=True)
class Piece:
    """A segment's part of the bar of all users; `left` and `width` in percent of the bar."""

    segment_id: int
    name: str
    share: str
    colour: str
    ink: str
    left: str
    width: str
    is_wide: bool


@dataclass(frozen=True, slots=True)
class Headline:
    """The first screen: what was found, what is certain, what is not."""

    kicker: str
    text: str
    facts: tuple[Fact, ...]
    pieces: tuple[Piece, ...]
    certain: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bar:
    """A difference with its bar, in percent of the bar's room, 50 being no difference."""

    text: str
    value: str
    left: str
    width: str


@dataclass(frozen=True, slots=True)
class Strip:
    """A rate with its interval on the scale that all cards share, in percent of its room.

    `everybody` is the tick of all users and `seen` the ring of the rate seen beside a forecast;
    each may be empty.
    """

    value: str
    low: str
    width: str
    everybody: str
    seen: str


@dataclass(frozen=True, slots=True)
class Card:
    """One segment; `seen` is the rate beside which a forecast is shown, or empty.

    Without clicks there is no rate and no badge.
    """

    segment_id: int
    name: str
    colour: str
    share: str
    holds: str
    badge: Badge | None
    has_rate: bool
    ctr: str
    ctr_label: str
    ctr_note: str
    seen: str
    silhouette: str
    strip: Strip | None
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class ExecutiveRow:
    """One finding on the first screen, with its certainty, its action and what that is worth."""

    segment_id: int | None
    name: str
    colour: str
    ink: str
    title: str
    text: str
    badge: Badge | None
    certain: str
    action: str
    worth: str
    worth_note: str


@dataclass(frozen=True, slots=True)
class Executive:
    """The first screen; `rest` and `level` are sentences, the first may be empty.

    `next_steps` are commands, each with what it tells.
    """

    rows: tuple[ExecutiveRow, ...]
    rest: str
    level: str
    next_steps: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class InsightView:
    """A coded finding with its action; texts that are not there are empty."""

    code: str
    title: str
    badge: Badge
    text: str
    evidence: str
    action: str
    target: str
    worth: str
    worth_note: str
    assumptions: tuple[str, ...]
    test: str
    link: str


@dataclass(frozen=True, slots=True)
class SegmentPage:
    """All of one segment; of one that is too small to be shown, only its insights."""

    segment_id: int
    name: str
    colour: str
    badge: Badge | None
    facts: tuple[Fact, ...]
    insights: tuple[InsightView, ...]
    rules: tuple[str, ...]
    rule_note: str
    tables: tuple[AnyTable, ...]


@dataclass(frozen=True, slots=True)
class Truth:
    """What later days say; where nothing was checked only `lead`, `windows`, `notes` and `days`."""

    lead: str
    windows: tuple[Fact, ...]
    notes: tuple[str, ...]
    kept: str
    kept_facts: tuple[Fact, ...]
    kept_table: AnyTable | None
    figure: Figure | None
    verdicts: tuple[AnyTable, ...]
    events: tuple[str, ...]
    caveats: tuple[str, ...]
    days_lead: str
    days: AnyTable | None


@dataclass(frozen=True, slots=True)
class Latent:
    """Latent classes; `kept` is what memberships foretell of later days, or empty."""

    lead: str
    parts: tuple[str, ...]
    kept: str
    tables: tuple[AnyTable, ...]


@dataclass(frozen=True, slots=True)
class LogView:
    """Segments against the log; where nothing is known only `lead`."""

    lead: str
    affinity: tuple[AnyTable, ...]
    held_out: str
    held_out_table: AnyTable | None
    exposure: str
    reaction: str
    figures: tuple[Figure, ...]
    more_curves: tuple[AnyTable, ...]
    caps: tuple[AnyTable, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ConversionView:
    """From impression to purchase; tables that cannot be made are null or absent."""

    lead: str
    added: tuple[str, ...]
    added_table: AnyTable | None
    purchases: AnyTable | None
    funnel: Figure | None
    attribution: tuple[AnyTable, ...]
    shop: AnyTable | None
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Why:
    """Why this number of segments: the answers to both questions, and all evidence."""

    groups: str
    gain: str
    figure: Figure | None
    table: AnyTable
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stability:
    """How the segments come back on other users."""

    lead: str
    figure: Figure


@dataclass(frozen=True, slots=True)
class Presence:
    """Who came back on the later days, and how those differ who did not."""

    notes: tuple[str, ...]
    table: AnyTable
    features: AnyTable | None


@dataclass(frozen=True, slots=True)
class Compared:
    """Algorithms side by side."""

    lead: str
    notes: tuple[str, ...]
    tables: tuple[AnyTable, ...]


@dataclass(frozen=True, slots=True)
class Turn:
    """What the page needs to turn the picture in space: JSON, and where it starts."""

    scene: str
    azimuth: int
    elevation: int
    lowest: int
    highest: int


@dataclass(frozen=True, slots=True)
class Page:
    """The whole report."""

    title: str
    headline: Headline
    executive: Executive | None
    segment_pages: tuple[SegmentPage, ...]
    tested: str
    not_evaluated: tuple[str, ...]
    cards: tuple[Card, ...]
    rates_note: str
    truth: Truth
    overview: tuple[Figure, ...]
    evidence: tuple[Figure, ...]
    blades: Figure | None
    distributions: Figure | None
    selection_rule: str
    selection_reason: str
    candidates: AnyTable
    latent: Latent | None
    why: Why | None
    stability: Stability | None
    presence: Presence | None
    comparison: Compared | None
    heatmap: Figure
    numeric_tables: tuple[AnyTable, ...]
    level_tables: tuple[AnyTable, ...]
    log: LogView | None
    conversions: ConversionView | None
    maps: tuple[Figure, ...]
    turn: Turn | None
    data_tables: tuple[AnyTable, ...]
    method: tuple[str, ...]
    feature_tables: tuple[AnyTable, ...]
    glossary: tuple[tuple[str, str], ...]
    command: str
    repeat: tuple[Fact, ...]
    dark_css: str
