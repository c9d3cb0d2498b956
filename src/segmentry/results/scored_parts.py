"""Scores of users that nobody holds all at once: each part is scored and written where it is."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import polars as pl

from segmentry.errors import EngineError
from segmentry.features import without_strangers
from segmentry.features.by_part import (
    PartReading,
    UserPart,
    user_parts,
    users_of_part,
)
from segmentry.ingest.quality import refuse_rejections, unreadable_values
from segmentry.results.scoring import Bundle, score_users
from segmentry.results.targets import PartsFolder
from segmentry.schema import UNASSIGNED, Engine, Frames, PartQueries, RowAccount
from segmentry.segments.preprocessing import OddCounts, count_odd


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """How many users are in each segment, by its id, and what is odd about those in one."""

    n_users: Mapping[int, int]
    odd: OddCounts


def count_scored(bundle: Bundle, table: pl.DataFrame, segments: pl.DataFrame) -> Scored:
    """Count the users of a table by their segments."""
    ids = segments["segment_id"]
    return Scored(
        dict(ids.value_counts().sort("segment_id").iter_rows()),
        count_odd(bundle.preprocessing, table.filter(ids != UNASSIGNED)),
    )


def write_scores(
    engine: Engine, reading: PartReading, bundle: Bundle, folder: PartsFolder, *, is_strict: bool
) -> Scored:
    """Score the users of each part and write them as a part of a folder.

    Raises DataError if no behaviour is left, or profiles were rejected and may not be; EngineError
    if not every user was written.
    """
    score = partial(_score_part, reading=reading, bundle=bundle, folder=folder)
    answers = engine.map_parts(score, user_parts(reading.checked), tuple)
    total: Counter[tuple[str, str]] = Counter()
    for (found,) in answers:
        if found is not None:
            total.update({(what, name): n for what, name, n in found.iter_rows()})
    if reading.checked.behaviours is not None:
        is_sample = reading.sample < 1
        without_strangers(reading.checked.behaviours, total["strange", ""], is_sample=is_sample)
    if is_strict:
        _refuse_profiles(reading, total)
    n_written = folder.n_rows()
    n_users = {int(name): n for name, n in sorted(_of(total, "segment").items())}
    if n_written != sum(n_users.values()):
        cause = f"{sum(n_users.values()):,} users were scored, but {n_written:,} were written"
        raise EngineError(engine=engine.name, step="scoring", cause=cause)
    return Scored(n_users, OddCounts(total))


def _of(total: Mapping[tuple[str, str], int], what: str) -> dict[str, int]:
    return {name: n for (each, name), n in total.items() if each == what and n}


def _refuse_profiles(reading: PartReading, total: Mapping[tuple[str, str], int]) -> None:
    """Refuse profiles that were rejected: lines that could not be divided, and rows of parts."""
    undivided = reading.checked.profiles.account
    rejected = {**undivided.rejected, **_of(total, "rejected")}
    n_read = undivided.n_read + total["profiles", ""]
    columns = {} if reading.source.profiles is None else reading.source.profiles.columns
    findings = [
        unreadable_values(
            name, rows="users", column=columns[name].name, example="", count=n, of=n_read
        )
        for name, n in _of(total, "unreadable").items()
    ]
    n_used = n_read - sum(rejected.values())
    refuse_rejections([RowAccount("profiles", n_read, n_used, rejected, {})], findings)


def _score_part(
    engine: PartQueries,
    part: UserPart,
    *,
    reading: PartReading,
    bundle: Bundle,
    folder: PartsFolder,
) -> Frames:
    """Score a part; all that leaves the task are counts."""
    users = users_of_part(engine, part, reading)
    windows = (reading.checked.window, reading.history)
    segments, _ = score_users(bundle, users.table, windows=windows)
    if segments.height:
        folder.write(segments, part.number)
    scored = count_scored(bundle, users.table, segments)
    counts = {
        **{("segment", str(each)): n for each, n in scored.n_users.items()},
        **scored.odd,
        ("strange", ""): users.n_strange,
    }
    if reading.checked.profile_parts:
        profiles = users.profiles
        counts["profiles", ""] = profiles.account.n_read
        counts |= {("rejected", reason): n for reason, n in profiles.account.rejected.items()}
        counts |= {("unreadable", name): n for name, n in profiles.n_unreadable.items()}
    rows = [(what, name, n) for (what, name), n in counts.items()]
    schema = {"what": pl.String, "name": pl.String, "n": pl.Int64}
    return (pl.DataFrame(rows, schema=schema, orient="row"),)
