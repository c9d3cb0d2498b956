"""Rules: replayed by an engine of its own, they give the printed figures to the user."""

from dataclasses import replace

import duckdb
import numpy as np
import polars as pl
import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.texts import says

from segmentry.describe.profiles._rules import find_rules, round_cut, rule_text, rules_sql
from segmentry.features import LOG_FEATURES
from segmentry.ingest.taobao import TAOBAO_ATTRIBUTES

CATALOGUE = {feature.name: feature for feature in (*LOG_FEATURES, *TAOBAO_ATTRIBUTES)}
SHOWN, RATE = CATALOGUE["n_impressions"], CATALOGUE["ctr_shrunk"]
AGE, GENDER = CATALOGUE["age_level"], CATALOGUE["gender"]


def users_of(seed, n_users=3000):
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "user_id": rng.permutation(n_users),
            "is_profiled": rng.random(n_users) < 0.9,
            "n_impressions": rng.geometric(0.05, n_users) - 1,
            "ctr_shrunk": rng.beta(2, 40, n_users),
            "age_level": pl.Series(np.where(rng.random(n_users) < 0.2, np.nan,
                                            rng.integers(0, 7, n_users))).fill_nan(None),
            "gender": pl.Series(np.where(rng.random(n_users) < 0.1, np.nan,
                                         rng.integers(1, 3, n_users))).fill_nan(None),
        }
    ).with_columns(pl.col("age_level", "gender").cast(pl.Int64))  # fmt: skip


def segments_of(users, *, population):
    """Four groups with some noise, of the users that are asked for."""
    shown, rate = users["n_impressions"].to_numpy(), users["ctr_shrunk"].to_numpy()
    older = users["age_level"].fill_null(3).to_numpy() > 3
    man = (users["gender"] == 1).fill_null(value=False).to_numpy()
    ids = 1 + (shown > 20) + (rate > 0.05) + (older & man)
    ids = np.where(np.random.default_rng(1).random(users.height) < 0.03, 1, ids)
    is_in = {
        "all": np.ones(users.height, dtype=bool),
        "shown": shown > 0,
        "profiled": users["is_profiled"].to_numpy(),
    }[population]
    return np.where(is_in, ids, 0)


def replayed(rules, users, tmp_path):
    """Run the query in DuckDB, as a reader would, and return segment by user."""
    file = tmp_path / "users.parquet"
    users.write_parquet(file)
    query = rules_sql(rules, table=str(file))
    return dict(duckdb.sql(query).fetchall())


@pytest.mark.parametrize("population", ["all", "shown", "profiled"])
@pytest.mark.parametrize("features", [[SHOWN, RATE], [SHOWN, RATE, AGE, GENDER]])
def test_the_query_gives_the_printed_figures_user_by_user(population, features, tmp_path):
    users = users_of(3)
    ids = segments_of(users, population=population)
    rules = find_rules(users, ids, features, n_segments=4, population=population)

    found = replayed(rules, users, tmp_path)

    by_rule = np.array([found[user] for user in users["user_id"].to_list()])
    assert ((by_rule == 0) == (ids == 0)).all()
    assert rules.n_users == (ids > 0).sum()
    assert rules.fidelity == ((by_rule == ids) & (ids > 0)).sum() / (ids > 0).sum()
    for segment in range(1, 5):
        own = [rule for rule in rules.rules if rule.segment_id == segment]
        assert sum(rule.n_users for rule in own) == (by_rule == segment).sum()
        assert sum(rule.n_right for rule in own) == ((by_rule == segment) & (ids == segment)).sum()


def test_boxes_do_not_overlap_and_leave_nobody_out(tmp_path):
    users = users_of(4)
    ids = segments_of(users, population="all")

    rules = find_rules(users, ids, [SHOWN, RATE, AGE, GENDER], n_segments=4, population="all")

    assert sum(rule.n_users for rule in rules.rules) == users.height
    assert set(replayed(rules, users, tmp_path).values()) <= {1, 2, 3, 4}


def test_segments_that_are_boxes_are_told_without_fault():
    users = users_of(5)
    ids = np.where(users["n_impressions"].to_numpy() <= 12, 1, 2)

    rules = find_rules(users, ids, [SHOWN, RATE], n_segments=2, population="all")

    assert rules.fidelity == 1.0
    assert [rule_text(rule) for rule in rules.rules] == [
        "impressions at most 12",
        "impressions above 12",
    ]


def test_there_are_few_rules_whatever_the_number_of_segments():
    users = users_of(6)
    ids = 1 + np.arange(users.height) % 40

    rules = find_rules(users, ids, [SHOWN, RATE, AGE], n_segments=40, population="all")

    assert len(rules.rules) <= 60
    assert max(len(rule.conditions) for rule in rules.rules) <= 6


