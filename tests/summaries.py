"""Hand-made summaries: plain data, no step of the package is run."""

import random
from dataclasses import dataclass, replace

from segmentry.describe.maps import Blade, Hexagon, Pictures
from segmentry.describe.profiles import (
    Difference,
    Distribution,
    LevelShare,
    LevelStatistics,
    NumericStatistics,
    SegmentProfile,
)
from segmentry.evaluation.later_days import KeptGain, Luck, ValidationReport
from segmentry.ingest.quality import DataReport, Finding
from segmentry.results.summary import (
    FeatureRow,
    MapPoint,
    MapSummary,
    Repeat,
    Summary,
)
from segmentry.schema import Estimate, RowAccount
from segmentry.segments.forming import Candidate, Selection

UNKNOWN = Estimate(value=None, low=None, high=None)
NAMES = (
    "Rarely reached, no click yet",
    "Steady viewers, average clicks",
    "Heavily exposed, few clicks",
    "Eager clickers, low exposure",
    "Premium-price browsers",
)
SHARES = (0.382, 0.264, 0.171, 0.113, 0.07)
IMPRESSIONS = (5.1, 18.4, 88.9, 9.7, 34.2)
CLICK_RATES = (0.021, 0.049, 0.043, 0.141, 0.062)
VERDICTS = ("confirmed", "no difference", "weaker", "confirmed", "reversed")
FORECASTS = (0.0245, 0.0496, 0.0431, 0.118, 0.0535)
LATER = (0.0238, 0.0502, 0.0449, 0.115, 0.0467)
SEEN_ALL, LATER_ALL = 0.0513, 0.0498
N_USERS = 1_061_768


@dataclass(frozen=True)
class Column:
    """A numeric feature of the fixture; `differences` has one value per segment."""

    name: str
    label: str
    family: str
    unit: str
    kind: str
    mean: float | None
    weight: float | None
    differences: tuple[float, ...]


COLUMNS = (
    Column(
        "n_impressions",
        "impressions",
        "activity",
        "impressions",
        "count",
        23.3,
        1.0,
        (-0.9, 0.1, 2.6, -0.4, 0.6),
    ),
    Column(
        "active_days",
        "active days",
        "activity",
        "days",
        "count",
        3.1,
        1.0,
        (-1.0, 0.3, 1.7, -0.2, 0.7),
    ),
    Column(
        "recency_days",
        "days since last seen",
        "activity",
        "days",
        "duration",
        1.9,
        None,
        (0.7, -0.2, -0.8, 0.12, -0.4),
    ),
    Column(
        "first_seen_at",
        "first seen",
        "activity",
        "time",
        "time",
        1494288000.0,
        None,
        (0.5, 0.0, -0.7, 0.2, -0.3),
    ),
    Column(
        "n_clicks", "clicks", "engagement", "clicks", "count", 1.2, 1.0, (-0.5, 0.15, 0.9, 0.8, 0.4)
    ),
    Column(
        "ctr_shrunk",
        "click rate, shrunk",
        "engagement",
        "clicks per impression",
        "rate",
        0.0514,
        1.0,
        (-0.6, -0.05, -0.3, 2.1, 0.22),
    ),
    Column(
        "repeat_clicks",
        "clicks after a repeat",
        "engagement",
        "clicks",
        "count",
        0.11,
        None,
        (-0.2, 0.0, 0.6, 0.3, 0.05),
    ),
    Column(
        "n_categories",
        "distinct categories",
        "affinity",
        "categories",
        "count",
        9.8,
        1.0,
        (-0.95, 0.2, 2.2, -0.3, 0.55),
    ),
    Column(
        "category_entropy",
        "category entropy",
        "affinity",
        "nats",
        "entropy",
        1.42,
        None,
        (-0.8, 0.4, 1.2, -0.1, 0.3),
    ),
    Column(
        "top_category_share",
        "share of the top category",
        "affinity",
        "share",
        "share",
        0.46,
        None,
        (0.85, -0.3, -0.9, 0.1, -0.35),
    ),
    Column(
        "mean_price_seen",
        "price seen",
        "affinity",
        "yuan",
        "money",
        268.4,
        1.0,
        (-0.1, -0.2, 0.05, -0.35, 2.4),
    ),
    Column(
        "mean_price_clicked",
        "price clicked",
        "affinity",
        "yuan",
        "money",
        None,
        None,
        (0.0, 0.0, 0.0, 0.0, 0.0),
    ),
)
LEVELS = {
    "gender": ("gender", (("1", "male", 0.356), ("2", "female", 0.644))),
    "pvalue_level": (
        "consumption level",
        (
            ("1", "low", 0.145),
            ("2", "middle", 0.277),
            ("3", "high", 0.036),
            (None, "unknown", 0.542),
        ),
    ),
    "shopping_level": (
        "shopping depth",
        (("1", "shallow", 0.068), ("2", "moderate", 0.142), ("3", "deep", 0.79)),
    ),
}


