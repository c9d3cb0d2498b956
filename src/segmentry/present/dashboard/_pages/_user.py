"""Look up a user: where, how clearly, and which features decide."""

from collections.abc import Callable
from functools import lru_cache, partial
from html import escape

import polars as pl
import streamlit as st

from segmentry.formats import MISSING, count, decimal, feature_value, listed, percent, signed
from segmentry.ingest.engines.run_tables import find_user, top_users
from segmentry.present.dashboard._offer import offer
from segmentry.present.dashboard._runs import Run, bundle_of
from segmentry.present.dashboard._show import (
    facts,
    heading,
    notice,
    put,
    render_link,
    segment_label,
    table,
)
from segmentry.present.tables import Column, Row, Table, segment_row
from segmentry.results.scoring import Placement, explain_placement
from segmentry.results.summary import FeatureRow
from segmentry.schema import UNASSIGNED

_MAX_REASONS = 3
_MAX_DECIDING = 12
_MAX_NEAREST = 5


def show_user(run: Run) -> None:
    """Draw one user of the run."""
    heading("Look up a user", "Why a user is in a segment, and what is known of the user.")
    file = run.folder / "users.parquet"
    if not file.is_file():
        notice(
            "The list of users is missing from this run. Run it again, or copy users.parquet back."
        )
        return
    requested = st.text_input("User id", key="user", bind="query-params", max_chars=200).strip()
    if not requested:
        _examples(run)
        return
    user = find_user(file, requested)
    if user.height == 0:
        notice(f"No user with the id {requested} is in this run; ids are those of the input.")
        return
    segment_id = int(user["segment_id"][0])
    placement = explain_placement(bundle_of(run), user)
    found: list[Table] = []
    if placement is None and segment_id != UNASSIGNED:
        named = next((s for s in run.summary.segments if s.segment_id == segment_id), None)
        text = str(segment_id) if named is None else segment_label(named)
        notice(
            f"Segment {text}. This kind of segment looks at all that is known of the user at once, "
            "so no single reason is given."
        )
    elif placement is None or segment_id == UNASSIGNED:
        reasons = "; ".join(finding.text for finding in run.summary.unassigned)
        notice(f"This user has no segment: {reasons or 'a feature is unknown'}.")
    else:
        found += _placed(run, user, segment_id, placement)
    found.append(_values(run, user, segment_id))
    with st.expander("All that is known of this user", key="details"):
        table(run, *found)
    offer("user", tables=found)


@lru_cache(maxsize=8)
def _clearest(run: Run) -> tuple[tuple[str, ...], ...]:
    """Return the users who belong most clearly to each of the first segments."""
    file = run.folder / "segments.parquet"
    ids = [segment.segment_id for segment in run.summary.segments[:12]]
    tops = [top_users(file, segment_id=each, by="margin", n_users=3) for each in ids]
    return tuple(tuple(str(user) for user in top["user_id"].to_list()) for top in tops)


def _examples(run: Run) -> None:
    if not (run.folder / "segments.parquet").is_file():
        notice("Type an id of the input.")
        return
    rows = [
        segment_row(segment.segment_id, segment.name, *found, *[None] * (3 - len(found)))
        for segment, found in zip(run.summary.segments, _clearest(run), strict=False)
    ]
    names = ("first", "second", "third")
    view = Table(
        "examples",
        "Users who belong most clearly to their segment, to try",
        columns=(Column("segment", "segment"), *(Column(name, name) for name in names)),
        rows=tuple(rows),
    )
    table(run, view)


def _placed(run: Run, user: pl.DataFrame, segment_id: int, placement: Placement) -> list[Table]:
    """Say where the user stands and why, and return the tables that say so."""
    by_id = {s.segment_id: s for s in run.summary.segments}
    others = [each for each, _ in placement.distances if each != segment_id]
    second, is_nearest = next(iter(others), None), placement.distances[0][0] == segment_id
    shown = by_id.get(segment_id)
    facts(
        (
            ("Segment", str(segment_id), "" if shown is None else shown.name),
            (
                "How typical",
                percent(placement.margin if is_nearest else 0, digits=0),
                "0 % on the border to the next segment, 100 % at the centre",
            ),
            (
                "Next segment",
                MISSING if second is None else str(second),
                "" if second is None or second not in by_id else by_id[second].name,
            ),
        )
    )
    reasons = _reasons(run, user, placement)
    if not is_nearest:
        notice(
            f"Segment {second} is nearer now, but not clearly: the user stays where the window "
            "before was."
        )
    elif shown is not None and reasons:
        put(f"<p>In {render_link(shown)} because of {escape(listed(reasons))}.</p>")
    nearest = Table(
        "nearest",
        "Nearest segments",
        columns=(
            Column("segment", "segment"),
            Column("distance", "distance to its centre", decimal),
        ),
        rows=tuple(
            Row(
                (segment_label(by_id[each]) if each in by_id else str(each), distance),
                segment=each,
                is_strong=each == segment_id,
            )
            for each, distance in placement.distances[:_MAX_NEAREST]
        ),
    )
    return [nearest, _deciding(run, placement)] if placement.deciding else [nearest]


