"""Rules in words and as a SQL CASE."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from segmentry.describe.profiles._rules import Condition, Rule, RuleColumn, RuleSet, find_rules
from segmentry.privacy import is_small
from segmentry.schema import Feature
from segmentry.schema.arrays import IntVector
from segmentry.segments.forming import Segmentation

_MOST_TEXTS = 4


@dataclass(frozen=True, slots=True)
class SegmentRules:
    """The rules of one segment in words, the ones of most users first.

    `coverage` is the share of the segment's users that its rules find, `precision` the share of
    the users whom the rules find that belong to it; null where no rule leads to the segment.
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
    texts = tuple(rule_text(rule) for rule in own[:_MOST_TEXTS])
    if len(own) > _MOST_TEXTS:
        texts += (f"and {len(own) - _MOST_TEXTS} smaller boxes (rules.sql)",)
    return SegmentRules(segment_id, texts, n_users, n_right / size, n_right / n_users)


def rule_text(rule: Rule) -> str:
    """Return the conditions of a rule in words.

    Examples
    --------
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
        parts.append(f"above {_number(condition.low)}")
    if condition.high is not None:
        parts.append(f"at most {_number(condition.high)}")
    told = f"{column.label} {' and '.join(parts)}"
    return f"{told}, or unknown" if _takes_unknown(condition) else told


def _takes_unknown(condition: Condition) -> bool:
    fill = condition.column.fill
    if fill is None:
        return False
    is_above = condition.low is None or fill > condition.low
    return is_above and (condition.high is None or fill <= condition.high)


def _number(value: float) -> str:
    return f"{value:,.10g}"


def rules_sql(rules: RuleSet, *, table: str = "users.parquet") -> str:
    """Return a query that gives the segment of every user by the rules alone.

    It is for DuckDB and reads `table`; elsewhere only the last line changes: ``SELECT user_id, CASE
    ... END AS rule_segment_id FROM ...``, ending with a new line. An unknown value counts as the
    median of the feature; users that are not segmented have 0.
    """
    cases = [f"    WHEN {each} THEN 0" for each in _left_out(rules)]
    cases += [f"    WHEN {_where(each.conditions)} THEN {each.segment_id}" for each in rules.rules]
    lines = [
        "-- The segments by rules on raw units, without the model.",
        f"-- They tell the segment of {rules.fidelity:.1%} of {rules.n_users:,} users.",
        "SELECT",
        "  user_id,",
        "  CASE",
        *cases,
        "    ELSE 0",
        "  END AS rule_segment_id",
        f"FROM {_text(table)};",
    ]
    return "\n".join(lines) + "\n"


def _left_out(rules: RuleSet) -> list[str]:
    left_out = []
    if rules.population == "shown":
        left_out.append('COALESCE("n_impressions", 0) <= 0')
    if rules.population == "profiled":
        left_out.append('NOT COALESCE("is_profiled", FALSE)')
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
    if column.level is not None:
        return f"COALESCE(CAST({name} AS VARCHAR) = {_text(column.level)}, FALSE)"
    return name if column.fill is None else f"COALESCE({name}, {_literal(column.fill)})"


def _literal(value: float) -> str:
    """Write a number so that it is read as the same double, never as a decimal."""
    if value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return f"{value!r}" if "e" in repr(value) else f"{value!r}e0"


def _name(feature: str) -> str:
    return '"' + feature.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
