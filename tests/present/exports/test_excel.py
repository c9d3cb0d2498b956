"""The workbook: one sheet per table, the same values, charts that point at them."""

import re
import zipfile

import pytest
from tests.pipeline.runs import segmentry
from tests.texts import shows

from segmentry.present.exports import export_excel
from segmentry.present.figures import segment_colour
from segmentry.results.summary import read_summary

pytest.importorskip("xlsxwriter")


@pytest.fixture(scope="module")
def book(plain_run, tmp_path_factory):
    out = tmp_path_factory.mktemp("excel") / "run.xlsx"
    rows = export_excel(plain_run.folder, out)
    return out, rows


def test_one_sheet_per_table_with_all_its_rows(book, plain_run):
    out, rows = book
    summary = read_summary(plain_run.folder)

    with zipfile.ZipFile(out) as parts:
        names = re.findall(r'<sheet name="(\w+)"', parts.read("xl/workbook.xml").decode())
        first = parts.read("xl/worksheets/sheet1.xml").decode()
    assert names == [*rows, "charts"]
    assert rows["fact_user_segment"] == summary.population.n_users
    assert rows["dim_segment"] == len(summary.segments) + 1
    assert len(re.findall(r"<row ", first)) == summary.population.n_users + 1


def test_the_charts_are_native_and_point_at_the_segments(book, plain_run):
    n = len(read_summary(plain_run.folder).segments)

    with zipfile.ZipFile(book[0]) as parts:
        charts = [parts.read(f"xl/charts/chart{i}.xml").decode() for i in (1, 2, 3)]
    assert f"dim_segment!$B$3:$B${n + 2}" in charts[0]
    assert f"dim_segment!$E$3:$E${n + 2}" in charts[0]
    assert segment_colour(1)[1:].upper() in charts[0]
    assert "fact_selection!" in charts[2]


def test_a_text_that_looks_like_a_formula_stays_a_text(plain_run, tmp_path):
    import shutil
    from dataclasses import replace

    from segmentry.results.summary import render_summary_json

    folder = tmp_path / "run"
    shutil.copytree(plain_run.folder, folder)
    summary = read_summary(folder)
    first = replace(summary.segments[0], name='=HYPERLINK("http://x","y")')
    changed = replace(summary, segments=(first, *summary.segments[1:]))
    (folder / "summary.json").write_text(render_summary_json(changed), encoding="utf-8")

    export_excel(folder, tmp_path / "run.xlsx")

    with zipfile.ZipFile(tmp_path / "run.xlsx") as parts:
        sheets = [n for n in parts.namelist() if n.startswith("xl/worksheets/sheet")]
        assert not any(b"<f>" in parts.read(name) for name in sheets)


def test_a_wrong_name_and_a_file_in_the_way_are_told(plain_run, book):
    wrong = segmentry("export", "excel", plain_run.folder, "--out", "run.csv")
    shows(wrong.err)
    taken = segmentry("export", "excel", plain_run.folder, "--out", book[0])
    assert "add --overwrite" in taken.err
