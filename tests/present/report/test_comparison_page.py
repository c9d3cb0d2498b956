"""Algorithms that found no division are told as such, in the printed table and in the report."""

import io
import math
import re
from dataclasses import fields, is_dataclass

import numpy as np
import pytest
from rich.console import Console
from tests.texts import shows

from segmentry.evaluation.algorithms import (
    AlgorithmComparison,
    Rows,
    UserLabels,
    compare_methods,
    method_named,
)
from segmentry.present.report._comparison import measure_table, method_table
from segmentry.results.comparisons import comparison_table, read_comparison, write_comparison
from segmentry.schema import Estimate
from segmentry.segments.clustering import distinct_rows

UNKNOWN = Estimate(value=None, low=None, high=None)
NOISE = np.array([[0.0], [1.0], [3.0], [7.0], [15.0], [31.0]])
DENSE = np.linspace(0, 1, 400)[:, np.newaxis]


def compared(name, points):
    """Compare one algorithm on points of which one division was chosen before."""
    users = distinct_rows(points)
    is_member = np.ones(len(points), bool)
    rows = Rows(users, is_member, np.zeros((len(users.rows), 0), np.int64), (), "")
    results = compare_methods(
        [method_named(name)],
        lambda _: rows,
        None,
        chosen=UserLabels("kmeans", np.ones(len(points), np.int64), UNKNOWN),
        n_segments=2,
        n_runs=2,
        is_alone=False,
    )
    return AlgorithmComparison(
        chosen="kmeans",
        n_users=len(points),
        n_segments=2,
        features=("x",),
        notes=(),
        results=results,
    )


def numbers_in(value):
    """Return every float inside nested results."""
    if isinstance(value, float):
        return [value]
    if is_dataclass(value):
        value = [getattr(value, field.name) for field in fields(value)]
    return (
        [n for each in value for n in numbers_in(each)] if isinstance(value, list | tuple) else []
    )


NO_DIVISION = {
    "one dense cluster": ("dbscan", DENSE, 0.1, "one cluster: no division", "1", "0"),
    "one cluster and noise": ("dbscan", NOISE, 4.0, "one cluster: no division", "1", "2"),
    "noise for DBSCAN": (
        *("dbscan", NOISE, 0.1),
        "only noise: no user has enough neighbours; every user is unassigned",
        *("0", "6"),
    ),
    "noise for HDBSCAN": (
        *("hdbscan", NOISE, None),
        "only noise: no region holds 1 % of the users; all are unassigned",
        *("0", "6"),
    ),
    "too few users": (
        *("gaussian-mixture", NOISE[:2], None),
        "too few users: found 2, expected more than 2",
        *("0", "2"),
    ),
}


@pytest.mark.parametrize("case", NO_DIVISION)
def test_no_division_is_told_in_words_and_never_as_nan(monkeypatch, tmp_path, case):
    name, points, eps, problem, k, unassigned = NO_DIVISION[case]
    if eps is not None:
        monkeypatch.setattr("segmentry.evaluation.algorithms._density._bend", lambda *_: eps)

    found = compared(name, points)

    out = io.StringIO()
    Console(file=out, width=160, highlight=False).print(measure_table(found).to_rich())
    label = method_named(name).label
    cells = next(
        row for row in out.getvalue().splitlines() if row.strip().startswith(label)
    ).split()
    n_words = len(label.split())
    n_sizes = max(1, len(found.results[0].sizes))
    assert [cells[n_words], cells[n_words + 1 + n_sizes]] == [k, unassigned]
    (measures,), (means,) = measure_table(found).lines, method_table(found).lines
    assert measures.cells[0] == k
    assert measures.cells[2].split("\n")[0] == unassigned
    assert measures.cells[3] == measures.cells[6] == "–"
    assert means.cells[3] == problem
    assert not any(math.isnan(each) for each in numbers_in(found))
    texts = [out.getvalue(), *measures.cells, *means.cells]
    assert not any(re.search(r"\b(nan|None|null)\b", text) for text in texts)
    write_comparison(tmp_path, found)
    assert read_comparison(tmp_path) == found
    assert comparison_table(found)["problem"].to_list() == [problem]


def test_a_fit_that_did_not_converge_says_so_where_its_number_is_explained(monkeypatch):
    from sklearn.mixture import GaussianMixture

    rng = np.random.default_rng(0)
    monkeypatch.setattr(
        "sklearn.mixture.GaussianMixture",
        lambda k, **settings: GaussianMixture(k, **settings | {"max_iter": 1, "n_init": 1}),
    )

    found = compared("gaussian-mixture", rng.standard_normal((300, 2)))

    shows(method_table(found).lines[0].cells[0])