def make_numeric(column: Column, index: int) -> NumericStatistics:
    """Return one row of a profile; segment index -1 is the population."""
    if column.mean is None:
        return NumericStatistics(column.name, None, None, None, None, 1.0, None, UNKNOWN)
    difference = 0.0 if index < 0 else column.differences[index % len(column.differences)]
    scale = 1e5 if column.kind == "time" else column.mean * 0.3
    mean = column.mean + difference * scale
    return NumericStatistics(
        feature=column.name,
        mean=mean,
        lower_quartile=mean - 0.5 * scale,
        median=mean - 0.1 * scale,
        upper_quartile=mean + 0.4 * scale,
        missing_share=0.0,
        index=mean / column.mean * 100,
        standardised_difference=Estimate(difference, difference - 0.02, difference + 0.02),
    )


def make_levels(index: int) -> tuple[LevelStatistics, ...]:
    """Return the compositions; every segment tilts the first level a little."""
    found = []
    for feature, (_, levels) in LEVELS.items():
        tilt = 0.0 if index < 0 else 0.02 * (index % 3 - 1)
        shares = [share for _, _, share in levels]
        shares[0] += tilt
        shares[1] -= tilt
        found.append(
            LevelStatistics(
                feature,
                tuple(
                    LevelShare(level, label, share, population, share / population * 100)
                    for (level, label, population), share in zip(levels, shares, strict=True)
                ),
            )
        )
    return tuple(found)


def make_differences(index: int) -> tuple[Difference, ...]:
    """Return the strongest differences in words."""
    rows = sorted(
        ((column, column.differences[index % len(column.differences)]) for column in COLUMNS),
        key=lambda row: -abs(row[1]),
    )
    return tuple(
        Difference(column.name, f"{'more' if d > 0 else 'fewer'} {column.label}", d)
        for column, d in rows[:5]
        if d
    )


def make_segment(index: int, *, share: float, name: str, is_rated: bool) -> SegmentProfile:
    """Return the profile of the segment with id `index` + 1."""
    n_users = round(N_USERS * share)
    n_impressions = round(n_users * IMPRESSIONS[index % 5])
    rate = CLICK_RATES[index % 5]
    width = 0.0004 + 1.2 * rate / n_users**0.5
    return SegmentProfile(
        segment_id=index + 1,
        name=name,
        n_users=n_users,
        share=share,
        n_impressions=n_impressions if is_rated else 0,
        n_clicks=round(n_impressions * rate) if is_rated else 0,
        impressions_share=min(1.0, share * IMPRESSIONS[index % 5] / 28.1),
        clicks_share=min(1.0, share * IMPRESSIONS[index % 5] * rate / 1.32),
        ctr_seen=Estimate(rate, rate - width, rate + width) if is_rated else UNKNOWN,
        ctr_index=rate / 0.0514 * 100 if is_rated else None,
        mean_silhouette=0.2 + 0.05 * (index % 5) if is_rated else None,
        numeric=tuple(make_numeric(column, index) for column in COLUMNS),
        levels=make_levels(index),
        differences=make_differences(index) if is_rated else (),
    )


