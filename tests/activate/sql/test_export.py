"""The exported files: each database's own grammar, hostile names, the rules, what is refused."""

import json
from dataclasses import replace

import duckdb
import jinja2
import polars as pl
import pytest
import sqlglot
from sqlglot import exp
from tests.activate.sql.models import HOSTILE, PLAIN, bundle_of
from tests.pipeline.runs import segmentry
from tests.texts import raises_text, says

from segmentry.activate.sql._dbt import write_dbt
from segmentry.activate.sql.scorer import DIALECTS, Requested, export_sql, score_sql
from segmentry.errors import SelectionError
from segmentry.results.run_folder import read_bundle, read_schema, read_segments
from segmentry.schema import OF_IMPRESSIONS
from segmentry.segments.latent import LatentModel
from segmentry.segments.preprocessing import Preprocessing


def model_of(*features):
    fitted = tuple(replace(PLAIN, feature=name) for name in features)
    return bundle_of(Preprocessing(fitted, ()), [[0.0] * len(features), [4.0] * len(features)])


def query_of(bundle, types, dialect="duckdb", tables=(), columns=()):
    asked = Requested(dialect=dialect, tables=dict(tables), columns=dict(columns))
    return score_sql(bundle, asked, types=types, rates={}, traits=OF_IMPRESSIONS)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_names_stay_names_in_the_grammar_of_each_database(dialect):
    types = {"user_id": pl.Int64(), **dict.fromkeys(HOSTILE, pl.Float64())}

    query = query_of(model_of(*HOSTILE), types, dialect, tables={"users": 'a b."select"'})

    found = sqlglot.parse_one(query, read=dialect)
    first = found.args["with_"].expressions[0].this
    assert {each.name for each in first.find_all(exp.Column)} == {"user_id", *HOSTILE}
    assert not any(each.is_string for each in first.find_all(exp.Literal))
    (table,) = first.find_all(exp.Table)
    assert (table.db, table.name) == ("a b", "select")
    texts = {each.this for each in found.find_all(exp.Literal) if each.is_string}
    assert texts == set(model_of(*HOSTILE).names)


@pytest.mark.parametrize("table", ["Users & Co", 'a"b', "select", "größe", "user"])
def test_hostile_tables_and_columns_are_read(database, table):
    frame = pl.DataFrame({"wer'": [1, 2], "how much": [0.5, 3.5]})
    quoted = '"' + table.replace('"', '""') + '"'

    query = query_of(
        model_of("spent"),
        {"user_id": pl.Int64(), "spent": pl.Float64()},
        database.dialect,
        tables={"users": quoted},
        columns={"user_id": "wer'", "spent": "how much"},
    )

    found = database.answer(query, **{table: frame})
    assert [row[:2] for row in sorted(found)] == [(1, 1), (2, 2)]


def test_every_word_that_postgres_reserves_stands_in_quotes(postgres):
    words = postgres.answer("SELECT word FROM pg_get_keywords() WHERE catcode IN ('R', 'T')")

    types = {word: pl.Float64() for (word,) in words}
    query = query_of(model_of(*types), types, "postgres")

    assert len(types) > 70
    assert [word for word in types if f'CAST("{word}" AS' not in query] == []


def test_users_of_a_run_have_the_segments_of_the_run(plain_run, database):
    types = read_schema(plain_run.folder, "users.parquet")
    columns = ["user_id", *read_bundle(plain_run.folder).columns]
    table = pl.read_parquet(plain_run.folder / "users.parquet", columns=columns)
    whole = [each for each in columns if types[each].is_integer()]

    query = export_sql(plain_run.folder, Requested(dialect=database.dialect))

    segments = read_segments(plain_run.folder).select(
        "user_id", "segment_id", "segment_key", "segment_name"
    )
    rows = database.answer(query, users=table.with_columns(pl.col(whole).cast(pl.Int64)))
    assert sorted(row[:4] for row in rows) == sorted(segments.rows())


def test_the_rules_give_the_same_segments_in_every_database(plain_run, postgres):
    names = ["user_id", "n_impressions", "ctr_shrunk", "n_active_days"]
    table = pl.read_parquet(plain_run.folder / "users.parquet", columns=names)
    table = table.with_columns(pl.col("user_id", "n_impressions", "n_active_days").cast(pl.Int64))
    file = plain_run.folder / "rules.sql"
    own = file.read_text().replace("'users.parquet'", f"'{plain_run.folder / 'users.parquet'}'")

    query = export_sql(plain_run.folder, Requested(dialect="postgres"), is_of_rules=True)

    assert sorted(postgres.answer(query, users=table)) == sorted(duckdb.sql(own).fetchall())


def test_the_command_writes_a_file_or_prints(plain_run, tmp_path):
    words = ("export", "sql", plain_run.folder, "--dialect", "spark")

    printed = segmentry(*words)
    told = segmentry(*words, "--out", tmp_path / "score.sql")

    assert (told.code, told.err) == (0, "")
    assert (tmp_path / "score.sql").read_text() == printed.out
    assert segmentry(*words, "--out", tmp_path / "score.sql").code == 2
    says(segmentry("export", "sql", plain_run.folder, "--dialect", "sparc").err)
    says(segmentry(*words, "--column", "n_impresions=n").err)
    says(segmentry(*words, "--table", "user=n").err)
    says(segmentry(*words, "--table", "users=a..b").err)
    says(segmentry(*words, "--column", "n_impressions").err)


def test_latent_classes_are_refused_with_the_reason():
    latent = LatentModel(shares=(1.0,), parts=(), laws=())

    with raises_text(SelectionError):
        query_of(bundle_of(Preprocessing((), ()), [[0.0]], latent=latent), {})


def test_a_dbt_model_holds_the_query_and_tests_of_its_columns(plain_run, tmp_path):
    words = ("export", "sql", plain_run.folder, "--dialect", "duckdb")
    query = segmentry(*words).out

    assert segmentry(*words, "--dbt", tmp_path).code == 0

    model = (tmp_path / "segmentry_segments.sql").read_text()
    assert model == "{{ config(materialized='table') }}\n" + query.removesuffix(";\n") + "\n"
    (described,) = json.loads((tmp_path / "segmentry_segments.yml").read_text())["models"]
    tests = {each["name"]: each["data_tests"] for each in described["columns"]}
    bundle = read_bundle(plain_run.folder)
    n_segments = len(bundle.names)
    assert tests["user_id"] == ["not_null", "unique"]
    assert tests["segment_id"][1]["accepted_values"]["arguments"]["values"] == list(
        range(n_segments + 1)
    )
    assert tests["segment_key"][0]["accepted_values"]["arguments"]["values"] == list(
        bundle.keys.keys
    )
    assert segmentry(*words, "--dbt", tmp_path).code == 2
    assert segmentry(*words, "--dbt", tmp_path / "absent").code == 2
    assert segmentry(*words, "--dbt", tmp_path, "--rules", "--overwrite").code == 2


@pytest.mark.parametrize("name", ["{% endraw %}", "{{ ref('x') }}", "{# no #}", "{{{%", "}}"])
def test_names_with_braces_reach_the_database_through_dbt(tmp_path, name):
    query = query_of(replace(model_of("spent"), names=(name, "b")), {"spent": pl.Float64()})

    write_dbt(tmp_path, query, n_segments=2, keys=None, overwrite=False)

    model = (tmp_path / "segmentry_segments.sql").read_text()
    rendered = jinja2.Template(model).render(config=lambda **_: "")
    assert rendered.strip() == query.removesuffix(";\n")
