"""Rules in words and as a SQL CASE."""

from collections.abc import Sequence

from segmentry.describe.profiles._rules import Condition, Rule, RuleColumn, RuleSet


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

    Parameters
    ----------
    rules : RuleSet
    table : str
        What to read: the query is for DuckDB; elsewhere only the last line changes.

    Returns
    -------
    str
        ``SELECT user_id, CASE ... END AS rule_segment_id FROM ...``, ending with a new line. An
        unknown value counts as the median of the feature; users that are not segmented have 0.
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