def make_checked(segment: SegmentProfile, *, n_segments: int) -> SegmentProfile:
    """Return the profile with what later days say of it; one segment has no other next to it."""
    index = (segment.segment_id - 1) % 5
    forecast, later = FORECASTS[index], LATER[index]
    width = 0.0008 + 3.0 * later / segment.n_users**0.5
    before, after = forecast - LATER_ALL, later - LATER_ALL
    verdict = VERDICTS[index] if n_segments > 1 else "not checked"
    is_judged, has_survival = n_segments > 1, n_segments > 1 and verdict != "no difference"
    kept = after / before
    reason = (
        f"CTR forecast {abs(100 * before):.2f} points {'below' if before < 0 else 'above'} that "
        f"of all others, {abs(100 * after):.2f} points {'below' if after < 0 else 'above'} it "
        "later, day for day"
    )
    if n_segments == 1:
        reason = "no other segment was shown an ad in the outcome window: nothing to compare with"
    return replace(
        segment,
        verdict=verdict,
        verdict_reason=reason,
        expected_rate=Estimate(forecast, forecast - 1.5 * width, forecast + 1.5 * width),
        forecast_index=Estimate(
            forecast / LATER_ALL * 100,
            (forecast - width) / LATER_ALL * 100,
            (forecast + width) / LATER_ALL * 100,
        ),
        forecast_early=Estimate(forecast, forecast - 1.6 * width, forecast + 1.6 * width),
        ctr_outcome=Estimate(later, later - width, later + width),
        forecast_difference=Estimate(before, before - width, before + width),
        later_difference=Estimate(after, after - width, after + width),
        survival=Estimate(kept, kept - 0.14, kept + 0.13) if has_survival else UNKNOWN,
        minimal_detectable_difference=2.5 * width if is_judged else None,
        absent_share=0.5 - 0.08 * index,
    )


def make_kept_gain(*, is_known: bool) -> KeptGain:
    """Return a kept gain, or why there is none."""
    return KeptGain(
        n_users=612_004,
        n_impressions=6_240_118,
        by_best_rate=Estimate(0.861, 0.822, 0.897) if is_known else UNKNOWN,
        by_forecast=Estimate(0.834, 0.795, 0.871) if is_known else UNKNOWN,
        nats_of_users=Estimate(0.00412, 0.00391, 0.00433)
        if is_known
        else Estimate(0.00002, -0.00003, 0.00007),
        nats_by_best_rate=Estimate(0.00355, 0.00337, 0.00372)
        if is_known
        else Estimate(0.00004, 0.00001, 0.00008),
        nats_by_forecast=Estimate(0.00344, 0.00325, 0.00361)
        if is_known
        else Estimate(-0.00001, -0.00004, 0.00002),
        reason="" if is_known else "no user-level signal",
    )


def make_truth(*, reason: str, is_kept: bool) -> ValidationReport:
    """Return the check on the last two of eight days, or, with a reason, none."""
    days = ("Saturday", "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday")
    is_checked = not reason
    middle = 1_494_000_000 + 6 * 86_400
    return ValidationReport(
        feature_starts_at=1_494_000_000,
        feature_ends_at=middle,
        outcome_starts_at=middle if is_checked else None,
        outcome_ends_at=middle + 2 * 86_400 if is_checked else None,
        feature_weekdays=days,
        outcome_weekdays=("Friday", "Saturday") if is_checked else (),
        reason=reason,
        n_users=1_002_340,
        n_users_later=612_004 if is_checked else 0,
        kept_gain=make_kept_gain(is_known=is_kept) if is_checked else None,
        refit_events=(
            "Segment 3 kept 96 % of its users when all days were taken.",
            "Segment 5 is new on all days: it holds 7 % of the users.",
        ),
        caveats=("The number of segments was chosen on the days that formed them only.",),
        luck=Luck(
            seen_low=0.0105,
            seen_high=0.1733,
            forecast_low=0.0245,
            forecast_high=0.118,
            share=Estimate(0.42, 0.39, 0.45),
            is_any_forecast=True,
        ),
    )


def make_population(*, is_rated: bool) -> SegmentProfile:
    """Return the profile of all assigned users."""
    return SegmentProfile(
        segment_id=0,
        name="All users",
        n_users=N_USERS,
        share=1.0,
        n_impressions=25_029_435 if is_rated else 0,
        n_clicks=1_284_440 if is_rated else 0,
        impressions_share=1.0,
        clicks_share=1.0,
        ctr_seen=Estimate(0.0513, 0.0512, 0.0515) if is_rated else UNKNOWN,
        ctr_index=100.0 if is_rated else None,
        mean_silhouette=0.318 if is_rated else None,
        numeric=tuple(make_numeric(column, -1) for column in COLUMNS),
        levels=make_levels(-1),
        differences=(),
    )


