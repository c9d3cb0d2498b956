"""Read small files about users: contacts, assignments, results; ids become those of the run."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl

from segmentry.errors import DataError, SchemaError
from segmentry.ingest.files import (
    BLANKS,
    NO_IDS,
    NULL_WORDS,
    FileLayout,
    inspect_file,
    lines_of,
    require_all_rows,
    require_columns,
)
from segmentry.ingest.ids import is_exact
from segmentry.ingest.numbers import find_number_format, read_number
from segmentry.schema import FileShape

_BATCH_ROWS = 200_000
_SHORTENED = r"^[+-]?[0-9](\.[0-9]+)?e\+[0-9]{2}$"
_MAY_BE_GROUPED = r"^[1-9][0-9]{0,2}\.[0-9]{3}$"
_NAMIBIA = "NA"


def read_user_file(
    path: Path,
    required: Sequence[str],
    *,
    optional: Sequence[str] = (),
    other_names: Mapping[str, Sequence[str]] | None = None,
) -> pl.DataFrame:
    r"""Read some columns of a CSV, CSV.gz or Parquet file; those of a CSV file are text.

    A column may have one of its `other_names` instead.

    Raises DataError if the file cannot be read; SchemaError if a required column is missing.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "contacts.csv"
    >>> _ = path.write_text("user;email\n7;a@b.org\n")
    >>> names = {"user_id": ["user"]}
    >>> read_user_file(path, ["user_id"], optional=["email", "phone"], other_names=names).rows()
    [('7', 'a@b.org')]
    """
    batches = user_file_batches(path, required, optional=optional, other_names=other_names)
    return pl.concat(batches)


def user_file_batches(
    path: Path,
    required: Sequence[str],
    *,
    optional: Sequence[str] = (),
    other_names: Mapping[str, Sequence[str]] | None = None,
) -> Iterator[pl.DataFrame]:
    """Read such a file piece by piece, in order of its rows, so that it may exceed the memory.

    Raises DataError if the file cannot be read, at the first piece that cannot; SchemaError if a
    required column is missing.
    """
    layout = inspect_file(path)
    if layout.format == "json":
        raise DataError(f"{path}: found JSON lines, expected CSV or Parquet; convert the file")
    found = _found(layout, (*required, *optional), other_names or {})
    missing = [name for name in required if name not in found]
    require_columns(layout, [*missing, *found.values()])
    columns = [
        _known(pl.col(layout.columns[layout.names.index(own)]), name, layout).alias(name)
        for name, own in found.items()
    ]
    try:
        rows = (
            pl.scan_parquet(path)
            if layout.format == "parquet"
            else pl.scan_csv(
                path,
                separator=layout.delimiter,
                infer_schema=False,
                null_values=[word for word in NULL_WORDS if word != _NAMIBIA],
            )
        )
        yield from _known_rows(layout, rows.select(columns).collect_batches(chunk_size=_BATCH_ROWS))
    except (OSError, pl.exceptions.PolarsError) as error:
        cause = " ".join(str(error).split("\n")[0].split())
        raise DataError(f"{path}: cannot be read: {cause}; write it again") from error


def _known_rows(layout: FileLayout, batches: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Yield rows without blank lines, and check at the end that each line of the file was read."""
    n_read = n_empty = 0
    for batch in batches:
        rows = batch.filter(~pl.all_horizontal(pl.all().is_null()))
        n_read, n_empty = n_read + batch.height, n_empty + batch.height - rows.height
        yield rows
    shape, counted = FileShape(), {}
    if layout.format != "parquet":
        counted[layout.path] = lines_of(layout.path, shape)
        n_empty -= counted[layout.path].n_blank
    require_all_rows([layout], n_read, shape, counted=counted, with_blank=True)
    if n_empty > 0:
        raise _without_id(layout.path, n_empty)


def _without_id(source: object, n_rows: int) -> SchemaError:
    return SchemaError(
        f"{source}: found {n_rows:,} rows without user_id, expected one in each; remove the rows"
    )


