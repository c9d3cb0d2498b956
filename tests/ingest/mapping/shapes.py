"""One small log, written in every shape that a mapping can describe."""

import datetime as dt
import gzip
import tempfile
from pathlib import Path

import polars as pl

from segmentry.config import load_config
from segmentry.features.users import Wanted
from segmentry.ingest.mapping import parse_mapping, resolve_mapping
from segmentry.pipeline._read import read_users
from segmentry.pipeline._wanted import wanted_of
from segmentry.runtime.clock import StepClock

T = 1_494_000_000
"""2017-05-06, 0 o'clock in Beijing."""
HOUR, DAY = 3_600, 86_400
EVENTS = [
    # user, shown_at, ad, click
    ("a", T, 1, 0),
    ("a", T + 2 * HOUR + 90, 1, 1),
    ("a", T + DAY + 5, 2, 0),
    ("b", T + 13 * HOUR, 2, 1),
    ("c", T + 2 * DAY - 1, 3, 0),
    ("c", T + 2 * DAY - 1, 3, 0),
]
HEADER = ("who", "when", "ad", "hit")


def local(seconds, pattern, *, hours=8):
    zone = dt.timezone(dt.timedelta(hours=hours))
    return dt.datetime.fromtimestamp(seconds, tz=zone).strftime(pattern)


def write_csv(file, rows, *, header=HEADER, delimiter=","):
    lines = [delimiter.join(header)] if header else []
    lines += [delimiter.join("" if v is None else str(v) for v in row) for row in rows]
    text = "\n".join(lines) + "\n"
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix == ".gz":
        file.write_bytes(gzip.compress(text.encode()))
    else:
        file.write_text(text)
    return file


def mapping_of(log, *, files="log.csv", head="", tail=""):
    """Return a mapping in TOML; `log` is what follows the columns of the small log."""
    return (
        f'name = "small"\nutc_offset_hours = 8\n{head}\n[log]\nfiles = "{files}"\n'
        f'user_id = "who"\n{log}\n{tail}'
    )


def source_from(folder, text):
    return resolve_mapping(parse_mapping(text, origin="m.toml"), base=folder)


def users_from(folder, text, *, engine="duckdb", **options):
    """Read what a mapping describes as a run does."""
    source = source_from(folder, text)
    settings = load_config(None, {"engine": engine, **options})
    wanted = wanted_of(source, settings)
    with tempfile.TemporaryDirectory() as scratch:
        plan = Wanted(
            wanted.features,
            attributes=source.attributes,
            traits=wanted.traits,
            is_thorough=True,
        )
        return read_users(source, settings, plan, scratch=Path(scratch), clock=StepClock())


def column(users, name):
    return dict(users.table.select(pl.col("user_id").cast(pl.String), name).iter_rows())
