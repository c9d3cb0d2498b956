"""Recognise the Taobao ad data by its own file and column names."""

from dataclasses import replace
from pathlib import Path

from segmentry.errors import DataError, SchemaError
from segmentry.files import FileLayout, has_integers_only, inspect_file, require_columns
from segmentry.schema import ColumnSource, ColumnType, Feature, Source, TableSource

__all__ = ["TAOBAO_ATTRIBUTES", "find_taobao"]

_FORMATS = (".csv", ".csv.gz", ".parquet")
_BEIJING = 8
_REQUIRED = {
    "impressions": ("user_id", "shown_at", "is_click"),
    "profiles": ("user_id",),
    "ads": ("ad_id",),
}
_FILES = {"impressions": "raw_sample", "profiles": "user_profile", "ads": "ad_feature"}
_COLUMNS: dict[str, dict[str, ColumnSource]] = {
    "impressions": {
        "user_id": ColumnSource("user", "integer"),
        "shown_at": ColumnSource("time_stamp", "integer"),
        "ad_id": ColumnSource("adgroup_id", "integer"),
        "placement": ColumnSource("pid", "text"),
        "is_click": ColumnSource("clk", "integer"),
        "is_not_click": ColumnSource("nonclk", "integer"),
    },
    "profiles": {
        "user_id": ColumnSource("userid", "integer"),
        "gender": ColumnSource("final_gender_code", "integer"),
        "age_level": ColumnSource("age_level", "integer"),
        "consumption_level": ColumnSource("pvalue_level", "integer"),
        "shopping_depth": ColumnSource("shopping_level", "integer"),
        "city_tier": ColumnSource("new_user_class_level", "integer"),
        "occupation": ColumnSource("occupation", "integer"),
    },
    "ads": {
        "ad_id": ColumnSource("adgroup_id", "integer"),
        "category_id": ColumnSource("cate_id", "integer"),
        "campaign_id": ColumnSource("campaign_id", "integer"),
        "advertiser_id": ColumnSource("customer", "integer"),
        "brand_id": ColumnSource("brand", "integer"),
        "price": ColumnSource("price", "number"),
    },
}
_IDS = ("user_id", "ad_id", "category_id", "campaign_id", "advertiser_id", "brand_id")

TAOBAO_ATTRIBUTES: tuple[Feature, ...] = (
    Feature(
        name="gender",
        family="demographics",
        label="gender",
        unit="level",
        kind="categorical",
        fill="own level",
        description="Gender code of the profile; null if unknown.",
        levels={"1": "male", "2": "female"},
    ),
    Feature(
        name="age_level",
        family="demographics",
        label="age level",
        unit="level",
        kind="ordinal",
        fill="median",
        description="Age band of the profile, 0 to 6 by rising age; null if unknown.",
    ),
    Feature(
        name="consumption_level",
        family="demographics",
        label="consumption level",
        unit="level",
        kind="ordinal",
        fill="median",
        description="Consumption level of the profile (pvalue_level); null if unknown.",
        levels={"1": "low", "2": "middle", "3": "high"},
    ),
    Feature(
        name="shopping_depth",
        family="demographics",
        label="shopping depth",
        unit="level",
        kind="ordinal",
        fill="median",
        description="Shopping depth of the profile (shopping_level); null if unknown.",
        levels={"1": "shallow", "2": "moderate", "3": "deep"},
    ),
    Feature(
        name="city_tier",
        family="demographics",
        label="city tier",
        unit="level",
        kind="ordinal",
        fill="median",
        description="City tier of the profile (new_user_class_level); null if unknown.",
        levels={"1": "tier 1", "2": "tier 2", "3": "tier 3", "4": "tier 4"},
    ),
    Feature(
        name="occupation",
        family="demographics",
        label="student",
        unit="level",
        kind="categorical",
        fill="own level",
        description="Whether the profile says college student (occupation); null if unknown.",
        levels={"0": "no", "1": "yes"},
    ),
)


def find_taobao(data_dir: Path) -> Source:
    """Find the Taobao files in a folder: CSV, CSV.gz or Parquet, headers with or without space.

    Parameters
    ----------
    data_dir : Path
        Holds ``raw_sample`` and, where there are, ``user_profile`` and ``ad_feature``.

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
    if not data_dir.is_dir():
        found = "not a folder" if data_dir.exists() else "no such folder"
        raise DataError(f"{data_dir}: {found}; expected one that holds raw_sample.csv")
    tables = _with_equal_ids({role: _find_table(data_dir, role) for role in _FILES})
    log = tables["impressions"]
    if log is None:
        present = sorted(path.name for path in data_dir.iterdir())
        told = ", ".join(present[:8]) if present else "nothing"
        raise DataError(
            f"{data_dir}: no log; found {told}; expected raw_sample.csv, .csv.gz or .parquet"
        )
    profiles = tables["profiles"]
    has = () if profiles is None else profiles.columns
    return Source(
        name="taobao",
        impressions=log,
        profiles=profiles,
        ads=tables["ads"],
        attributes=tuple(feature for feature in TAOBAO_ATTRIBUTES if feature.name in has),
        utc_offset_hours=_BEIJING,
    )


def _find_table(data_dir: Path, role: str) -> TableSource | None:
    stem = _FILES[role]
    files = [data_dir / f"{stem}{suffix}" for suffix in _FORMATS]
    files = [path for path in files if path.exists()]
    if not files:
        return None
    if len(files) > 1:
        names = " and ".join(path.name for path in files)
        raise DataError(f"{data_dir}: found {names}, expected one of them; remove the others")
    layout = inspect_file(files[0])
    columns = _COLUMNS[role]
    require_columns(layout, [columns[name].name for name in _REQUIRED[role]])
    present = {
        name: ColumnSource(column.name, _type_of(name, column, layout))
        for name, column in columns.items()
        if column.name in layout.names
    }
    _check_types(layout, present)
    return TableSource(role=role, files=(files[0],), columns=present)


def _with_equal_ids(tables: dict[str, TableSource | None]) -> dict[str, TableSource | None]:
    """Read an id as text everywhere if it is text anywhere."""
    for name in ("user_id", "ad_id"):
        having = [table for table in tables.values() if table is not None and name in table.columns]
        if any(table.columns[name].type == "text" for table in having):
            for table in having:
                text = ColumnSource(table.columns[name].name, "text")
                tables[table.role] = replace(table, columns={**table.columns, name: text})
    return tables


def _type_of(name: str, column: ColumnSource, layout: FileLayout) -> ColumnType:
    """Ids that are not all integers are text."""
    if name not in _IDS:
        return column.type
    return column.type if has_integers_only(layout.values(column.name)) else "text"


def _check_types(layout: FileLayout, columns: dict[str, ColumnSource]) -> None:
    """Refuse a column of which no sampled value can be read: it is another column."""
    for column in columns.values():
        values = layout.values(column.name)
        if column.type == "integer" and values and not any(map(_is_integer, values)):
            raise SchemaError(
                f"{layout.path}: column {column.name!r} holds {values[0]!r}, expected whole "
                "numbers; check that the columns are in order"
            )


def _is_integer(value: str) -> bool:
    return has_integers_only([value])
