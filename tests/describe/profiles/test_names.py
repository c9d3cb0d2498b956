"""Names of segments: true, distinct, and of clicks only what later days confirm."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from scipy.stats import rankdata

from segmentry.describe.profiles import (
    count_values,
    fitting_response,
    name_segments,
    profile_segments,
)
from segmentry.features import LOG_FEATURES
from segmentry.ingest.taobao import TAOBAO_ATTRIBUTES
from segmentry.schema import Estimate

CATALOGUE = {feature.name: feature for feature in (*LOG_FEATURES, *TAOBAO_ATTRIBUTES)}
DEFAULT = [CATALOGUE["ctr_shrunk"], CATALOGUE["n_impressions"]]
CLAIMS = ("click", "silent", "churn", "lost", "lover", "hater", "bot", "dead", "value")


def profiled(users, ids, features):
    """Profile segments whose users have so many impressions and no click, unless said."""
    known = {"n_impressions": 1, "n_clicks": 0}
    table = users.with_columns(**{n: v for n, v in known.items() if n not in users.columns})
    return profile_segments(
        table,
        np.asarray(ids),
        features,
        count_values(table, np.asarray(ids), features, n_segments=max(ids)),
        n_segments=max(ids),
        forming=[feature.name for feature in features],
        silhouettes=[None] * max(ids),
    )


def names_of(users, ids, features, **later):
    """Name them, with the same said by later days of all."""
    population, segments = profiled(users, ids, features)
    segments = [replace(segment, **later) for segment in segments]
    return name_segments(population, segments, features, forming=[f.name for f in features])


def confirmed(low, high):
    return {"verdict": "confirmed", "forecast_index": Estimate((low + high) / 2, low, high)}


def halves(n=100):
    """The lower half rarely shown, the upper half heavily; impressions 1..n."""
    return pl.DataFrame({"n_impressions": range(1, n + 1)}), [1] * (n // 2) + [2] * (n // 2)


def test_exposure_names_a_segment_that_no_later_day_was_asked_of():
    users, ids = halves()

    assert names_of(users, ids, DEFAULT[1:]) == ["Rare viewers", "Heavy viewers"]


@pytest.mark.parametrize(
    ("n_low", "name"),
    [(10, "Rare viewers"), (60, "Occasional viewers"), (90, "Regular viewers")],
)
def test_the_word_follows_the_mean_rank(n_low, name):
    # All lowest n of 100 stand at n / 100 - 1: -0.9, -0.4 and -0.1.
    users = pl.DataFrame({"n_impressions": range(1, 101)})
    standing = (2 * rankdata(range(100))[:n_low] - 1).mean() / 100 - 1
    assert standing == pytest.approx(n_low / 100 - 1)

    ids = [1] * n_low + [2] * (100 - n_low)

    assert names_of(users, ids, DEFAULT[1:])[0] == name
    _, (first, _) = profiled(users, ids, DEFAULT[1:])
    assert first.numeric[0].standing == pytest.approx(standing, abs=1e-9)


def test_a_few_extreme_users_do_not_name_a_segment():
    # The means differ by 500; nine users of ten do not.
    users = pl.DataFrame({"n_impressions": [*range(9), 10_000, *range(9), 10]})

    names = names_of(users, [1] * 10 + [2] * 10, DEFAULT[1:])

    assert sorted(names) == ["Lightest viewers", "Regular viewers"]


def test_unknown_values_stand_in_the_middle():
    users = pl.DataFrame({"age_level": [1.0, 2.0, *[None] * 4, 5.0, 6.0, None, float("inf")]})
    ids = [1, 1, 2, 2, 2, 2, 3, 3, 2, 2]

    _, segments = profiled(users, ids, [CATALOGUE["age_level"]])

    # Ranks 1, 2 | 3, 4 of four known ones: (2 * 1.5 - 1) / 4 - 1 = -0.5.
    assert [segment.numeric[0].standing for segment in segments] == [-0.5, 0.0, 0.5]


def test_a_difference_that_may_be_chance_names_nothing():
    rng = np.random.default_rng(3)
    users = pl.DataFrame({"n_impressions": rng.integers(1, 100, 12)})
    population, segments = profiled(users, [1] * 6 + [2] * 6, DEFAULT[1:])
    unsure = Estimate(0.4, -0.1, 0.9)
    unsure = [
        replace(s, numeric=(replace(n, standing=0.5, standardised_difference=unsure),))
        for s in segments
        for n in s.numeric[:1]
    ]

    names = name_segments(population, unsure, DEFAULT[1:], forming=["n_impressions"])

    assert names[0] == "Regular viewers"


@pytest.mark.parametrize(
    ("index", "word"),
    [
        (150.0, "High-response"),
        (149.0, "Above-average"),
        (114.0, "Average-response"),
        (95.0, "Average-response"),
        (94.0, "Below-average"),
        (86.0, "Below-average"),
        (49.0, "Low-response"),
    ],
)
def test_the_response_follows_the_forecast_index(index, word):
    users, ids = halves()
    later = {"verdict": "confirmed", "forecast_index": Estimate(index, index - 5, index + 5)}

    names = names_of(users, ids, DEFAULT[1:], **later)

    assert names == [f"{word} rare viewers", f"{word} heavy viewers"]


@pytest.mark.parametrize(
    ("name", "low", "high", "fitting"),
    [
        ("Above-average regular viewers", 92.0, 112.0, "average-response"),
        ("Above-average regular viewers", 115.0, 130.0, ""),
        ("High-response heavy viewers", 115.0, 130.0, "above-average"),
        ("Our best customers", 40.0, 50.0, ""),
        ("Rare viewers", 40.0, 50.0, ""),
    ],
)
def test_a_kept_name_says_a_response_that_is_no_longer_its_own(name, low, high, fitting):
    users, ids = halves()
    _, (segment, _) = profiled(users, ids, DEFAULT[1:])
    renamed = replace(segment, name=name, **confirmed(low, high))

    assert fitting_response(renamed) == fitting


@pytest.mark.parametrize("verdict", ["reversed", "not checked"])
def test_a_response_that_later_days_do_not_bear_out_is_unproven(verdict):
    users, ids = halves()
    later = {"verdict": verdict, "forecast_index": Estimate(200.0, 190.0, 210.0)}
    clicks = users.with_columns(ctr_shrunk=pl.Series([0.01] * 50 + [0.2] * 50))

    names = names_of(clicks, ids, DEFAULT, **later)

    assert names == ["Unproven rare viewers", "Unproven heavy viewers"]


def test_a_word_that_is_taken_gets_a_habit_in_between():
    rng = np.random.default_rng(4)
    users = pl.DataFrame(
        {"n_impressions": [5] * 200 + [50] * 100, "recency_days": [0] * 100 + [6] * 100 + [3] * 100}
    )
    users = users.with_columns(ctr_shrunk=pl.Series(rng.random(300)))
    features = [*DEFAULT, CATALOGUE["recency_days"]]

    names = names_of(users, [1] * 100 + [2] * 100 + [3] * 100, features, **confirmed(60, 70))

    assert names[2] == "Below-average heavy viewers"
    assert sorted(names[:2]) == [
        "Below-average lapsed occasional viewers",
        "Below-average occasional viewers",
    ]


def test_a_segment_of_the_unknown_is_called_so():
    gender = CATALOGUE["gender"]
    users = pl.DataFrame({"gender": [1, 2] * 40 + [None] * 20})

    names = names_of(users, [1, 2] * 40 + [3] * 20, [gender])

    assert names[2] == "Unknown-profile users"


@pytest.mark.parametrize("n_segments", [2, 3, 5, 12, 25, 40])
@pytest.mark.parametrize("forming", [DEFAULT, list(CATALOGUE.values()), []])
@pytest.mark.parametrize("later", [{}, confirmed(120, 130)])
def test_names_are_distinct_and_claim_nothing_unconfirmed(n_segments, forming, later):
    rng = np.random.default_rng(n_segments)
    users = pl.DataFrame({name: rng.integers(0, 6, 400) for name in CATALOGUE})
    ids = rng.permutation(np.arange(400) % n_segments + 1).tolist()

    names = names_of(users, ids, [f for f in forming if f.kind != "time"], **later)

    assert len({name.lower() for name in names}) == n_segments
    heads = {" ".join(name.lower().split()[:2]) for name in names}
    assert len(heads) == n_segments or n_segments > 12
    for name in names:
        assert name[0].isupper()
        assert n_segments > 12 or len(name.split()) <= 4
        for claim in CLAIMS:
            assert claim not in name.lower()
        assert bool(later) == ("above-average" in name.lower())


def test_every_feature_has_words_of_its_own_for_low_and_high():
    from segmentry.describe.profiles._names import CLICK_FEATURES, words_for

    parts = [word for name in CATALOGUE if name not in CLICK_FEATURES
            for word in words_for(CATALOGUE[name])]  # fmt: skip
    assert len(set(parts)) == len(parts)


def test_the_order_of_users_changes_no_name():
    rng = np.random.default_rng(17)
    users = pl.DataFrame({f.name: rng.integers(0, 50, 300) for f in DEFAULT})
    ids = 1 + (users["n_impressions"].to_numpy() > 20) + (users["ctr_shrunk"].to_numpy() > 40)
    order = rng.permutation(300)

    assert names_of(users, ids.tolist(), DEFAULT) == names_of(
        users[order], ids[order].tolist(), DEFAULT
    )


def test_one_segment_is_all_users():
    users, _ = halves()

    assert names_of(users, [1] * 100, DEFAULT[1:]) == ["All users"]
