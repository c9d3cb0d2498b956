"""What a summary holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from segmentry.describe.conversions import ConversionReport
from segmentry.describe.exposure import LogReport
from segmentry.describe.latent import LatentReport
from segmentry.describe.maps import Embedding, MapSummary, Pictures
from segmentry.describe.profiles import SegmentProfile
from segmentry.describe.retention import RetentionReport
from segmentry.errors import BundleError
from segmentry.evaluation.later_days import OutcomeReport, ValidationReport
from segmentry.evaluation.number import EvidenceReport
from segmentry.formats import count, html_table, percent, rate_with_limits
from segmentry.ingest.quality import DataReport, Finding
from segmentry.lifecycle.alarms import OverTime
from segmentry.lifecycle.records import ChangeReport
from segmentry.results.summary._decisions import Decisions
from segmentry.results.summary._spending import Spending
from segmentry.runtime.codec import Codec
from segmentry.schema import OF_CLICKS, OF_IMPRESSIONS, DataTraits, Outcome
from segmentry.segments.forming import Selection
from segmentry.segments.preprocessing import FeatureRow


@dataclass(frozen=True, slots=True)
class Repeat:
    """What is needed to repeat the run."""

    command: str
    seed: int
    segmentry_version: str
    recipe: str


@dataclass(frozen=True, slots=True)
class Summary:
    """A whole run in plain data."""

    headline: str
    """One sentence: what was found."""
    warnings: tuple[str, ...]
    """What a careful reader must know before using the segments; whole sentences."""
    data: DataReport
    selection: Selection
    population: SegmentProfile
    """All assigned users as if they were one segment; `segment_id` 0."""
    segments: tuple[SegmentProfile, ...]
    """By `segment_id`."""
    unassigned: tuple[Finding, ...]
    """Users without a segment, by reason."""
    features: tuple[FeatureRow, ...]
    map: MapSummary
    method: tuple[str, ...]
    """The method in plain words, a paragraph each."""
    repeat: Repeat
    validation: OutcomeReport | ValidationReport | None = None
    """What later days say; null where the recipe does not ask."""
    pictures: Pictures | None = None
    """What pictures of many users are drawn from; null in runs of before."""
    embedding: Embedding | None = None
    """The UMAP of the users, where one was requested."""
    decisions: Decisions | None = None
    """Rules, insights and actions; null in runs of earlier versions."""
    spending: Spending | None = None
    """The budget that the decisions of the segments propose; null where they move nothing."""
    log: LogReport | None = None
    """Segments against the log; null in runs of earlier versions."""
    latent: LatentReport | None = None
    traits: DataTraits = OF_IMPRESSIONS
    """What the data have and what events are called: what a reader may and may not show."""
    evidence: EvidenceReport | None = None
    """Why this number of segments; null where the largest silhouette chose it."""
    retention: RetentionReport | None = None
    """Returning users of the later days; null where later days were not looked at."""
    conversions: ConversionReport | None = None
    """From impression to purchase; null where the behaviour log was not read."""
    changes: ChangeReport | None = None
    """What changed since the earlier run, where the run refreshes one."""
    over_time: OverTime | None = None
    """All windows since the segments were formed, where the run refreshes another."""

    @property
    def colours(self) -> tuple[int, ...]:
        """By which number each segment is coloured; empty where by its id."""
        return () if self.changes is None else self.changes.colours

    def colour_number(self, segment_id: int) -> int:
        """Return the number by which a segment is coloured; 0 for no segment."""
        return colour_number(self.colours, segment_id)

    @property
    def outcome(self) -> Outcome:
        """What the expected rates of the run are of."""
        return OF_CLICKS if self.validation is None else self.validation.outcome_of_rates

    @property
    def is_clicked(self) -> bool:
        """Whether any event was clicked; also false where events cannot be clicked."""
        return self.traits.has_clicks and self.population.n_clicks > 0

    def _repr_html_(self) -> str:
        """Return headline, segments with their rates, and warnings for notebooks."""
        has_later = any(segment.expected_rate.is_known for segment in self.segments)
        outcome = self.outcome if has_later else OF_CLICKS
        unit = "" if outcome.kind == "clicks" else f" {outcome.unit}"
        rate = f"expected{unit} (90 %)" if has_later else "seen (95 %)"
        rows = [
            (
                str(s.segment_id),
                s.name,
                count(s.n_users),
                percent(s.share),
                rate_with_limits(s.expected_rate if has_later else s.ctr_seen, outcome),
                s.verdict,
            )
            for s in self.segments
        ]
        table = html_table(
            ("id", "segment", "users", "share", f"click rate {rate}", "verdict"), rows
        )
        notes = "".join(f"<li>{escape(text)}</li>" for text in self.warnings)
        return f"<div><p><b>{escape(self.headline)}</b></p>{table}<ul>{notes}</ul></div>"


def colour_number(colours: Sequence[int], segment_id: int) -> int:
    """Return the number by which a segment is coloured, of `Summary.colours`.

    >>> colour_number((), 2), colour_number((3, 1), 1), colour_number((3, 1), 0)
    (2, 3, 0)
    """
    return colours[segment_id - 1] if 0 < segment_id <= len(colours) else segment_id


_CODEC = Codec(
    Summary,
    what="summary",
    version=2,
    version_key="schema_version",
    remedy="run it again",
    expected="a run folder of segmentry run",
    written_by=("repeat", "segmentry_version"),
)
render_summary_json = _CODEC.render


def parse_summary(text: str, *, source: str) -> Summary:
    """Read a summary back.

    Raises BundleError if it is damaged, contradicts itself or is of another version.
    """
    return _proved(_CODEC.parse(text, source=source), source=source)


def read_summary(run_dir: Path) -> Summary:
    """Read the ``summary.json`` of a run folder.

    Raises BundleError if the folder holds none, or one of another version.
    """
    file = run_dir / "summary.json"
    return _proved(_CODEC.read(file), source=str(file))


def _proved(summary: Summary, *, source: str) -> Summary:
    """Return a summary whose segments are numbered from 1 on: all else finds them by that."""
    blades = () if summary.pictures is None else summary.pictures.blades
    spent = () if summary.spending is None else summary.spending.segments
    found = [each.segment_id for each in summary.segments]
    wanted = range(1, len(found) + 1)
    named = {*(each.segment_id for each in blades), *(each.segment_id for each in spent)}
    if found != list(wanted) or not named <= set(wanted):
        raise BundleError(
            f"{source}: segments {found} and figures of {sorted(named)}, expected numbers from 1 "
            f"to {len(found)}; run it again"
        )
    return summary