def make_candidate(k: int, *, chosen: int, is_rated: bool) -> Candidate:
    """Return one row of the sweep; one segment has no scores."""
    is_scored = is_rated and k > 1
    value = 0.36 - 0.012 * abs(k - chosen) - (0.018 if k > chosen else 0.0)
    reasons = {chosen: "largest silhouette", chosen - 1: "second: silhouette 0.012 lower"}
    return Candidate(
        algorithm="kmeans",
        n_segments=k,
        inertia=4.1e6 / (0.35 + k**0.85),
        silhouette=Estimate(value, value - 0.006, value + 0.006) if is_scored else UNKNOWN,
        squared_silhouette=value + 0.14 if is_scored else None,
        calinski_harabasz=361_532.0 - 9000.0 * k if is_scored else None,
        davies_bouldin=0.9 + 0.02 * k if is_scored else None,
        smallest_share=1.0 if k == 1 else 0.35 / k,
        is_selected=k == chosen,
        is_knee=k == 4 and is_rated,
        reason=reasons.get(k, "silhouette lower than the chosen one's"),
    )


def make_selection(n_segments: int, *, is_rated: bool) -> Selection:
    """Return a sweep that chose `n_segments`."""
    last = max(10, n_segments)
    low = 1 if n_segments == 1 else 2
    candidates = tuple(
        make_candidate(k, chosen=n_segments, is_rated=is_rated) for k in range(low, last + 1)
    )
    return Selection(
        rule="Largest Euclidean silhouette among the candidates whose smallest segment holds at "
        "least 1 % of users; ties go to fewer segments.",
        reason=f"K = {n_segments} has the largest silhouette; its interval does not overlap the "
        "runner-up's.",
        n_segments=n_segments,
        is_forced=False,
        knee=4 if is_rated else None,
        runner_up=n_segments - 1 if n_segments > 2 else None,
        candidates=candidates,
    )


def make_map(n_segments: int, *, n_points: int, n_components: int) -> MapSummary:
    """Return `n_points` seeded points around centres on a ring."""
    draw = random.Random(7)  # noqa: S311 - a fixture, no secret
    middle = [
        (2.2 * draw.uniform(-1, 1), 1.6 * draw.uniform(-1, 1), draw.uniform(-1, 1))
        for _ in range(n_segments)
    ]

    def point(segment: int, spread: float) -> MapPoint:
        x, y, z = (value + draw.gauss(0, spread) for value in middle[segment])
        return MapPoint(
            segment + 1, x, y if n_components > 1 else None, z if n_components > 2 else None
        )

    columns = tuple(column.name for column in COLUMNS if column.weight)
    return MapSummary(
        columns=columns,
        explained_variance_ratio=(0.46, 0.21, 0.12)[:n_components],
        loadings=tuple(
            tuple(draw.uniform(-0.7, 0.7) for _ in columns) for _ in range(n_components)
        ),
        points=tuple(point(i % n_segments, 0.55) for i in range(n_points)),
        centers=tuple(point(i, 0.0) for i in range(n_segments)),
    )


def make_pictures(n_segments: int) -> Pictures:
    """Return blades from 0.8 down to -0.2, three bins per feature, and a row of hexagons."""
    blades = tuple(
        Blade(i + 1, 60, 0.2, tuple(round(0.8 - j / 59, 4) for j in range(60)))
        for i in range(n_segments)
    )
    distributions = tuple(
        Distribution(
            feature=column.name,
            edges=(0.0, 1.0, 4.0, 9.5),
            population=(5 * n_segments, 3 * n_segments, 2 * n_segments),
            segments=tuple((5, 3, 2) for _ in range(n_segments)),
            n_above=1,
        )
        for column in COLUMNS
        if column.mean
    )
    hexagons = tuple(
        Hexagon(x=0.5 * i, y=0.0, n_users=10 ** (i % 4), segment_id=i % n_segments + 1, share=0.75)
        for i in range(8)
    )
    return Pictures(
        blades=blades if n_segments > 1 else (),
        distributions=distributions,
        hexagon_radius=0.288675,
        hexagons=hexagons,
        mixed_share=0.04,
    )


