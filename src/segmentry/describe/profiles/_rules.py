"""Readable rules for each segment, in words and SQL: a small tree, cut at round raw numbers."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from segmentry.formats import rate
from segmentry.privacy import is_small
from segmentry.schema import UNASSIGNED, Feature
from segmentry.schema.arrays import BoolVector, FloatMatrix, FloatVector, IntVector
from segmentry.segments.forming import Segmentation
from segmentry.segments.preprocessing import level_texts, numeric_values

_MAX_LEVELS = 12
_LEAVES_PER_SEGMENT = 3
_MAX_LEAVES = 60
_DEPTH = 6
_MAX_ROWS = 200_000
_MIN_SHARE = 0.001  # of the users in a leaf
_MIN_ROUNDED = 1e-290
"""Below it the powers of ten that rounding takes are no numbers any more."""


@dataclass(frozen=True, slots=True)
class RuleColumn:
    """What a condition looks at."""

    feature: str
    """Column of the user table."""
    label: str
    level: str | None
    """For a categorical feature: the level that a user has (1) or has not (0)."""
    fill: float | None
    """For a number: the value that stands in for an unknown one, its median; null where none is
    unknown."""
    are_numbers: bool = False
    """Whether levels are numbers in the user table: databases write 4.0 in several ways."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One column between bounds: above `low` and at most `high`; null is not a bound."""

    column: RuleColumn
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Rule:
    """Users that meet all conditions are said to be of the segment; a rule is one box.

    `n_users` meet them, `n_right` of these are of the segment.
    """

    segment_id: int
    conditions: tuple[Condition, ...]
    n_users: int
    n_right: int


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules that put every user of the segmented population into one segment."""

    population: str
    """One of "shown", "profiled", "all": the users that the rules are for."""
    complete: tuple[str, ...]
    """Features that must be known of a user."""
    rules: tuple[Rule, ...]
    """Boxes without overlap that cover everything; by segment, the largest first."""
    n_users: int
    """Users of the population."""
    fidelity: float
    """Share of them whose segment the rules tell."""


def find_rules(
    table: pl.DataFrame,
    segment_ids: IntVector,
    features: Sequence[Feature],
    *,
    n_segments: int,
    population: str,
    complete: Sequence[str] = (),
) -> RuleSet:
    """Find few rules on raw units that distinguish the segments.

    `features` are those that formed the segments, `population` the users that the recipe
    segments, and `complete` the features that must be known of a user to be segmented.

    A CART tree (Breiman et al. 1984) of at most three leaves per segment on the distinct rows of
    the features, weighted by their users; of more than 200,000 distinct rows those of most users.
    Cuts are moved to the roundest number between the two values that they divide, and all figures
    are counted on all users with these cuts.

    >>> from segmentry.features import LOG_FEATURES
    >>> table = pl.DataFrame({"n_impressions": [1, 2, 3, 40, 50, 60]})
    >>> found = find_rules(
    ...     table, np.array([1, 1, 1, 2, 2, 2]), LOG_FEATURES[:1], n_segments=2, population="all"
    ... )
    >>> [(rule.segment_id, rule.conditions[0].low, rule.conditions[0].high) for rule in found.rules]
    [(1, None, 20.0), (2, 20.0, None)]
    >>> found.fidelity
    1.0
    """
    is_in = segment_ids != UNASSIGNED
    users, ids = table.filter(is_in), segment_ids[is_in]
    columns = _columns(users, features)
    rows = _distinct(_values(users, columns), ids)
    boxes = _boxes(rows, n_segments=n_segments)
    rules = [
        Rule(segment, _conditions(columns, low, high), int(rows.n_users[is_met].sum()), n_right)
        for segment, low, high in boxes
        for is_met in [_inside(rows.values, low, high)]
        for n_right in [int(rows.n_users[is_met & (rows.segment_ids == segment)].sum())]
        if is_met.any()
    ]
    rules.sort(key=lambda rule: (rule.segment_id, -rule.n_users))
    n_right = sum(rule.n_right for rule in rules)
    return RuleSet(population, tuple(complete), tuple(rules), ids.size, n_right / max(1, ids.size))


def _columns(users: pl.DataFrame, features: Sequence[Feature]) -> list[RuleColumn]:
    columns = []
    for feature in features:
        if feature.kind == "categorical":
            counts = level_texts(users[feature.name]).drop_nulls().value_counts(sort=True)
            levels = sorted(counts[:, 0].head(_MAX_LEVELS).to_list())
            are_numbers = users[feature.name].dtype.is_numeric()
            columns += [
                RuleColumn(feature.name, _of(feature, each), each, None, are_numbers)
                for each in levels
            ]
        else:
            values = numeric_values(users[feature.name])
            known = values[np.isfinite(values)]
            is_filled = 0 < known.size < values.size
            fill = float(np.quantile(known, 0.5, method="lower")) if is_filled else None
            columns.append(RuleColumn(feature.name, feature.label, None, fill))
    return columns


def _of(feature: Feature, level: str) -> str:
    return f"{feature.label} {feature.levels.get(level, level)}"


def _values(users: pl.DataFrame, columns: Sequence[RuleColumn]) -> FloatMatrix:
    """Return what the conditions look at, shape (n_users, n_columns)."""
    found = np.empty((users.height, len(columns)))
    for place, column in enumerate(columns):
        if column.level is not None:
            is_level = (level_texts(users[column.feature]) == column.level).fill_null(value=False)
            found[:, place] = is_level.to_numpy()
        else:
            values = numeric_values(users[column.feature])
            fill = 0.0 if column.fill is None else column.fill
            found[:, place] = np.where(np.isnan(values), fill, values)
    return found


_Box = tuple[int, FloatMatrix, FloatMatrix]


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Distinct rows of what the conditions look at and of the segment, most users first."""

    values: FloatMatrix
    segment_ids: IntVector
    n_users: FloatMatrix


