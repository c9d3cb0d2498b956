"""The user table of one part: what a task works out where nobody holds all users at once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from segmentry.features._behaviour_features import behaviour_provides
from segmentry.features._behaviour_table import (
    count_behaviour_users,
    count_strangers,
    history_of,
    value_ads,
)
from segmentry.features._user_table import count_users, derive_features
from segmentry.features.stages import derived_of, with_attributes
from segmentry.features.users import Wanted
from segmentry.ingest.checked import Checked, profiles_of_part
from segmentry.ingest.clean_tables import CleanTable
from segmentry.schema import Engine, LogParts, PartQueries, Source, Window


@dataclass(frozen=True, slots=True)
class UserPart:
    """Where the rows of some users are: a folder by table, null where it has none of them."""

    name: str
    log: Path | None
    behaviours: Path | None
    profiles: Path | None

    @property
    def number(self) -> int:
        """Of the part."""
        return int(self.name.partition("=")[2])


@dataclass(frozen=True, slots=True, eq=False)
class PartReading:
    """How the users of a part are worked out; what is `checked` are all parts."""

    checked: Checked
    source: Source
    wanted: Wanted
    history: Window | None
    """Of the behaviours, where they are wanted."""
    sample: float


@dataclass(frozen=True, slots=True, eq=False)
class PartUsers:
    """The user table of a part, its profiles, and the behaviours of users that are not in it."""

    table: pl.DataFrame
    profiles: CleanTable
    n_strange: int


def reading_by_part(
    engine: Engine, checked: Checked, source: Source, wanted: Wanted, *, sample: float
) -> PartReading:
    """Return how the users of each part are worked out."""
    history = None
    if checked.behaviours is not None:
        is_timed = "times" in behaviour_provides(source)
        history = history_of(engine, checked.behaviours, checked.window, is_timed=is_timed)
    return PartReading(checked, source, wanted, history, sample)


def user_parts(checked: Checked) -> list[UserPart]:
    """Put the folders of the same users together: they have the same name."""
    behaviours = () if checked.behaviours is None else checked.behaviours.parts
    tables = [
        {part.name: part for part in parts}
        for parts in (_log_of(checked), behaviours, checked.profile_parts)
    ]
    names = sorted({name for table in tables for name in table})
    return [UserPart(name, *(table.get(name) for table in tables)) for name in names]


def _log_of(checked: Checked) -> Sequence[Path]:
    assert isinstance(checked.log, LogParts), "read part by part"  # noqa: S101
    return checked.log.parts


def users_of_part(engine: PartQueries, part: UserPart, reading: PartReading) -> PartUsers:
    """Work out the wanted features of the users of a part.

    Of a part without a row of the log, another one stands in, of which no user is one of these.
    """
    checked, wanted, window = reading.checked, reading.wanted, reading.checked.window
    profiles = profiles_of_part(part.profiles, checked, reading.source, sample=reading.sample)
    log = part.log or _log_of(checked)[0]
    counts = count_users(
        engine,
        [log],
        checked.ads.rows,
        window=window if part.log is not None else replace(window, end=window.start),
        main_placement=wanted.main_placement or checked.main_placement,
        features=wanted.features,
    )
    users, _ = derive_features(
        counts.users,
        with_attributes(profiles.rows, wanted.attributes),
        wanted.attributes,
        window=window,
        features=wanted.features,
        prior=wanted.prior,
    )
    n_strange = 0
    if reading.history is not None:
        assert checked.behaviours is not None, "read with behaviours"  # noqa: S101
        provides = behaviour_provides(reading.source)
        is_timed = "times" in provides
        counted = count_behaviour_users(
            engine,
            [(part.behaviours, log)],
            value_ads(checked.ads.rows) if "ads" in provides else None,
            window=reading.history,
            ads_since=window.start if is_timed else None,
            is_timed=is_timed,
            some=checked.behaviours.parts[0],
        )
        derived = derived_of(counted, users, reading.history, wanted.behaviour_priors)[0]
        users = users.hstack(derived.select(each.name for each in wanted.behaviours or ()))
        if part.behaviours is not None:
            n_strange = count_strangers(engine, [part.behaviours], users["user_id"])
    return PartUsers(users, profiles, n_strange)
