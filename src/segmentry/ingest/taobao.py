"""The Taobao ad data by their own file and column names: a mapping that is built in."""

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from segmentry.errors import DataError, SchemaError
from segmentry.ingest.files import FileLayout, inspect_file, require_columns
from segmentry.ingest.mapping import (
    AdsMapping,
    Attribute,
    BehavioursMapping,
    DataMapping,
    LogMapping,
    Moments,
    ProfilesMapping,
    attribute_feature,
    find_files,
    resolve_mapping,
)
from segmentry.ingest.remote import Places, place_of
from segmentry.schema import Feature, Source

_FORMATS = (".csv", ".csv.gz", ".parquet")
BEIJING = 8
_FILES = {
    "log": "raw_sample",
    "profiles": "user_profile",
    "ads": "ad_feature",
    "behaviours": "behavior_log",
}
_LOG = {
    "user_id": "user",
    "time": "time_stamp",
    "click": "clk",
    "ad_id": "adgroup_id",
    "placement": "pid",
    "no_click": "nonclk",
}
_ADS = {
    "ad_id": "adgroup_id",
    "category_id": "cate_id",
    "campaign_id": "campaign_id",
    "advertiser_id": "customer",
    "brand_id": "brand",
    "price": "price",
}
_BEHAVIOURS = {
    "user_id": "user",
    "time": "time_stamp",
    "action": "btag",
    "category_id": "cate",
    "brand_id": "brand",
}
_FIRST_DAY, _LAST_DAY = dt.date(2017, 4, 22), dt.date(2017, 5, 13)
"""The days of the behaviour log, by Beijing time; the ad log is the last eight of them."""
_FIRST_SECOND, _END_SECOND = 1_492_790_400, 1_494_691_200
_REQUIRED = {
    "log": ("user_id", "time", "click"),
    "ads": ("ad_id",),
    "behaviours": ("user_id", "time", "action"),
}
_PROFILE_ATTRIBUTES: Mapping[str, Attribute] = {
    "gender": Attribute(
        column="final_gender_code",
        kind="categorical",
        label="gender",
        description="Gender code of the profile; null if unknown.",
        levels={"1": "male", "2": "female"},
    ),
    "age_level": Attribute(
        column="age_level",
        kind="ordinal",
        label="age level",
        description="Age band of the profile, 0 to 6 by rising age; null if unknown.",
    ),
    "consumption_level": Attribute(
        column="pvalue_level",
        kind="ordinal",
        label="consumption level",
        description="Consumption level of the profile (pvalue_level); null if unknown.",
        levels={"1": "low", "2": "middle", "3": "high"},
    ),
    "shopping_depth": Attribute(
        column="shopping_level",
        kind="ordinal",
        label="shopping depth",
        description="Shopping depth of the profile (shopping_level); null if unknown.",
        levels={"1": "shallow", "2": "moderate", "3": "deep"},
    ),
    "city_tier": Attribute(
        column="new_user_class_level",
        kind="ordinal",
        label="city tier",
        description="City tier of the profile (new_user_class_level); null if unknown.",
        levels={"1": "tier 1", "2": "tier 2", "3": "tier 3", "4": "tier 4"},
    ),
    "occupation": Attribute(
        column="occupation",
        kind="categorical",
        label="student",
        description="Whether the profile says college student (occupation); null if unknown.",
        levels={"0": "no", "1": "yes"},
    ),
}

TAOBAO_ATTRIBUTES: tuple[Feature, ...] = tuple(
    attribute_feature(name, attribute) for name, attribute in _PROFILE_ATTRIBUTES.items()
)


