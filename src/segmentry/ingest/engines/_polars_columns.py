"""Polars expressions for columns that are no plain numbers: moments, codes, unknown words."""

import polars as pl

from segmentry.ingest.engines._moments import UNITS_PER_SECOND, moment_pattern
from segmentry.schema import ColumnSource, UtcOffset


def moment_of(found: pl.Expr, dtype: pl.DataType, column: ColumnSource) -> pl.Expr:
    """Return epoch seconds of a column of moments; null where it cannot be read."""
    if column.time_format in UNITS_PER_SECOND:
        units = UNITS_PER_SECOND[column.time_format]
        text = found.str.strip_chars() if dtype == pl.String else found
        number = (text.cast(pl.Float64, strict=False) / units).floor()
        return number.cast(pl.Int64, strict=False)
    if dtype.is_temporal():
        # As DuckDB writes it: a moment with a zone in UTC.
        is_zoned = isinstance(dtype, pl.Datetime) and dtype.time_zone is not None
        offset = 0 if is_zoned else round(column.utc_offset_hours * 3600)
        return found.dt.epoch("us") // 1_000_000 - offset
    return _moment_of_text(found.cast(pl.String).str.strip_chars(), column)


def _moment_of_text(text: pl.Expr, column: ColumnSource) -> pl.Expr:
    pattern = moment_pattern(column.time_format)

    def part(name: str) -> pl.Expr:
        if name not in pattern.groups:
            return pl.lit("")
        return text.str.extract(pattern.regex, pattern.groups[name]).fill_null("")

    two = {name: part(name).str.zfill(2) for name in ("month", "day", "hour", "minute", "second")}
    written = pl.concat_str(
        part("year"),
        pl.lit("-"),
        two["month"],
        pl.lit("-"),
        two["day"],
        pl.lit(" "),
        two["hour"],
        pl.lit(":"),
        two["minute"],
        pl.lit(":"),
        two["second"],
    )
    is_sound = (two["hour"] < "24") & (two["second"] < "60")
    moment = written.str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us", strict=False)
    seconds = moment.dt.epoch("us") // 1_000_000
    return pl.when(is_sound).then(seconds - _offset_of(part("zone"), column.utc_offset_hours))


def _offset_of(zone: pl.Expr, default_hours: UtcOffset) -> pl.Expr:
    digits = zone.str.replace_all(":", "", literal=True)
    hours = digits.str.slice(1, 2).cast(pl.Int64, strict=False) * 3600
    minutes = digits.str.slice(3, 2).cast(pl.Int64, strict=False).fill_null(0) * 60
    return (
        pl.when(zone == "")
        .then(round(default_hours * 3600))
        .when(zone.is_in(["Z", "z", "UTC"]))
        .then(0)
        .when(zone.str.starts_with("-"))
        .then(-(hours + minutes))
        .otherwise(hours + minutes)
    )


def code_of(found: pl.Expr, column: ColumnSource) -> pl.Expr:
    """Return the number that a text stands for.

    Polars does not stream `replace_strict`: all rows of a log were held in memory for it.
    """
    text = found.cast(pl.String).str.strip_chars().str.to_lowercase()
    words: dict[int, list[str]] = {}
    for word, code in dict(column.codes).items():
        words.setdefault(code, []).append(word)
    known = pl.lit(column.other, dtype=pl.Int64)
    for code, own in words.items():
        known = pl.when(text.is_in(own)).then(pl.lit(code, dtype=pl.Int64)).otherwise(known)
    return pl.when(found.is_not_null()).then(known)


def without_missing(typed: pl.Expr, found: pl.Expr, column: ColumnSource) -> pl.Expr:
    """Return null where a value is one that means "unknown"."""
    if not column.missing:
        return typed
    if column.type in ("integer", "number"):
        numbers = [float(word) for word in column.missing if _is_number(word)]
        return pl.when(~typed.cast(pl.Float64).is_in(numbers)).then(typed)
    text = found.cast(pl.String).str.strip_chars()
    return pl.when(~text.is_in(list(column.missing))).then(typed)


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
