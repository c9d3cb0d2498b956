"""Small inputs for tests: Taobao-shaped files, sources, and what an engine makes of them."""

import polars as pl

from segmentry.features import count_users, derive_features
from segmentry.ingest.checked import find_log_facts
from segmentry.ingest.clean_tables import clean_ads, clean_profiles, no_ads
from segmentry.schema import ColumnSource, TableSource

LOG_HEADER = "user,time_stamp,adgroup_id,pid,nonclk,clk"
PROFILE_HEADER = (
    "userid,cms_segid,cms_group_id,final_gender_code,age_level,pvalue_level,shopping_level,"
    "occupation,new_user_class_level "
)
ADS_HEADER = "adgroup_id,cate_id,campaign_id,customer,brand,price"

LOG_TYPES = {
    "user_id": ("user", "integer"),
    "shown_at": ("time_stamp", "integer"),
    "ad_id": ("adgroup_id", "integer"),
    "placement": ("pid", "text"),
    "is_click": ("clk", "integer"),
    "is_not_click": ("nonclk", "integer"),
}
CANONICAL_LOG_TYPES = {
    "user_id": ("user_id", "integer"),
    "shown_at": ("shown_at", "integer"),
    "ad_id": ("ad_id", "integer"),
    "placement": ("placement", "text"),
    "is_click": ("is_click", "integer"),
}


def csv_text(header, rows, *, delimiter=",", line_end="\n"):
    """Return a CSV file's text; rows are tuples (null is empty) or lines as they stand."""
    lines = [header.replace(",", delimiter)]
    for row in rows:
        fields = row if isinstance(row, str) else ("" if v is None else str(v) for v in row)
        lines.append(fields if isinstance(fields, str) else delimiter.join(fields))
    return line_end.join(lines) + line_end


def write_taobao(folder, *, log, profiles=None, ads=None):
    """Write the Taobao files of a folder; no file where the rows are None."""
    folder.mkdir(exist_ok=True)
    tables = {
        "raw_sample.csv": (LOG_HEADER, log),
        "user_profile.csv": (PROFILE_HEADER, profiles),
        "ad_feature.csv": (ADS_HEADER, ads),
    }
    for name, (header, rows) in tables.items():
        if rows is not None:
            (folder / name).write_text(csv_text(header, rows))
    return folder


def source_of(*files, types=LOG_TYPES, role="impressions"):
    """Return a table source; `types` maps a canonical name to the file's name and the type."""
    columns = {name: ColumnSource(*source) for name, source in types.items()}
    return TableSource(role=role, files=files, columns=columns)


def split(engine, source, directory, *, n_parts=2, exclude=None, keep_users=None):
    """Split a log and say nothing on the way."""
    return engine.split_log(
        source,
        directory,
        n_parts=n_parts,
        exclude=exclude or {},
        keep_users=keep_users,
        on_progress=lambda _done, _total: None,
    )


def used_rows(engine, log):
    """Return the rows of all parts of a split log, sorted."""
    names = ("user_id", "shown_at", "ad_id", "placement", "is_click")
    rows = [
        row
        for part in log.parts
        for row in engine.collect(engine.scan_part(part).select(*names)).iter_rows()
    ]
    return sorted(rows, key=repr)


def split_rows(engine, rows, directory, *, n_parts=2):
    """Split ``(user_id, shown_at, ad_id, placement, is_click)`` rows by way of a Parquet file."""
    is_text = isinstance(rows[0][0], str)
    schema = {
        "user_id": pl.String if is_text else pl.Int64,
        "shown_at": pl.Int64,
        "ad_id": pl.Int64,
        "placement": pl.String,
        "is_click": pl.Int64,
    }
    file = directory / "log.parquet"
    pl.DataFrame(rows, schema=schema, orient="row").write_parquet(file)
    types = CANONICAL_LOG_TYPES
    if is_text:
        types = types | {"user_id": ("user_id", "text")}
    return split(engine, source_of(file, types=types), directory / "parts", n_parts=n_parts)


def ads_of(ads):
    """Return the sound ad table of ``{ad_id: (category_id, campaign_id, brand_id, price)}``."""
    if not ads:
        return no_ads(pl.Int64())
    schema = {
        "ad_id": pl.Int64,
        "category_id": pl.Int64,
        "campaign_id": pl.Int64,
        "brand_id": pl.Int64,
        "price": pl.Float64,
    }
    rows = [(ad_id, *attributes) for ad_id, attributes in ads.items()]
    return clean_ads(pl.DataFrame(rows, schema=schema, orient="row"), unreadable=0).rows


def user_table_of(
    engine, rows, directory, *, window, ads=None, profiled=(), n_parts=1, main_placement="top"
):
    """Return the user table of a small log and the prior of its shrunk CTR."""
    log = split_rows(engine, rows, directory, n_parts=n_parts)
    counts = count_users(
        engine, log.parts, ads_of(ads), window=window, main_placement=main_placement
    ).users
    users = pl.DataFrame({"user_id": pl.Series(list(profiled), dtype=counts["user_id"].dtype)})
    profiles = clean_profiles(users, unreadable=0, attributes=()).rows
    return derive_features(counts, profiles, (), window=window)


def facts_of(engine, rows, directory, *, n_parts=2):
    """Return what must be known of a small log before its users can be counted."""
    return find_log_facts(engine, split_rows(engine, rows, directory, n_parts=n_parts).parts)


DAILY_PURCHASES = """
name = "shop"
event = "purchase"
[log]
files = "day=*/log.csv"
user_id = "who"
time = "day"
value = "paid"
ad_id = "item"
[ads]
category_id = "kind"
"""
"""A mapping of purchases in a folder per day, whose goods stand in the log."""
