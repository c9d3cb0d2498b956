"""Which rows of a log are read, and the window that they make."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import narwhals.stable.v2 as nw

from segmentry.errors import DataError
from segmentry.schema import SECONDS_PER_DAY, Engine, RowAccount, Source, Window

_HOUR = 3600
_BEFORE_WINDOW = "before --window"


@dataclass(frozen=True, slots=True)
class Rules:
    """Which rows of a source are read, and how."""

    since: int | None = None
    until: int | None = None
    """`since`, `until`: moments; events before and from then on are left out."""
    trailing_days: int | None = None
    """Days of the window, which ends at `until` or with the last whole day; then `since` is null.
    """
    sample: float = 1.0
    """Share of the users, by hash of the id."""
    is_strict: bool = False
    """Whether rejected rows are an error."""
    is_tallied: bool = False
    """Count users while the log is read instead of writing its parts: enough for features of one
    grouping by user."""
    is_by_part: bool = False
    """Leave the profiles in parts of the same users as those of the log: nobody holds them all."""
    is_kept: bool = False
    """Impressions are kept in order as well, to be described later."""
    memory: str | None = None
    """Limit for the whole process, such as "8GB"."""


def outside(rules: Rules) -> Mapping[str, nw.Expr]:
    """Return what the rules leave out, by option."""
    found: dict[str, nw.Expr] = {}
    is_trailing = rules.trailing_days is not None
    if rules.since is not None:
        reason = _BEFORE_WINDOW if is_trailing else "before --since"
        found[reason] = nw.col("shown_at") < rules.since
    if rules.until is not None:
        reason = "after --window" if is_trailing else "from --until on"
        found[reason] = nw.col("shown_at") >= rules.until
    return found


def placed(engine: Engine, source: Source, rules: Rules) -> Rules:
    """Find where a trailing window ends, if it is one.

    The last day of the log is whole if it has an event in its last hour, or hours are not known.
    """
    log = source.impressions
    if rules.trailing_days is None or log is None:
        return rules
    until = rules.until
    if until is None:
        last_at = engine.last_moment(log)
        if last_at is None:
            return rules  # reading the rows reports that none is left
        until = Window.around(last_at, last_at, utc_offset_hours=source.utc_offset_hours).end
        if source.has_hours and last_at < until - _HOUR:
            until -= SECONDS_PER_DAY
    return replace(rules, since=until - rules.trailing_days * SECONDS_PER_DAY, until=until)


def window_of(
    source: Source, rules: Rules, account: RowAccount, *, first_at: int, last_at: int
) -> Window:
    """Take the requested window, or the whole local days of the log."""
    if rules.trailing_days is not None:
        _check_length(source, rules, account, first_at=first_at)
    around = Window.around(first_at, last_at, utc_offset_hours=source.utc_offset_hours)
    start = around.start if rules.since is None else rules.since
    return replace(around, start=start, end=around.end if rules.until is None else rules.until)


def _check_length(source: Source, rules: Rules, account: RowAccount, *, first_at: int) -> None:
    """Refuse a trailing window that begins before the log does."""
    first = Window.around(first_at, first_at, utc_offset_hours=source.utc_offset_hours)
    if rules.since is None or rules.until is None or account.excluded.get(_BEFORE_WINDOW):
        return
    if first.start > rules.since:
        n_days = (rules.until - first.start) // SECONDS_PER_DAY
        raise DataError(
            f"--window {rules.trailing_days}d: the log has {n_days} days until the window ends; "
            f"expected at most {n_days}d"
        )