def _boxes(rows: _Rows, *, n_segments: int) -> list[_Box]:
    """Return the segment and the bounds of each leaf; inf where there is no bound."""
    from sklearn.tree import DecisionTreeClassifier

    most = slice(_MAX_ROWS)
    tree = DecisionTreeClassifier(
        max_leaf_nodes=max(2, min(_MAX_LEAVES, _LEAVES_PER_SEGMENT * n_segments)),
        max_depth=_DEPTH,
        min_weight_fraction_leaf=_MIN_SHARE,
        random_state=0,
    ).fit(rows.values[most], rows.segment_ids[most], sample_weight=rows.n_users[most])
    found: list[_Box] = []

    def walk(node: int, low: FloatMatrix, high: FloatMatrix) -> None:
        below, above = tree.tree_.children_left[node], tree.tree_.children_right[node]
        if below == above:
            answer = int(tree.classes_[np.argmax(tree.tree_.value[node][0])])
            found.append((answer, low, high))
            return
        column = int(tree.tree_.feature[node])
        cut = round_cut(rows.values[:, column], float(tree.tree_.threshold[node]))
        lower, upper = high.copy(), low.copy()
        lower[column], upper[column] = min(high[column], cut), max(low[column], cut)
        walk(below, low, lower)
        walk(above, upper, high)

    bound = np.full(rows.values.shape[1], np.inf)
    walk(0, -bound, bound)
    return _joined(found)


def _distinct(values: FloatMatrix, ids: IntVector) -> _Rows:
    """Return distinct rows with their segment and number of users, in a fixed order."""
    names = [f"x{place}" for place in range(values.shape[1])]
    counts = (
        pl.DataFrame(values, schema=names)
        .with_columns(pl.Series("segment_id", ids))
        .group_by([*names, "segment_id"])
        .len("n_users")
        .sort(["n_users", *names, "segment_id"], descending=[True, *[False] * (len(names) + 1)])
    )
    return _Rows(
        values=counts.select(names).to_numpy(),
        segment_ids=counts["segment_id"].to_numpy(),
        n_users=counts["n_users"].to_numpy().astype(np.float64),
    )


def _joined(boxes: list[_Box]) -> list[_Box]:
    """Put boxes of one segment together that differ in one bound, until none are left."""
    for place, (segment, low, high) in enumerate(boxes):
        for other_place, (other_segment, other_low, other_high) in enumerate(boxes):
            if other_segment != segment or other_place == place:
                continue
            differs = np.flatnonzero((low != other_low) | (high != other_high))
            if differs.size == 1 and high[differs[0]] == other_low[differs[0]]:
                rest = [b for i, b in enumerate(boxes) if i not in (place, other_place)]
                return _joined([*rest, (segment, low, other_high)])
    return boxes


