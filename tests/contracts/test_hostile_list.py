"""Every hostile input that the documentation lists has the tests that it names."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "explanation" / "security.md").read_text()
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and "`tests/" in line]


def test_the_list_is_there():
    assert len(ROWS) > 20


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip())
def test_the_tests_of_a_hostile_input_exist(row):
    for file, name in re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", row):
        tree = ast.parse((ROOT / file).read_text())
        tests = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert name in tests or not name
