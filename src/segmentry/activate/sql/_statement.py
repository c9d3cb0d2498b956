"""The whole statement as a tree: the steps, and what is returned of each user."""

from collections.abc import Mapping, Sequence

import sqlglot
from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.generator import Generator

from segmentry.activate.sql._trees import (
    Step,
    case,
    column,
    double,
    equal,
    minus,
    more,
    name,
    named,
    number,
    quotient,
    select,
    switch,
    text,
    whole,
)

_WIDTH = 96


def statement_of(
    steps: Sequence[Step],
    *,
    keys: Sequence[str] | None,
    names: Sequence[str],
    rates: Mapping[int, float],
    are_cells: bool,
) -> exp.Select:
    """Return one query: a common table expression for each step, and the columns of a score.

    The columns are ``user_id, segment_id, segment_key, segment_name, margin, expected_rate``;
    `keys` and `names` are of the segments from 1 on, and `rates` what they are expected to do on
    later days, where known. In a cell a user may be nearer to the centre of another: that is a
    margin of 0.
    """
    roots = [exp.Sqrt(this=column(each)) for each in ("second", "nearest")]
    margin = quotient(minus(*roots), roots[0].copy())
    whens = [
        (equal(column("segment_id"), whole(0)), exp.null()),
        (more(column("second"), number(0)), margin),
    ]
    if are_cells:
        whens.insert(1, (more(column("nearest"), column("second")), number(0)))
    segment = column("segment_id")
    query = select(
        column("user_id"),
        segment,
        named(_texts(keys), "segment_key"),
        named(_texts(names), "segment_name"),
        named(case(whens, number(0)), "margin"),
        named(_rates(rates), "expected_rate"),
        of=steps[-1][0],
    )
    ctes = [exp.CTE(this=body, alias=exp.TableAlias(this=name(title))) for title, body in steps]
    query.set("with_", exp.With(expressions=ctes))
    return query


def _texts(texts: Sequence[str] | None) -> exp.Expr:
    if texts is None:
        return exp.cast(exp.null(), exp.DataType.Type.VARCHAR)
    return switch(column("segment_id"), dict(enumerate(map(text, texts), start=1)))


def _rates(rates: Mapping[int, float]) -> exp.Expr:
    known = {segment_id: number(rate) for segment_id, rate in rates.items()}
    return double(switch(column("segment_id"), known) if known else exp.null())


def rules_of(sql: str, *, table: exp.Table) -> exp.Expr:
    """Read the rules of a run, which are for DuckDB, with another table."""
    tree = sqlglot.parse_one(sql, read="duckdb")
    tree.comments = None
    found = tree.find(exp.Table)
    assert found is not None, "rules read a table"  # noqa: S101
    found.replace(exp.alias_(table, "users", table=True))
    return tree


def written(tree: exp.Expr, dialect: str, *, heading: Sequence[str]) -> str:
    """Write a tree in the grammar of a database."""
    fitted = tree.transform(_ADAPTED[dialect]) if dialect in _ADAPTED else tree
    if dialect == "clickhouse" and isinstance(fitted, exp.Select):
        # By default a name is the alias of the same query, and what a join lacks is 0.
        switches = ("prefer_column_name_to_alias", "join_use_nulls")
        fitted.set("settings", [exp.EQ(this=exp.column(s), expression=whole(1)) for s in switches])
    if dialect == "postgres":
        # It puts each step into the next one's expressions, again for every mention of a column.
        for each in fitted.find_all(exp.CTE):
            each.set("materialized", True)
    body = _writer(dialect).generate(fitted)
    return "".join(f"-- {line}\n" for line in heading) + body + ";\n"


def _writer(dialect: str) -> Generator:
    """Return the writer of a database that breaks lines at sums and not at parentheses."""
    base = Dialect.get_or_raise(dialect).generator_class
    kind = type("Writer", (base,), {"paren_sql": _in_parentheses, "add_sql": _sum})
    writer: Generator = kind(dialect=dialect, pretty=True, max_text_width=_WIDTH)
    return writer


def _in_parentheses(writer: Generator, node: exp.Paren) -> str:
    return f"({writer.sql(node, 'this')})"


def _sum(writer: Generator, node: exp.Add) -> str:
    left, right = writer.sql(node, "this"), writer.sql(node, "expression")
    is_short = len(left) + len(right) < _WIDTH // 2
    return f"{left} + {right}" if is_short else f"{left}\n+ {right}"


def _exact_texts(node: exp.Expr) -> exp.Expr:
    """Compare texts byte by byte: MySQL's own comparison takes a for A, and leaves blanks out."""
    if isinstance(node, exp.EQ) and node.expression.is_string:
        return exp.EQ(this=exp.cast(node.this, "binary"), expression=node.expression)
    return node


_ADAPTED = {"mysql": _exact_texts}
