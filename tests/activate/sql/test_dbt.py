"""dbt itself builds the exported model and runs its tests, in an environment of its own."""

import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import duckdb
import polars as pl
import pytest
from tests.pipeline.runs import segmentry

from segmentry.results.run_folder import read_bundle, read_segments
from segmentry.results.scoring import render_bundle

# dbt wants other versions of libraries than the tests: `make dbt` installs it beside them.
DBT = Path(os.environ.get("DBT", Path(__file__).parents[3] / ".venv-dbt" / "bin" / "dbt"))
NAME = "{% endraw %} {{ ref('x') }} it's"
PROJECT = {
    "name": "shop", "version": "1.0", "profile": "shop", "model-paths": ["models"],
    "flags": {"send_anonymous_usage_stats": False},
}  # fmt: skip
PROFILE = {"shop": {"target": "dev", "outputs": {"dev": {"type": "duckdb", "path": "shop.duckdb"}}}}


@pytest.fixture
def project(plain_run, tmp_path):
    """A project with the users of a run, one segment of it named as if for Jinja."""
    if not DBT.exists():
        pytest.skip("no dbt here: make dbt")
    renamed = tmp_path / "run"
    shutil.copytree(plain_run.folder, renamed)
    bundle = read_bundle(renamed)
    names = (NAME, *bundle.names[1:])
    (renamed / "model" / "bundle.json").write_text(render_bundle(replace(bundle, names=names)))
    (tmp_path / "models").mkdir()
    (tmp_path / "dbt_project.yml").write_text(json.dumps(PROJECT))
    (tmp_path / "profiles.yml").write_text(json.dumps(PROFILE))
    words = ("--dialect", "duckdb", "--dbt", tmp_path / "models")
    assert segmentry("export", "sql", renamed, *words).code == 0
    columns = ["user_id", *bundle.columns]
    table = pl.read_parquet(renamed / "users.parquet", columns=columns).to_arrow()
    with duckdb.connect(tmp_path / "shop.duckdb") as connection:
        connection.register("given", table)
        connection.execute("CREATE TABLE users AS FROM given")
    return tmp_path


def test_dbt_builds_the_model_and_its_tests_pass(project, plain_run):
    built = subprocess.run(
        [DBT, "--quiet", "build", "--profiles-dir", project], cwd=project, capture_output=True,
        text=True, check=False,
    )  # fmt: skip

    assert (built.returncode, built.stdout) == (0, ""), built.stdout
    results = json.loads((project / "target" / "run_results.json").read_text())["results"]
    assert sorted(each["status"] for each in results) == ["pass"] * 5 + ["success"]
    with duckdb.connect(project / "shop.duckdb") as connection:
        query = "SELECT user_id, segment_id, segment_name FROM segmentry_segments ORDER BY 1"
        _, segment_ids, names = zip(*connection.execute(query).fetchall(), strict=True)
    segments = read_segments(plain_run.folder).sort("user_id")
    assert list(segment_ids) == segments["segment_id"].to_list()
    assert NAME in names