def make_features() -> tuple[FeatureRow, ...]:
    """Return the numeric features and the levels; half of them formed the segments."""
    numeric = [
        FeatureRow(
            name=column.name,
            label=column.label,
            family=column.family,
            unit=column.unit,
            kind=column.kind,
            description=f"{column.label.capitalize()} of a user in the window.",
            weight=column.weight,
            fill="zero" if column.weight else None,
            transform="log1p" if column.weight else None,
            clip_low=0.0 if column.weight else None,
            clip_high=5.2 if column.weight else None,
            scale=1.35 if column.weight else None,
            note="" if column.mean else "unknown for every user: describes nothing",
        )
        for column in COLUMNS
    ]
    levels = [
        FeatureRow(
            name,
            label,
            "demographics",
            "level",
            "ordinal",
            f"{label.capitalize()}.",
            None,
            None,
            None,
            None,
            None,
            None,
            "",
        )
        for name, (label, _) in LEVELS.items()
    ]
    return (*numeric, *levels)


def make_data() -> DataReport:
    """Return the account of the full public log."""
    return DataReport(
        source="taobao",
        starts_at=1_494_000_000,
        ends_at=1_494_691_200,
        utc_offset_hours=8,
        accounts=(
            RowAccount(
                "impressions",
                26_557_961,
                25_029_435,
                {"no user_id": 12},
                {"users without profile": 1_528_514},
            ),
            RowAccount("profiles", 1_061_768, 1_061_768, {}, {}),
            RowAccount("ads", 846_811, 846_811, {}, {}),
        ),
        findings=(
            Finding("no_profile", "users of the log without a profile", 79_961, 1_141_729),
            Finding("no_brand", "ads without a brand", 246_330, 846_811),
            Finding("duplicates", "exact duplicate impressions", 0, 26_557_961),
        ),
    )


def make_summary(
    *,
    n_segments: int = 5,
    names: tuple[str, ...] = NAMES,
    is_rated: bool = True,
    n_points: int = 1200,
    n_components: int = 3,
    validation: str = "checked",
) -> Summary:
    """Return a summary; `is_rated` False leaves every rate and score unknown.

    `validation` is "checked", "no signal" (no kept gain), "not asked" (null in the summary) or else
    the reason why nothing could be checked.
    """
    weights = [SHARES[i] if n_segments == 5 else 1.0 / (i + 2) for i in range(n_segments)]
    total = sum(weights)
    segments = tuple(
        make_segment(
            i,
            share=weights[i] / total,
            name=names[i] if i < len(names) else f"{names[i % len(names)]} ({i + 1})",
            is_rated=is_rated,
        )
        for i in range(n_segments)
    )
    is_checked = validation in {"checked", "no signal"}
    population = make_population(is_rated=is_rated)
    if is_checked and is_rated:
        segments = tuple(make_checked(s, n_segments=n_segments) for s in segments)
        population = replace(
            population,
            expected_rate=Estimate(0.0506, 0.0481, 0.0531),
            ctr_outcome=Estimate(LATER_ALL, LATER_ALL - 0.0003, LATER_ALL + 0.0003),
        )
    return Summary(
        headline=f"{n_segments} segments of 1,061,768 users; the smallest, “Premium-price "
        "browsers”, sees prices 70 % above everybody’s."
        if n_segments > 1
        else "One segment: the data hold no groups that can be told apart.",
        warnings=(
            "The segments were formed by clicks too, so their click rates flatter them.",
            "7.0 % of the users in the log have no profile and were left out.",
        ),
        data=make_data(),
        selection=make_selection(n_segments, is_rated=is_rated),
        population=population,
        segments=segments,
        unassigned=(Finding("no_profile", "users without a profile", 79_961, 1_141_729),),
        features=make_features(),
        map=make_map(n_segments, n_points=n_points, n_components=n_components),
        method=(
            "Every user became one row of features, counted from the impression log.",
            (
                "Counts and prices were put on a logarithmic scale, clipped at the 1st and 99th "
                "percentile and scaled by the inter-quartile range."
            ),
            "K-means was run for every K from 2 to 10, each from several starts.",
        ),
        repeat=Repeat("segmentry run DATA_DIR --out RUN_DIR --seed 7", 7, "0.1.0", "default"),
        validation=None
        if validation == "not asked"
        else make_truth(
            reason="" if is_checked else validation, is_kept=validation == "checked" and is_rated
        ),
        pictures=make_pictures(n_segments),
    )