def _inside(values: FloatMatrix, low: FloatMatrix, high: FloatMatrix) -> BoolVector:
    return np.asarray(np.all((values > low) & (values <= high), axis=1), dtype=np.bool_)


def _conditions(
    columns: Sequence[RuleColumn], low: FloatMatrix, high: FloatMatrix
) -> tuple[Condition, ...]:
    return tuple(
        Condition(
            column,
            float(lower) if np.isfinite(lower) else None,
            float(upper) if np.isfinite(upper) else None,
        )
        for column, lower, upper in zip(columns, low, high, strict=True)
        if np.isfinite(lower) or np.isfinite(upper)
    )


def round_cut(values: FloatVector, cut: float) -> float:
    """Return the roundest number that divides the values as `cut` does: up to it, and above.

    >>> round_cut(np.array([1.0, 2.0, 13.0, 40.0]), 26.5)
    20.0
    >>> round_cut(np.array([0.0312, 0.0318]), 0.0315)
    0.0315
    """
    is_below = values <= cut
    if is_below.all() or not is_below.any():
        return cut
    low, high = float(values[is_below].max()), float(values[~is_below].min())
    if low <= 0.0 < high:
        return 0.0
    middle = low / 2 + high / 2
    if abs(middle) < _MIN_ROUNDED:
        return low
    for digits in range(1, 17):
        found = _rounded(middle, digits)
        if low <= found < high:
            return found
    return low


def _rounded(value: float, digits: int) -> float:
    """Round to so many significant digits, towards 0."""
    power = digits - 1 - math.floor(math.log10(abs(value)))
    return float(f"{math.trunc(value * 10.0**power)}e{-power}")


_MAX_TEXTS = 4


@dataclass(frozen=True, slots=True)
class SegmentRules:
    """The rules of one segment in words, the ones of most users first.

    `coverage` is the share of the segment's users that its rules find, `precision` the share of
    the users that the rules find that belong to it; null where no rule leads to the segment.
    `n_users` is how many they find.
    """

    segment_id: int
    texts: tuple[str, ...]
    n_users: int
    coverage: float | None
    precision: float | None


@dataclass(frozen=True, slots=True)
class RuleReport:
    """Rules on raw units that tell the segments without the model; also in ``rules.sql``.

    `fidelity` is the share of users whose segment they tell.
    """

    fidelity: float
    n_users: int
    segments: tuple[SegmentRules, ...]
    sql: str


def report_rules(
    table: pl.DataFrame,
    segment_ids: IntVector,
    segmentation: Segmentation,
    features: Sequence[Feature],
    *,
    min_size: int,
) -> RuleReport:
    """Find rules for the segments as published, and say how far they go without the model."""
    rules = find_rules(
        table,
        segment_ids,
        features,
        n_segments=segmentation.n_segments,
        population=segmentation.recipe.population,
        complete=[
            column.feature for column in segmentation.preprocessing.fitted if column.fill == "none"
        ],
    )
    sizes = np.bincount(segment_ids, minlength=segmentation.n_segments + 1)
    return RuleReport(
        fidelity=rules.fidelity,
        n_users=rules.n_users,
        segments=tuple(
            _of_segment(rules, segment_id, int(sizes[segment_id]), min_size=min_size)
            for segment_id in range(1, segmentation.n_segments + 1)
        ),
        sql=rules_sql(rules),
    )


def _of_segment(rules: RuleSet, segment_id: int, size: int, *, min_size: int) -> SegmentRules:
    own = [rule for rule in rules.rules if rule.segment_id == segment_id]
    n_users, n_right = sum(rule.n_users for rule in own), sum(rule.n_right for rule in own)
    is_hidden = is_small(n_users, min_size=min_size) or is_small(n_right, min_size=min_size)
    if not own or not size or is_hidden:
        return SegmentRules(segment_id, (), 0, None, None)
    texts = tuple(rule_text(rule) for rule in own[:_MAX_TEXTS])
    if len(own) > _MAX_TEXTS:
        texts += (f"and {len(own) - _MAX_TEXTS} smaller boxes (rules.sql)",)
    return SegmentRules(segment_id, texts, n_users, n_right / size, n_right / n_users)


