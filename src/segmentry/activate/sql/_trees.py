"""Small pieces of SQL trees: names, numbers, and what several steps are made of."""

import functools
import re
from collections.abc import Iterable, Mapping, Sequence

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect

from segmentry.errors import ConfigError

DIALECTS = (
    "duckdb",
    "postgres",
    "bigquery",
    "snowflake",
    "spark",
    "databricks",
    "redshift",
    "trino",
    "clickhouse",
    "mysql",
)
LARGEST = 1.7976931348623157e308
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")
_PART = re.compile(r'"(?:[^"]|"")+"|[^."]+')
_RESERVED = (
    "analyse asymmetric authorization both cast check collation concurrently current_role "
    "deferrable freeze initially leading placing symmetric trailing verbose"
)
"""By PostgreSQL, and no keywords of sqlglot's readers."""


Step = tuple[str, exp.Query]
"""The name of a step, and its query on the step before."""


def name(text: str) -> exp.Identifier:
    """Return a name, in quotes unless it means the same without them in every database."""
    return exp.to_identifier(text, quoted=not is_plain(text))


def is_plain(text: str) -> bool:
    """Return whether a name means the same without quotes in every database."""
    is_word = _PLAIN.fullmatch(text) is not None
    return is_word and text not in _RESERVED.split() and text.upper() not in _keywords()


@functools.cache
def _keywords() -> frozenset[str]:
    of_all = (Dialect.get_or_raise(each).tokenizer_class.KEYWORDS for each in DIALECTS)
    return frozenset(word for keywords in of_all for each in keywords for word in each.split())


def table_named(text: str) -> exp.Table:
    """Return a table by its name as ``schema.table``; parts with dots stand in double quotes.

    Raises ConfigError if it is not a name of one to three parts.
    """
    parts = _PART.findall(text)
    if ".".join(parts) != text or not 1 <= len(parts) <= 3:
        raise ConfigError(
            f'--table {text!r}: expected a name as users, shop.users or "my.schema"."users"'
        )
    named = [
        exp.to_identifier(part[1:-1].replace('""', '"'), quoted=True)
        if part.startswith('"')
        else name(part)
        for part in parts
    ]
    places = zip(("this", "db", "catalog"), reversed(named), strict=False)
    return exp.Table(**dict(places))


def column(text: str, table: str | None = None) -> exp.Column:
    """Return a column by its name."""
    return exp.Column(this=name(text), table=None if table is None else name(table))


def number(value: float) -> exp.Expr:
    """Return a number that each database reads as the same double: with an exponent.

    >>> number(-0.5).sql(), number(1e300).sql()
    ('-0.5e0', '1e+300')
    """
    written = repr(abs(value))
    literal = exp.Literal.number(written if "e" in written else f"{written}e0")
    return exp.Neg(this=literal) if value < 0 else literal


def whole(value: int) -> exp.Expr:
    """Return a whole number."""
    literal = exp.Literal.number(abs(value))
    return exp.Neg(this=literal) if value < 0 else literal


def text(value: str) -> exp.Literal:
    """Return a text."""
    return exp.Literal.string(value)


def double(value: exp.Expr) -> exp.Expr:
    """Return a value as a double."""
    return exp.cast(value, exp.DataType.Type.DOUBLE)


def named(value: exp.Expr, alias: str) -> exp.Expr:
    """Return a value under a name."""
    if isinstance(value, exp.Column) and value.name == alias and not value.table:
        return value
    return exp.alias_(value, name(alias))


def case(whens: Iterable[tuple[exp.Expr, exp.Expr]], default: exp.Expr | None = None) -> exp.Expr:
    """Return the value of the first condition that holds."""
    ifs = [exp.If(this=when, true=then) for when, then in whens]
    return exp.Case(ifs=ifs, default=default)


def switch(value: exp.Expr, answers: Mapping[int, exp.Expr]) -> exp.Expr:
    """Return the answer to a whole number, null for any other."""
    ifs = [exp.If(this=whole(each), true=then) for each, then in answers.items()]
    return exp.Case(this=value, ifs=ifs)


def all_of(conditions: Sequence[exp.Expr]) -> exp.Expr:
    """Return whether all conditions hold."""
    if not conditions:
        return exp.true()
    found = conditions[0]
    for each in conditions[1:]:
        found = exp.And(this=found, expression=each)
    return found


def is_null(value: exp.Expr) -> exp.Expr:
    """Return whether a value is unknown."""
    return exp.Is(this=value, expression=exp.null())


def _operand(value: exp.Expr) -> exp.Expr:
    is_open = isinstance(value, exp.Binary | exp.Neg)
    return exp.Paren(this=value) if is_open else value


def equal(left: exp.Expr, right: exp.Expr) -> exp.Expr:
    """Return whether two values are equal."""
    return exp.EQ(this=left, expression=right)


def less(left: exp.Expr, right: exp.Expr) -> exp.Expr:
    """Return whether one value is below another."""
    return exp.LT(this=left, expression=right)


def more(left: exp.Expr, right: exp.Expr) -> exp.Expr:
    """Return whether one value is above another."""
    return exp.GT(this=left, expression=right)


def minus(left: exp.Expr, right: exp.Expr) -> exp.Expr:
    """Subtract; a negative number is added, which is the same and reads better."""
    if isinstance(right, exp.Neg):
        return exp.Add(this=_operand(left), expression=right.this)
    return exp.Sub(this=_operand(left), expression=_operand(right))


def times(left: exp.Expr, right: exp.Expr) -> exp.Expr:
    """Multiply."""
    return exp.Mul(this=_operand(left), expression=_operand(right))


def quotient(left: exp.Expr, right: exp.Expr) -> exp.Expr:
    """Divide doubles."""
    return exp.Div(this=_operand(left), expression=_operand(right), typed=True, safe=False)


def total(values: Sequence[exp.Expr]) -> exp.Expr:
    """Add values up from the left, as the columns of a matrix are."""
    found = values[0]
    for each in values[1:]:
        found = exp.Add(this=found, expression=each)
    return found


def smallest(values: Sequence[exp.Expr]) -> exp.Expr:
    """Return the smallest of values of which none is null."""
    if len(values) == 1:
        return values[0]
    # Without the flag a test for null would be written around DuckDB's LEAST.
    return exp.Least(this=values[0], expressions=list(values[1:]), ignore_nulls=True)


def select(*values: exp.Expr, of: exp.Expr | str) -> exp.Select:
    """Return a query on a table, or on a step by its name."""
    return exp.Select(expressions=list(values)).from_(of)


def with_comment(query: exp.Select, comment: str) -> exp.Select:
    """Return the query with a line before it that says what it does."""
    query.add_comments([f" {comment} "])
    return query


def not_null(value: exp.Expr) -> exp.Expr:
    """Return whether a value is known."""
    return exp.Not(this=is_null(value))


def any_of(left: exp.Expr, right: exp.Expr) -> exp.Expr:
    """Return whether one of two conditions holds."""
    return exp.Paren(this=exp.Or(this=left, expression=right))


def whole_part(value: exp.Expr) -> exp.Expr:
    """Return the largest whole number that is not above a double."""
    return exp.cast(exp.Floor(this=value), exp.DataType.Type.BIGINT)


def n_rows() -> exp.Expr:
    """Count rows."""
    return exp.Count(this=exp.Star())


def n_where(condition: exp.Expr, value: exp.Expr | None = None) -> exp.Expr:
    """Count rows that meet a condition, or add a value of theirs up."""
    counted = whole(1) if value is None else value
    return exp.Sum(this=case([(condition, counted)], whole(0)))