def _known(column: pl.Expr, name: str, layout: FileLayout) -> pl.Expr:
    """Return a column of a text file without "NA", which is missing anywhere but of countries."""
    if layout.format == "parquet" or name == "country":
        return column
    return pl.when(column != _NAMIBIA).then(column)


def _found(
    layout: FileLayout, wanted: Sequence[str], other_names: Mapping[str, Sequence[str]]
) -> dict[str, str]:
    """Return the file's own name of each wanted column that it has."""
    found = {}
    for name in wanted:
        names = [each for each in (name, *other_names.get(name, ())) if each in layout.names]
        if names:
            found[name] = names[0]
    return found


def as_ids(values: pl.Series, *, like: pl.DataType, source: str) -> pl.Series:
    """Return ids as the run has them; ``4.0`` is 4 where ids are whole numbers.

    Raises SchemaError if an id is missing or is not of the run's kind.

    >>> as_ids(pl.Series(["4.0", "7"]), like=pl.Int64(), source="contacts.csv").to_list()
    [4, 7]
    >>> as_ids(pl.Series(["u7"]), like=pl.Int64(), source="contacts.csv")
    Traceback (most recent call last):
    ...
    segmentry.errors.SchemaError: contacts.csv: user_id 'u7' is not a whole number, as those of \
the run are; use the ids of the run
    """
    if values.dtype.is_integer() and like.is_integer() and not values.null_count():
        return values.cast(like).alias("user_id")
    text = values.cast(pl.String).str.strip_chars(BLANKS)
    n_missing = text.null_count() + int(text.str.to_lowercase().is_in(NO_IDS).sum())
    if n_missing:
        raise _without_id(source, n_missing)
    if not like.is_integer():
        return text.cast(like).alias("user_id")
    ids = _whole(text)
    if ids.null_count():
        wrong = values.filter(ids.is_null()).first()
        raise SchemaError(
            f"{source}: user_id {wrong!r} is not a whole number, as those of the run are; "
            "use the ids of the run"
        )
    return ids.cast(like).alias("user_id")


def _whole(texts: pl.Series) -> pl.Series:
    """Read whole numbers as those of a log are read, also ``4.0`` and R's ``1e+05``; else null."""
    ids = texts.str.replace(r"\.0*$", "").cast(pl.Int64, strict=False)
    shortened = texts.filter(ids.is_null() & texts.str.contains(_SHORTENED))
    if not shortened.len():
        return ids
    exact = {text: int(float(text)) for text in shortened.unique() if is_exact(text)}
    return ids.fill_null(texts.replace_strict(exact, default=None, return_dtype=pl.Int64))


def as_numbers(values: pl.Series, *, source: str, expected: str) -> pl.Series:
    """Return numbers as a log's are read: with thousands signs, currency or blanks.

    Raises SchemaError, which says what is `expected`, if one is missing, cannot be read, is below
    zero or without end.

    >>> as_numbers(pl.Series("n", ["1,250", " 7"]), source="r.csv", expected="counts").to_list()
    [1250.0, 7.0]
    >>> as_numbers(pl.Series("n", ["7", "many"]), source="r.csv", expected="counts")
    Traceback (most recent call last):
    ...
    segmentry.errors.SchemaError: r.csv: 1 of 2 rows of column 'n' hold 'many'; expected counts
    """
    numbers = values.cast(pl.Float64, strict=False)
    is_text = values.dtype == pl.String
    is_odd = is_text and bool(values.str.contains(_MAY_BE_GROUPED).any())
    if is_text and (is_odd or numbers.null_count() > values.null_count()):
        texts = values.drop_nulls().unique(maintain_order=True).to_list()
        form = find_number_format(texts, where=f"{source}: column {values.name!r}")
        read = [read_number(text, form) for text in texts]
        numbers = values.replace_strict(texts, read, default=None, return_dtype=pl.Float64)
    strange = values.filter(~(numbers.is_finite() & (numbers >= 0)).fill_null(value=False))
    if strange.len():
        example = "nothing" if strange[0] is None else repr(strange[0])
        raise SchemaError(
            f"{source}: {strange.len():,} of {values.len():,} rows of column {values.name!r} "
            f"hold {example}; expected {expected}"
        )
    return numbers
