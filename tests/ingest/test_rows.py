"""Each row of a file is found by its reader, or the file is refused."""

import csv
import gzip
import io
import random

import polars as pl
import pytest
from tests.reads import source_of

from segmentry.errors import DataError, SchemaError
from segmentry.ingest.engines import _duckdb
from segmentry.ingest.files import inspect_file, lines_of, require_all_rows
from segmentry.ingest.user_files import as_ids, read_user_file
from segmentry.schema import ColumnSource, FileShape, TableSource

TEXTS = {
    "plain": ("id,x\n1,2\n3,4\n", 2),
    "no last line end": ("id,x\n1,2\n3,4", 2),
    "blank lines": ("id,x\n\n1,2\n\n\n3,4\n\n", 2),
    "carriage returns": ("id,x\r\n1,2\r\n\r\n3,4\r\n", 2),
    "missing values": ("id,x\n,\n1,2\nNULL,\n", 3),
    "line ends within quotes": ('id,x\n1,"a\n\nb"\n3,"\n"\n', 2),
    "doubled quotes": ('id,x\n1,"a ""b"" \n c"\n3,""""\n', 2),
    "quotes within a field": ('id,x\n1,5" wide\n3,4\n5,a"b"c\n', 3),
    "a mark at the beginning": ("\ufeffid,x\n1,2\n", 1),
    "one column": ("id\n1\n\n2\n", 3),
}


def written(folder, text, *, suffix=".csv"):
    file = folder / f"table{suffix}"
    data = text.encode()
    file.write_bytes(gzip.compress(data) if suffix.endswith("gz") else data)
    return file


def table_of(file, shape=None):
    shape = shape or FileShape()
    names = inspect_file(file, shape).names
    columns = {f"c{place}": ColumnSource(name, "text") for place, name in enumerate(names)}
    return TableSource("profiles", (file,), columns, shape)


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
@pytest.mark.parametrize("kind", TEXTS)
def test_as_many_rows_are_read_as_the_text_holds(kind, suffix, tmp_path, shared_engine):
    text, n_rows = TEXTS[kind]
    file = written(tmp_path, text, suffix=suffix)

    table, n_rejected = shared_engine.read_table(table_of(file))

    assert table.height + n_rejected == n_rows
    with pytest.raises(DataError, match=rf": {n_rows - 1} rows were found, expected the {n_rows} "):
        require_all_rows([inspect_file(file)], n_rows - 1, FileShape())


@pytest.mark.parametrize(
    ("name", "text", "shape", "n_rows"),
    [
        ("t.jsonl", '{"a": "x\\"y"}\n \n\n{"a": 2}\n', FileShape(), 2),
        ("t.txt", "a b\n1 2\n \t \n3  4\n", FileShape(format="whitespace"), 2),
        ("t.csv", 'Report "x\n\na,b\n1,2\n3,4\n', FileShape(skip_lines=2), 2),
        ("t.csv", 'a,b\n1,"5\\" \n x"\n3,4\n', FileShape(escape="\\"), 2),
        ("t.csv", "1,2\n3,4\n", FileShape(names=("a", "b")), 2),
    ],
)
def test_rows_of_other_shapes_are_counted(  # noqa: PLR0917  # what pytest hands over
    name, text, shape, n_rows, tmp_path, shared_engine
):
    file = tmp_path / name
    file.write_text(text)

    table, n_rejected = shared_engine.read_table(table_of(file, shape))

    assert table.height + n_rejected == n_rows


def test_rows_of_parquet_are_those_of_its_footer(tmp_path):
    file = tmp_path / "t.parquet"
    pl.DataFrame({"a": [1, 2, 3]}).write_parquet(file)

    require_all_rows([inspect_file(file)], 3, FileShape())
    with pytest.raises(DataError, match="2 rows were found, expected the 3"):
        require_all_rows([inspect_file(file)], 2, FileShape())