def find_taobao(
    data_dir: Path,
    *,
    places: Places | None = None,
    moments: Moments = (None, None),
    unread: frozenset[str] = frozenset(),
) -> Source:
    """Find the Taobao files in a folder: CSV, CSV.gz or Parquet, headers with or without space.

    Parameters
    ----------
    data_dir : Path
        Holds ``raw_sample`` and, where there are, ``user_profile``, ``ad_feature`` and
        ``behavior_log``, which may be a folder of files.
    places, moments, unread
        As for `resolve_mapping`.

    Raises
    ------
    DataError
        If the folder or the log is absent, or a file cannot be read.
    SchemaError
        If a file lacks a column without which it cannot be used.

    Examples
    --------
    >>> find_taobao(Path("nowhere"))
    Traceback (most recent call last):
    ...
    segmentry.errors.DataError: nowhere: no such folder; expected one that holds raw_sample.csv
    """
    place = place_of(data_dir)
    if places is not None and place is not None:
        data_dir = places.stand_in(place)
    if not data_dir.is_dir():
        found = "not a folder" if data_dir.exists() else "no such folder"
        raise DataError(f"{data_dir}: {found}; expected one that holds raw_sample.csv")
    files = {table: _find_file(data_dir, table) for table in _FILES}
    if files["log"] is None:
        present = sorted(path.name for path in data_dir.iterdir())
        text = ", ".join(present[:8]) if present else "nothing"
        raise DataError(
            f"{data_dir}: no log; found {text}; expected raw_sample.csv, .csv.gz or .parquet, or "
            "a mapping: segmentry init writes one"
        )
    mapping = _mapping(_Look(data_dir, places), files)
    return resolve_mapping(mapping, base=data_dir, places=places, moments=moments, unread=unread)


def _find_file(data_dir: Path, table: str) -> str | None:
    names = [f"{_FILES[table]}{suffix}" for suffix in _FORMATS]
    found = [name for name in names if (data_dir / name).exists() or (data_dir / name).is_symlink()]
    if table == "behaviours" and (data_dir / _FILES[table]).is_dir():
        found.append(_FILES[table])
    if len(found) > 1:
        text = " and ".join(found)
        raise DataError(f"{data_dir}: found {text}, expected one of them; remove the others")
    return found[0] if found else None


class _Look(NamedTuple):
    """Where the first file of a table is looked at."""

    data_dir: Path
    places: Places | None

    def at(self, name: str, table: str, *, columns: Sequence[str] = ()) -> FileLayout:
        """Look at the names of its columns, and at values of some."""
        first = find_files([name], base=self.data_dir, role=table)[:1]
        if self.places is not None:
            self.places.look(first)
            if columns:
                self.places.bring(first, frozenset(columns), None)
        return inspect_file(first[0], columns=columns)


def _mapping(look: _Look, files: Mapping[str, str | None]) -> DataMapping:
    """Return the mapping of the files that are there, without the columns that they lack."""
    log, profiles, ads = files["log"], files["profiles"], files["ads"]
    roles = _present(look, "log", log, _LOG)
    attributes = {name: each.column for name, each in _PROFILE_ATTRIBUTES.items()}
    had = _present(look, "profiles", profiles, attributes)
    has_ads = ads is not None and "ad_id" in roles
    return DataMapping(
        name="taobao",
        utc_offset_hours=BEIJING,
        log=LogMapping(files=log, time_format="seconds", **roles),
        profiles=None
        if profiles is None
        else ProfilesMapping(
            files=profiles,
            user_id="userid",
            attributes={name: _PROFILE_ATTRIBUTES[name] for name in had},
        ),
        ads=AdsMapping(files=ads, **_present(look, "ads", ads, _ADS)) if has_ads else None,
        behaviours=_behaviours(look, files["behaviours"]),
    )


def _behaviours(look: _Look, file: str | None) -> BehavioursMapping | None:
    """Return the mapping of the behaviour log; its days are known, so others are impossible."""
    if file is None:
        return None
    roles = _present(look, "behaviours", file, _BEHAVIOURS)
    times = look.at(file, "behaviours", columns=[roles["time"]]).values(roles["time"])
    for unit, per_second in (("seconds", 1), ("milliseconds", 1000)):
        seconds = [float(time) // per_second for time in times if time.isdecimal()]
        n_known = sum(_FIRST_SECOND <= each < _END_SECOND for each in seconds)
        if 2 * n_known > len(times):
            return BehavioursMapping(
                files=file, time_format=unit, first_day=_FIRST_DAY, last_day=_LAST_DAY, **roles
            )
    return BehavioursMapping(files=file, **roles)


def _present(look: _Look, table: str, file: str | None, roles: Mapping[str, str]) -> dict[str, Any]:
    """Leave out the optional columns that a file lacks.

    Raises SchemaError if it lacks one that is required.
    """
    if file is None:
        return {}
    layout = look.at(file, table)
    try:
        require_columns(layout, [roles[role] for role in _REQUIRED.get(table, ())])
    except SchemaError as error:
        raise SchemaError(
            f"{error}; expected the columns of Taobao, as the file has its name; for data of your "
            f"own: segmentry init {look.data_dir}"
        ) from error
    return {role: name for role, name in roles.items() if name in layout.all_names}