def _reasons(run: Run, user: pl.DataFrame, placement: Placement) -> list[str]:
    """Return the features that speak most for the segment, with the user's own values."""
    features = {row.name: row for row in run.summary.features}
    levels, offset = _level_names(run), run.summary.data.utc_offset_hours
    found: dict[str, str] = {}
    for each in sorted(placement.deciding, key=lambda one: -one.pull):
        feature = features.get(each.feature)
        if each.pull <= 0 or feature is None or each.feature not in user.columns:
            continue
        value = user[each.feature][0]
        write = partial(
            feature_value, kind=feature.kind, unit=feature.unit, utc_offset_hours=offset
        )
        text = levels.get((each.feature, str(value))) or _own_text(value, feature, write)
        found.setdefault(each.feature, f"{feature.label} ({text})")
    return list(found.values())[:_MAX_REASONS]


def _deciding(run: Run, placement: Placement) -> Table:
    labels = {row.name: row.label for row in run.summary.features}
    total = sum(each.pull for each in placement.deciding) or 1.0
    first, second = placement.distances[0][0], placement.distances[1][0]
    return Table(
        "deciding",
        f"What decides between segment {first} and segment {second}",
        columns=(
            Column("feature", "feature"),
            Column("pull", "weight of the reason", partial(signed, digits=3)),
            Column("part", "part of the whole", partial(percent, digits=0)),
            Column("speaks_for", "", is_words=True),
        ),
        rows=tuple(
            Row(
                (
                    labels.get(each.feature, each.feature)
                    + ("" if each.column == each.feature else f" ({each.column})"),
                    each.pull,
                    each.pull / total,
                    f"speaks for {first if each.pull > 0 else second}" if each.pull else "neither",
                )
            )
            for each in placement.deciding[:_MAX_DECIDING]
        ),
    )


def _level_names(run: Run) -> dict[tuple[str, str], str]:
    """Return what levels of features are called."""
    return {
        (row.feature, level.level): level.label
        for row in run.summary.population.levels
        for level in row.levels
        if level.level is not None
    }


def _own_text(value: object, feature: FeatureRow, write: Callable[[float], str]) -> str:
    """Write the user's own value: whole numbers and levels as they are."""
    if value is None:
        return MISSING
    if feature.kind in ("ordinal", "categorical") or not isinstance(value, int | float):
        return str(value)
    is_plain = feature.kind != "time" and isinstance(value, int)
    return count(value) if is_plain else write(float(value))


def _values(run: Run, user: pl.DataFrame, segment_id: int) -> Table:
    features = {row.name: row for row in run.summary.features}
    by_id = {s.segment_id: s for s in run.summary.segments}
    own = by_id.get(segment_id)
    medians = {} if own is None else {row.feature: row.median for row in own.numeric}
    levels = _level_names(run)
    everyone = {row.feature: row.median for row in run.summary.population.numeric}
    offset = run.summary.data.utc_offset_hours
    rows = []
    for name in user.columns:
        if name not in features or name == "segment_id":
            continue
        feature, value = features[name], user[name][0]

        def text(number: float | None, feature: FeatureRow = feature) -> str:
            return feature_value(
                number, kind=feature.kind, unit=feature.unit, utc_offset_hours=offset
            )

        def middle(number: float | None, name: str = name) -> str:
            return levels.get((name, f"{number:g}" if number is not None else "")) or text(number)

        own_text = levels.get((name, str(value))) or _own_text(value, feature, text)
        unit = "date and time" if feature.kind == "time" else feature.unit
        cells = (unit, own_text, middle(medians.get(name)), middle(everyone.get(name)))
        rows.append(Row((feature.label, *cells), is_strong=feature.weight is not None))
    return Table(
        "user",
        "All that is known of the user; bold: what formed the segments",
        columns=(
            Column("feature", "feature"),
            Column("unit", "unit", is_words=True),
            Column("value", "this user"),
            Column("median_segment", "median of the segment"),
            Column("median_all", "median of all users"),
        ),
        rows=tuple(rows),
    )
