"""No file for a spreadsheet holds a formula that came with the data, whichever module writes it."""

import ast
from pathlib import Path

import polars as pl
import pytest

from segmentry.runtime.spreadsheets import without_formulas

SOURCES = Path(__file__).parents[2] / "src" / "segmentry"
SAFE = {
    "datasets/staging.py": "numbers and words of our own",
    "activate/_lists.py": "lines of a list, made safe before they are sorted",
}


def calls(name):
    """Return the calls of a method in all of the package, by file."""
    for path in sorted(SOURCES.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            if is_call and node.func.attr == name:
                yield path.relative_to(SOURCES).as_posix(), node


def test_every_csv_is_written_without_formulas():
    found = {file: ast.unparse(node.func.value) for file, node in calls("write_csv")}

    assert len(found) > 4
    unsafe = {file for file, what in found.items() if not what.startswith("without_formulas(")}
    assert unsafe == set(SAFE)


def test_no_text_becomes_a_formula_in_excel():
    found = [file for file, _ in calls("Workbook")]

    assert found == ["present/exports/_excel.py"]
    assert '"strings_to_formulas": False' in (SOURCES / found[0]).read_text()


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_cells_and_names_of_columns_are_made_safe(sign):
    frame = pl.DataFrame({"user_id": [f"{sign}1"], f"{sign}a": [f"{sign}1+1"], "b": ["1" + sign]})

    made = without_formulas(frame)

    assert made.columns == ["user_id", f"'{sign}a", "b"]
    assert made.row(0) == (f"{sign}1", f"'{sign}1+1", "1" + sign)
