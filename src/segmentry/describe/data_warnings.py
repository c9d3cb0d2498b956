"""What of the data itself must be known before anything that was made of it is used."""

import datetime as dt
from collections.abc import Iterator

import numpy as np
import polars as pl

from segmentry.evaluation.later_days import Validation
from segmentry.features.users import UserData
from segmentry.formats import percent
from segmentry.ingest.quality import SPELLED, UNREADABLE, Finding
from segmentry.runtime.memory import memory_of_users, parse_size
from segmentry.schema import OF_CLICKS, Outcome

_BUSY_SHARE, _BUSY_TIMES = 0.01, 10
_EMPTY_SHARE = 0.5
_REJECTED_SHARE = 0.01
_UNREADABLE_SHARE = 0.01
_EXCESS = 1.15
_MAX_CLICKS = 0.2
_MAX_VALUE = 0.2
_ONE_IN = 1_000
_MAX_COPIES = 0.05
_MIN_COMPARED = 100


def warn_of_data(users: UserData) -> Iterator[str]:
    """Say what is odd enough about the data to doubt what they tell."""
    findings = {found.code: found for found in users.findings}
    busiest = findings.get("busiest-user")
    # Of 80 users one has a hundredth by right.
    most = max(_BUSY_SHARE, _BUSY_TIMES / max(1, users.table.height))
    if busiest is not None and _share(busiest) > most:
        yield (
            f"One user has {percent(_share(busiest), digits=0)} of all {users.traits.events}: "
            "perhaps a bot."
        )
    joined = findings.get("users-without-profile")
    if joined is not None and joined.of and joined.count == joined.of:
        yield (
            "No user of the log has a profile: perhaps the ids of one table are written in another "
            "way than those of the other. Attributes say nothing of who is in the log then."
        )
    yield from _of_empty_days(users)
    if users.has_unread_behaviours:
        yield (
            "There is a behaviour log, and it was not read: --with behaviours tells what users "
            "view, put in the cart and buy."
        )
    for found in users.findings:
        if found.code.startswith(UNREADABLE) and _share(found) > _UNREADABLE_SHARE:
            yield (
                f"{found.count:,} {found.text} ({percent(_share(found), digits=0)}): "
                "declare how the column is written in the mapping (decimal, thousands, missing), "
                "or fix the file."
            )
        if found.code == "damaged-user_id" and _share(found) > _UNREADABLE_SHARE:
            yield (
                f"{found.count:,} {found.text} ({percent(_share(found), digits=0)}): "
                "different users may have become one; export the ids again, as text."
            )
        if found.code.startswith(SPELLED) and _share(found) > _UNREADABLE_SHARE:
            yield f"{found.count:,} {found.text}; write the ids alike in both tables."
    yield from _of_rejections(users)


def _share(found: Finding) -> float:
    return found.count / found.of if found.of else 0.0


def _of_empty_days(users: UserData) -> Iterator[str]:
    """Say that the days are mostly empty: a few wrong times stretch the window over years."""
    if users.early is None:
        return
    n_days = round(users.window.n_days)
    n_empty = n_days - users.early.days["day"].n_unique()
    if n_empty <= _EMPTY_SHARE * n_days:
        return
    zone = dt.timezone(dt.timedelta(hours=users.window.utc_offset_hours))
    first, last = (
        dt.datetime.fromtimestamp(moment, tz=zone).date()
        for moment in (users.window.start, users.window.end - 1)
    )
    yield (
        f"{n_empty:,} of the {n_days:,} days from {first} to {last} have no {users.traits.event}: "
        "perhaps a few times are wrong. Figures by day and the choice of the days that check the "
        "segments take all of them; --since and --until choose others."
    )


def _of_rejections(users: UserData) -> Iterator[str]:
    """Say how much was lost, and why where it is much."""
    accounts = [account for account in users.accounts if account.n_rejected]
    for account in accounts:
        share = account.n_rejected / account.n_read
        if share > _REJECTED_SHARE:
            reason, n_rows = max(account.rejected.items(), key=lambda each: each[1])
            role = users.traits.events if account.role == "impressions" else account.role
            yield (
                f"{percent(share, digits=0)} of the rows of {role} could not be used, most "
                f"of them for: {reason} ({n_rows:,})."
            )
    if accounts:
        n_rejected = sum(account.n_rejected for account in accounts)
        yield f"{n_rejected:,} rows could not be used; the data section lists why."


def warn_of_suspects(
    table: pl.DataFrame, validation: Validation | None, *, outcome: Outcome = OF_CLICKS
) -> Iterator[str]:
    """Say where few users have many of the clicks, or one much of the value, and who are copies.

    `table` is the user table of all days.
    """
    if {"n_clicks", "n_impressions"} <= set(table.columns):
        yield from _of_clicks(table)
    if outcome.kind == "value" and "value_sum" in table.columns:
        yield from _of_value(table["value_sum"], outcome.events)
    if validation is None:
        return
    found = validation.copied
    if found.n_compared >= _MIN_COMPARED and found.n_copied >= _MAX_COPIES * found.n_compared:
        yield (
            f"{percent(found.n_copied / found.n_compared, digits=0)} of the users with many "
            "impressions have, on every day, exactly the impressions and clicks of another user: "
            "perhaps one person under several ids. Intervals and verdicts take users to be "
            "independent and are then too sure."
        )


def _of_clicks(table: pl.DataFrame) -> Iterator[str]:
    clicks = table.filter(pl.col("n_impressions") > 0)["n_clicks"].fill_null(0)
    n_clicks, n_most = int(clicks.sum()), max(1, round(clicks.len() / _ONE_IN))
    share = int(clicks.top_k(n_most).sum()) / n_clicks if n_clicks else 0.0
    if share < _MAX_CLICKS:
        return
    who = "One user has" if n_most == 1 else f"{n_most:,} users, one in {_ONE_IN:,}, have"
    yield (
        f"{who} {percent(share, digits=0)} of all clicks: perhaps bots. Click rates, and "
        "verdicts on them, are then theirs and not of people."
    )


def _of_value(values: pl.Series, events: str) -> Iterator[str]:
    """Say that one user has much of the value, which no interval takes into account."""
    known = np.maximum(values.drop_nulls().to_numpy(), 0.0)
    share = known.max() / known.sum() if known.any() else 0.0
    if share >= _MAX_VALUE:
        yield (
            f"One user has {percent(share, digits=0)} of the value of all {events}. Values "
            "per user, of all and of that user's segment, say little of the others. Their "
            f"intervals are wide where the measured days hold {events} of this user, and too "
            "narrow where they do not. Check the amounts (value_sum in users.parquet), and compare "
            "the segments with --outcome events too."
        )


def warn_of_memory(n_users: int, memory: str | None) -> Iterator[str]:
    """Say that the users alone, in whatever parts the logs are read, take more than was given.

    >>> list(warn_of_memory(1_141_729, "700MB"))
    ['The users alone take about 0.9 GB while they are segmented and described, more than \
--memory 700MB; that was kept while the logs were read.']
    >>> list(warn_of_memory(20_000, "500MB")), list(warn_of_memory(1_141_729, None))
    ([], [])
    """
    if memory is None:
        return
    n_bytes, limit = memory_of_users(n_users), parse_size(memory)
    of_users = n_bytes - memory_of_users(0)
    if n_bytes > _EXCESS * limit and of_users > (_EXCESS - 1) * limit:
        yield (
            f"The users alone take about {n_bytes / 1e9:.1f} GB while they are segmented and "
            f"described, more than --memory {memory}; that was kept while the logs were read."
        )
