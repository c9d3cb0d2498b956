"""Timestamps as epoch seconds, in each database's own way."""

from collections.abc import Callable, Mapping

from sqlglot import exp

from segmentry.activate.sql._trees import whole_part

_EPOCH = exp.Literal.string("1970-01-01 00:00:00")
_OWN_WAY: Mapping[str, Callable[[exp.Expr], exp.Expr]] = {
    "bigquery": lambda moment: exp.UnixSeconds(this=moment),
    "clickhouse": lambda moment: exp.func("toUnixTimestamp", moment),
    "mysql": lambda moment: exp.func("TIMESTAMPDIFF", exp.Var(this="SECOND"), _EPOCH, moment),
}


def epoch_seconds(moment: exp.Expr, *, dialect: str) -> exp.Expr:
    """Return whole epoch seconds of a timestamp, or of a number as is where no dialect is given.

    A timestamp without a time zone is taken to be in UTC.
    """
    if not dialect:
        return moment
    if dialect in _OWN_WAY:
        return _OWN_WAY[dialect](moment)
    return whole_part(exp.TimeToUnix(this=moment))
