"""Labels without some days: users of equal counts are labelled once, and as if each alone."""

import numpy as np
import pytest
from tests.evaluation.simulation import form_segments, simulate

from segmentry.evaluation.later_days import _relabelling as module
from segmentry.evaluation.later_days._recount import recount
from segmentry.segments.clustering import assign


@pytest.fixture(scope="module")
def formed():
    counts, _, _ = simulate(2_000, seed=3)
    return counts, form_segments(counts, days=range(6), k=4, seed=3)


def test_each_user_is_labelled_by_the_features_of_the_days_kept(formed):
    counts, segments = formed
    relabelling, kept = segments.relabelling, (0, 2, 5)
    names = relabelling.preprocessing.features
    found = recount(counts, kept, names, prior=relabelling.prior, scale=2.0)
    table = relabelling.table.select(names).with_columns(**found)
    nearest, _ = assign(relabelling.preprocessing.transform(table), relabelling.centers)
    is_shown = counts.totals(kept).n_trials > 0

    labels = relabelling.labels(kept)

    np.testing.assert_array_equal(labels, np.where(is_shown, nearest + 1, 0))


@pytest.mark.parametrize("max_keys", [1, 50, 4_000_000])
def test_users_are_of_one_kind_where_all_their_counts_are_equal(max_keys, monkeypatch):
    monkeypatch.setattr(module, "_MAX_KEYS", max_keys)
    rng = np.random.default_rng(0)
    columns = [rng.integers(0, 40, 500), rng.integers(0, 3, 500), rng.integers(1, 8, 500)]
    columns[0][7] = 90_000

    one_of, kind_of = module._kinds(columns)

    rows = np.column_stack(columns)
    _, expected = np.unique(rows, axis=0, return_inverse=True)
    np.testing.assert_array_equal(rows[one_of][kind_of], rows)
    assert one_of.size == expected.max() + 1