def rule_text(rule: Rule) -> str:
    """Return the conditions of a rule in words.

    >>> column = RuleColumn(feature="n_impressions", label="impressions", level=None, fill=None)
    >>> rule_text(Rule(1, (Condition(column, 12.0, 40.0),), n_users=9, n_right=8))
    'impressions above 12 and at most 40'
    >>> rule_text(Rule(1, (), n_users=9, n_right=8))
    'everyone'
    """
    return "; ".join(_condition_text(each) for each in rule.conditions) or "everyone"


def _condition_text(condition: Condition) -> str:
    column = condition.column
    if column.level is not None:
        return f"{column.label}" if condition.low is not None else f"not {column.label}"
    parts = []
    if condition.low is not None:
        parts.append(f"above {_number(condition.low, column)}")
    if condition.high is not None:
        parts.append(f"at most {_number(condition.high, column)}")
    text = f"{column.label} {' and '.join(parts)}"
    return f"{text}, or unknown" if _takes_unknown(condition) else text


def _takes_unknown(condition: Condition) -> bool:
    fill = condition.column.fill
    if fill is None:
        return False
    is_above = condition.low is None or fill > condition.low
    return is_above and (condition.high is None or fill <= condition.high)


def _number(value: float, column: RuleColumn) -> str:
    return rate(value) if column.feature in ("ctr", "ctr_shrunk") else f"{value:,.10g}"


def rules_sql(rules: RuleSet, *, table: str = "users.parquet") -> str:
    """Return a query that gives the segment of every user by the rules alone.

    It is for DuckDB and reads `table`: ``SELECT user_id, CASE ... END AS rule_segment_id FROM
    ...``, ending with a new line. Other databases either refuse it or read it the same way. An
    unknown value counts as the median of the feature; users that are not segmented have 0.
    """
    cases = [f"    WHEN {each} THEN 0" for each in _left_out(rules)]
    cases += [f"    WHEN {_where(each.conditions)} THEN {each.segment_id}" for each in rules.rules]
    lines = [
        "-- The segments by rules on raw units, without the model.",
        f"-- They tell the segment of {100 * rules.fidelity:.1f} % of {rules.n_users:,} users.",
        "-- For DuckDB; for other databases: segmentry export sql RUN_DIR --rules --dialect NAME",
        "SELECT",
        "  user_id,",
        "  CASE",
        *cases,
        "    ELSE 0",
        "  END AS rule_segment_id",
        f"FROM {_text(table)} AS users;",
    ]
    return "\n".join(lines) + "\n"


def _left_out(rules: RuleSet) -> list[str]:
    left_out = []
    if rules.population == "shown":
        left_out.append("COALESCE(n_impressions, 0) <= 0")
    if rules.population == "profiled":
        left_out.append("NOT COALESCE(is_profiled, FALSE)")
    return left_out + [f"{_name(feature)} IS NULL" for feature in rules.complete]


def _where(conditions: Sequence[Condition]) -> str:
    found = []
    for condition in conditions:
        value = _value(condition.column)
        if condition.column.level is not None:
            found.append(value if condition.low is not None else f"NOT {value}")
            continue
        if condition.low is not None:
            found.append(f"{value} > {_literal(condition.low)}")
        if condition.high is not None:
            found.append(f"{value} <= {_literal(condition.high)}")
    return " AND ".join(found) or "TRUE"


def _value(column: RuleColumn) -> str:
    name = _name(column.feature)
    if column.level is not None and column.are_numbers:
        return f"COALESCE(CAST({name} AS DOUBLE) = {_literal(float(column.level))}, FALSE)"
    if column.level is not None:
        return f"COALESCE(CAST({name} AS VARCHAR) = {_text(column.level)}, FALSE)"
    return name if column.fill is None else f"COALESCE({name}, {_literal(column.fill)})"


def _literal(value: float) -> str:
    """Write a number so that it is read as the same double, never as a decimal."""
    if value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return f"{value!r}" if "e" in repr(value) else f"{value!r}e0"


_PLAIN = re.compile(r"(?!current_|session_|local)[a-z][a-z0-9]*(_[a-z0-9]+)+")
"""Names of several words: reserved in no database."""


def _name(feature: str) -> str:
    # BigQuery, Spark and MySQL take "name" for a text and compare that. After a dot they refuse it.
    if _PLAIN.fullmatch(feature):
        return feature
    return 'users."' + feature.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