def test_unknown_values_count_as_the_median_and_are_told(tmp_path):
    users = pl.DataFrame({"user_id": range(9), "age_level": [1, 1, 1, 5, 5, 5, 5, None, None]})
    ids = np.array([1, 1, 1, 2, 2, 2, 2, 2, 2])

    rules = find_rules(users, ids, [AGE], n_segments=2, population="all")

    says([rule_text(rule) for rule in rules.rules])
    assert list(replayed(rules, users, tmp_path).values()) == ids.tolist()


def test_incomplete_users_are_in_no_segment(tmp_path):
    users = pl.DataFrame({"user_id": range(6), "age_level": [1, 1, 5, 5, None, None]})
    ids = np.array([1, 1, 2, 2, 0, 0])

    rules = find_rules(
        users, ids, [AGE], n_segments=2, population="all", complete=["age_level"]
    )  # fmt: skip

    assert list(replayed(rules, users, tmp_path).values()) == ids.tolist()


def test_hostile_levels_stay_text(tmp_path):
    feature = CATALOGUE["gender"]
    users = pl.DataFrame({"user_id": range(8), "gender": ["O'Brien", "b"] * 4})
    ids = np.array([1, 2] * 4)

    rules = find_rules(users, ids, [feature], n_segments=2, population="all")
    found = replayed(rules, users, tmp_path)

    assert list(found.values()) == ids.tolist()


@pytest.mark.parametrize("kind", [pl.Int64, pl.Float64, pl.String])
def test_levels_are_found_however_a_database_writes_their_type(tmp_path, kind):
    levels = pl.Series("occupation", [1, 1, 4, 4, None, None]).cast(kind)
    users = pl.DataFrame({"user_id": range(6), "occupation": levels})
    ids = np.array([1, 1, 2, 2, 1, 1])

    rules = find_rules(users, ids, [CATALOGUE["occupation"]], n_segments=2, population="all")
    found = replayed(rules, users, tmp_path)

    assert list(found.values()) == ids.tolist()


DIALECTS = ["bigquery", "clickhouse", "databricks", "duckdb", "mysql", "postgres", "redshift",
            "snowflake", "spark", "trino"]  # fmt: skip


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", ["age_level", "total spend", "order", "größe"])
def test_no_database_takes_a_column_for_a_text(dialect, name):
    users = pl.DataFrame({"user_id": range(8), name: [1, 1, 1, 1, 5, 5, 5, 5]})
    feature = replace(CATALOGUE["age_level"], name=name)
    ids = np.array([1] * 4 + [2] * 4)
    query = rules_sql(find_rules(users, ids, [feature], n_segments=2, population="all"))

    try:
        found = sqlglot.parse_one(query.replace("'users.parquet'", "users"), read=dialect)
    except sqlglot.errors.SqlglotError:
        assert name != "age_level"
        return
    texts = [each for each in found.find_all(sqlglot.exp.Literal) if each.is_string]
    # The parser lets `users.'text'` pass, which no database does.
    assert all(isinstance(each.parent, sqlglot.exp.Column) for each in texts)
    assert all(each.parent.table == "users" for each in texts)
    assert {each.name for each in found.find_all(sqlglot.exp.Column)} == {"user_id", name}


def test_one_segment_is_everyone(tmp_path):
    users = users_of(7, 100)

    rules = find_rules(users, np.ones(100, dtype=int), [SHOWN], n_segments=1, population="all")

    assert [rule_text(rule) for rule in rules.rules] == ["everyone"]
    assert set(replayed(rules, users, tmp_path).values()) == {1}


def test_the_order_of_users_changes_no_rule():
    users = users_of(8)
    ids = segments_of(users, population="all")
    order = np.random.default_rng(2).permutation(users.height)
    features = [SHOWN, RATE, AGE, GENDER]

    one = find_rules(users, ids, features, n_segments=4, population="all")
    two = find_rules(users[order], ids[order], features, n_segments=4, population="all")

    assert one == two


def test_a_cut_between_the_smallest_numbers_is_the_lower_one():
    assert round_cut(np.array([2.2e-311, 2.2e-309]), 1e-310) == 2.2e-311


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=9, unique=True), st.data())
def test_a_round_cut_divides_the_values_as_the_cut_does(values, data):
    ordered = np.sort(np.array(values))
    place = data.draw(st.integers(1, len(values) - 1))
    cut = ordered[place - 1] / 2 + ordered[place] / 2

    found = round_cut(ordered, cut)

    assert ((ordered <= found) == (ordered <= cut)).all()
