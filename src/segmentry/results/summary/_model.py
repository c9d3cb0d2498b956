"""What a summary holds."""

from dataclasses import dataclass

from segmentry.describe.conversions import ConversionReport
from segmentry.describe.exposure import LogReport
from segmentry.describe.latent import LatentReport
from segmentry.describe.maps import Embedding, Pictures
from segmentry.describe.presence import PresenceReport
from segmentry.describe.profiles import SegmentProfile
from segmentry.evaluation.later_days import TruthReport
from segmentry.evaluation.number import EvidenceReport
from segmentry.ingest.quality import Finding
from segmentry.results.summary._candidates import CandidateRow
from segmentry.results.summary._decisions import Decisions
from segmentry.results.summary._notebook import selection_html, summary_html
from segmentry.schema import OF_IMPRESSIONS, DataTraits, RowAccount, UtcOffset


@dataclass(frozen=True, slots=True)
class DataReport:
    """What was read, what was set aside and what is odd about it.

    Parameters
    ----------
    source : str
        Kind of the source, "taobao", or the user's name for it.
    starts_at, ends_at : int or None
        The window ``[starts_at, ends_at)`` in epoch seconds; null where events have no times.
    utc_offset_hours : int
        Offset of the local clock by which days and hours are counted.
    accounts : tuple of RowAccount
        One per table: rows read = used + rejected + excluded.
    findings : tuple of Finding
        Joins, nulls, duplicates, impossible values; every check is listed, also with count 0.
    """

    source: str
    starts_at: int | None
    ends_at: int | None
    utc_offset_hours: UtcOffset
    accounts: tuple[RowAccount, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class FeatureRow:
    """A feature as it was used in this run.

    `weight` is null for a feature that describes segments but did not form them; the fields
    about preprocessing are null with it. `note` says what was decided about it and why ("constant:
    dropped", "inter-quartile range 0: scaled by ...", "excluded by the user"), or is empty.
    """

    name: str
    label: str
    family: str
    unit: str
    kind: str
    description: str
    weight: float | None
    fill: str | None
    transform: str | None
    clip_low: float | None
    clip_high: float | None
    scale: float | None
    note: str


@dataclass(frozen=True, slots=True)
class SelectionReport:
    """How the number of segments was chosen: the rule, the winner, who came second."""

    rule: str
    reason: str
    n_segments: int
    is_forced: bool
    knee: int | None
    runner_up: int | None
    candidates: tuple[CandidateRow, ...]

    def _repr_html_(self) -> str:
        """Return the candidates as a table for notebooks."""
        return selection_html(self.reason, self.candidates)


@dataclass(frozen=True, slots=True)
class MapPoint:
    """One sampled user on the principal components; z is null with fewer than 3 columns."""

    segment_id: int
    x: float
    y: float | None
    z: float | None


@dataclass(frozen=True, slots=True)
class MapSummary:
    """Principal components: fitted on all users, drawn on a stratified sample.

    Parameters
    ----------
    columns : tuple of str
        Columns of `X`.
    explained_variance_ratio : tuple of float
        One per component, at most 3.
    loadings : tuple of tuple of float
        (n_components, n_columns).
    points : tuple of MapPoint
        The sample: every segment by its share, but at least some of each.
    centers : tuple of MapPoint
        Segment centres.
    """

    columns: tuple[str, ...]
    explained_variance_ratio: tuple[float, ...]
    loadings: tuple[tuple[float, ...], ...]
    points: tuple[MapPoint, ...]
    centers: tuple[MapPoint, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """What is needed to repeat the run."""

    command: str
    seed: int
    segmentry_version: str
    recipe: str


@dataclass(frozen=True, slots=True)
class Summary:
    """A whole run in plain data.

    Parameters
    ----------
    headline : str
        One sentence: what was found.
    warnings : tuple of str
        What a careful reader must know before using the segments; whole sentences.
    population : SegmentProfile
        All assigned users as if they were one segment; `segment_id` 0.
    segments : tuple of SegmentProfile
        By `segment_id`.
    unassigned : mapping-like tuple of Finding
        Users without a segment, by reason.
    truth : TruthReport or None
        What later days say; null where the recipe does not ask.
    log : LogReport or None
        Segments against the log; null in runs of earlier versions.
    traits : DataTraits
        What the data have and what events are called: what a reader may and may not show.
    evidence : EvidenceReport or None
        Why this number of segments; null where the largest silhouette chose it.
    presence : PresenceReport or None
        Who came back on the later days; null where they were not asked.
    conversions : ConversionReport or None
        From impression to purchase; null where the behaviour log was not read.
    method : tuple of str
        The method in plain words, a paragraph each.
    pictures : Pictures or None
        What pictures of many users are drawn from; null in runs of before.
    decisions : Decisions or None
        Rules, insights and actions; null in runs of earlier versions.
    embedding : Embedding or None
        The UMAP of the users, where one was asked for.
    """

    headline: str
    warnings: tuple[str, ...]
    data: DataReport
    selection: SelectionReport
    population: SegmentProfile
    segments: tuple[SegmentProfile, ...]
    unassigned: tuple[Finding, ...]
    features: tuple[FeatureRow, ...]
    map: MapSummary
    method: tuple[str, ...]
    repeat: Repeat
    truth: TruthReport | None = None
    pictures: Pictures | None = None
    embedding: Embedding | None = None
    decisions: Decisions | None = None
    log: LogReport | None = None
    latent: LatentReport | None = None
    traits: DataTraits = OF_IMPRESSIONS
    evidence: EvidenceReport | None = None
    presence: PresenceReport | None = None
    conversions: ConversionReport | None = None

    def _repr_html_(self) -> str:
        """Return headline and segments as a table for notebooks."""
        return summary_html(self.headline, self.segments, self.warnings)