def test_an_engine_that_loses_a_row_is_found_out(tmp_path, monkeypatch, shared_engine):
    file = written(tmp_path, 'user,t\n1,"5"\n2,6\n3,7\n')
    log = source_of(file, types={"user_id": ("user", "integer"), "shown_at": ("t", "integer")})
    query = _duckdb.scan_query
    monkeypatch.setattr(_duckdb, "scan_query", lambda *a, **k: f"({query(*a, **k)} LIMIT 2)")
    options = {"exclude": {}, "keep_users": None, "on_progress": lambda *_: None}

    for split in (
        lambda: shared_engine.split_log(log, tmp_path / "parts", n_parts=1, **options),
        lambda: shared_engine.tally_users(log, **options),
        lambda: shared_engine.read_table(log),
    ):
        with pytest.raises(DataError, match="2 rows were found, expected the 3 that"):
            split()


def test_lines_are_counted_alike_wherever_blocks_end(tmp_path):
    draw = random.Random(1)  # noqa: S311  # no secret
    for _ in range(300):
        cells = ["".join(draw.choices('a,"\n', k=draw.randrange(4))) for _ in range(12)]
        text = io.StringIO()
        csv.writer(text, lineterminator=draw.choice(["\n", "\r\n"])).writerows(
            [["h", "i"], *zip(cells[::2], cells[1::2], strict=True)]
        )
        file = written(tmp_path, text.getvalue())
        count, data = lines_of(file, FileShape()), file.read_bytes()
        pieces = type(count)(file, FileShape())
        while data:
            n_bytes = draw.randrange(1, 5)
            pieces.add(data[:n_bytes])
            data = data[n_bytes:]

        assert count.n_lines == 7
        assert (pieces.n_lines, pieces.n_blank) == (count.n_lines, count.n_blank)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_blank_lines_of_a_file_of_users_are_no_rows(end, tmp_path):
    file = written(tmp_path, end.join(["user_id,email", "1,a@b.org", "", "2,c@d.org", "", ""]))

    assert read_user_file(file, ["user_id"], optional=["email"])["user_id"].to_list() == ["1", "2"]


@pytest.mark.parametrize("line", [",", "NULL,", '"",""'])
def test_a_row_of_users_without_any_value_is_refused(line, tmp_path):
    file = written(tmp_path, f"user_id,email\n1,a@b.org\n\n{line}\n")

    with pytest.raises(SchemaError, match="found 1 rows without user_id"):
        read_user_file(file, ["user_id"], optional=["email"])


@pytest.mark.parametrize(
    ("text", "user"),
    [("1e+05", 100_000), ("\u00a07\u2003", 7), ("\x1f7.00", 7), ("\ufeff7\u200b", 7)],
)
def test_ids_of_users_are_read_as_those_of_logs(text, user, tmp_path, shared_engine):
    assert as_ids(pl.Series([text]), like=pl.Int64(), source="f").to_list() == [user]
    log = source_of(written(tmp_path, f"user\n{text}\n"), types={"user_id": ("user", "integer")})
    assert shared_engine.sampled_users(log, 1.0).to_list() == [user]


@pytest.mark.parametrize("text", ["1e+16;", "1e+17", "1.5e+00", "e+05", "1e+5"])
def test_ids_of_users_that_lost_digits_are_refused(text):
    with pytest.raises(SchemaError, match="is not a whole number, as those of the run are"):
        as_ids(pl.Series([text, "7"]), like=pl.Int64(), source="f")


@pytest.mark.parametrize(
    "nobody",
    ["NULL ", "\u00a0None", "n/a", "#REF!", "(not set)", "\u200b", "NaT", "''", "(Blank)", "N.A."],
)
def test_what_is_nobodys_id_is_missing(nobody, tmp_path, shared_engine):
    file = written(tmp_path, f"user,t\nann,5\n{nobody},6\n")
    log = source_of(file, types={"user_id": ("user", "text"), "shown_at": ("t", "integer")})

    assert shared_engine.sampled_users(log, 1.0).to_list() == ["ann"]
    with pytest.raises(SchemaError, match="1 rows without user_id"):
        as_ids(pl.Series(["ann", nobody]), like=pl.String(), source="f")


def test_millions_of_blank_lines_are_refused_by_what_they_are(tmp_path, shared_engine):
    file = written(tmp_path, "id,x\n1,2\n" + "\n" * 2_500_000 + "3,4\n", suffix=".csv.gz")

    with pytest.raises(DataError, match="with the blank lines before it, takes more than 2 MB"):
        shared_engine.read_table(table_of(file))
