"""Run folders in an object store: made, read, compared, changed and taken to the next window."""

import json
import re
import shutil
from pathlib import Path

import polars as pl
import pytest
from tests.ingest.remote.test_folders import put
from tests.pipeline import runs
from tests.pipeline.runs import RUN_FILES, segmentry
from tests.stores import gate
from tests.texts import says

from segmentry import build_user_table
from segmentry.errors import OutputError
from segmentry.ingest.sources import opened_source
from segmentry.lifecycle.history import REFRESHES_FILE, alone_with, begun, written_history
from segmentry.lifecycle.keys import SegmentKeys
from segmentry.results.elsewhere import folder_at_hand
from segmentry.schema import Window

pytestmark = pytest.mark.usefixtures("hurried")

K = ("--k", 3, "--k-range", "3:3", "--min-size", 10)
DAY = 1_494_172_800
"""The midnight of Beijing with which 8 May 2017 begins."""
SECRETS = ("key-of-a-test", "secret-of-a-test")


@pytest.fixture
def stored(bucket, plain_run):
    """The run of all modules, put into a bucket of its own."""
    put(plain_run.folder, bucket)
    return f"{bucket.address}/deep/run"


def said(*words):
    answer = segmentry(*words)
    assert answer.code in (0, 10, 11), answer.err
    return answer.out


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    return runs.generated(tmp_path_factory.getbasetemp(), 300)


@pytest.mark.usefixtures("undrawn")
def test_a_run_is_written_to_a_store_with_the_same_bytes_and_no_credential(bucket, log, tmp_path):
    data, first = bucket.put_folder(log, "log"), f"{bucket.address}/runs/first"

    stored = segmentry("run", data, "--until", "2017-05-08", "--out", first, *K)
    local = segmentry("run", data, "--until", "2017-05-08", "--out", tmp_path / "run", *K)

    assert f"Report: {first}/report.html" in stored.out
    assert f"segmentry card {first} --segment" in stored.out
    names = {each.split("/")[2] for each in bucket.names() if each.startswith("runs/first/")}
    assert names == RUN_FILES - {"figures", "report.html"}
    here = (tmp_path / "run" / "summary.json").read_bytes()
    assert bucket.get("runs/first/summary.json") == here
    texts = [each.read_bytes() for each in tmp_path.rglob("*") if each.is_file()]
    texts += [bucket.get(each) for each in bucket.names() if each.startswith("runs/")]
    texts += [text.encode() for each in (stored, local) for text in (each.out, each.err)]
    assert len(texts) > 2 * len(names)
    assert not [text for text in texts for secret in SECRETS if secret.encode() in text]


@pytest.mark.usefixtures("undrawn")
def test_a_run_of_a_store_is_taken_to_its_next_window(bucket, log):
    first, second, past = (f"{bucket.address}/{each}" for each in ("first", "second", "past"))
    said("run", log, "--until", "2017-05-08", "--out", first, *K)

    out = said(
        *("refresh", first, log, "--since", "2017-05-08", "--out", second, "--history", past)
    )

    assert f"Report: {second}/report.html" in out
    runs_of = json.loads(bucket.get("past/refreshes.json"))["runs"]
    assert [each["run"] for each in runs_of] == ["first", "second"]
    assert json.loads(bucket.get("second/summary.json"))["changes"] is not None


def test_commands_read_a_run_of_a_store_as_one_that_is_here(stored, plain_run, tmp_path):
    for words in (
        ("card", "{run}", "--segment", 1),
        ("compare", "{run}", "{run}"),
        ("export", "sql", "{run}", "--dialect", "duckdb"),
    ):
        there, here = (
            said(*(str(each).replace("{run}", str(run)) for each in words))
            for run in (stored, plain_run.folder)
        )
        assert there == here


def test_users_of_new_data_are_scored_with_a_run_of_a_store(stored, plain_run, tmp_path):
    said("score", stored, plain_run.data_dir, "--out", tmp_path / "scores.parquet")

    known = pl.read_parquet(plain_run.folder / "segments.parquet")
    found = pl.read_parquet(tmp_path / "scores.parquet")
    assert found["segment_id"].to_list() == known["segment_id"].to_list()


@pytest.fixture(scope="module")
def of_people(tmp_path_factory, plain_run):
    """Files that people keep about the users of a run, by what commands call them."""
    folder = tmp_path_factory.mktemp("people")
    users = pl.read_parquet(plain_run.folder / "segments.parquet").filter(pl.col("segment_id") > 0)
    ids, place = pl.col("user_id"), pl.int_range(pl.len())
    arm = pl.when(place % 2 == 0).then(pl.lit("control")).otherwise(pl.lit("treatment"))
    for name, columns in {
        "contacts": {"email": pl.format("u{}@example.org", ids)},
        "consent": {"consent": (place % 5 > 0).cast(pl.Int8)},
        "assignment": {"segment_id": pl.col("segment_id"), "arm": arm},
        "results": {"n_impressions": pl.lit(4), "n_clicks": place % 3},
    }.items():
        users.select(ids, **columns).write_csv(folder / f"{name}.csv")
    words = ("--segment", 1, "--out", folder / "previous.csv")
    said("export", "audience", plain_run.folder, *words)
    return folder


AUDIENCE = "export audience {run} --segment 1 --out {out}/list.csv"
TAKEN = {
    "contacts": f"{AUDIENCE} --to meta --contacts",
    "consent": f"{AUDIENCE} --consent",
    "previous": f"{AUDIENCE} --previous",
    "results": "analyse test {run} --assignment {people}/assignment.csv --results",
    "assignment": "analyse test {run} --results {people}/results.csv --assignment",
}


@pytest.mark.parametrize("name", TAKEN)
def test_files_of_people_can_be_in_a_store(name, bucket, of_people, plain_run, tmp_path):
    for each in of_people.glob(f"{name}*"):
        bucket.put(f"people/{each.name}", each)

    own_run = shutil.copytree(plain_run.folder, tmp_path / "run")  # commands write into it

    def answer(folder, out):
        names = {"{run}": own_run, "{people}": of_people, "{out}": out}
        words = re.sub(r"{\w+}", lambda found: str(names[found[0]]), TAKEN[name]).split()
        return said(*words, f"{folder}/{name}.csv").replace(str(out), "")

    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    assert answer(f"{bucket.address}/people", first) == answer(of_people, second)
    for each in second.iterdir():
        assert (first / each.name).read_bytes() == each.read_bytes()


@pytest.mark.usefixtures("undrawn")
def test_what_a_command_adds_to_a_run_is_put_back(stored, bucket):
    before = bucket.names()
    out = said("plan", "test", stored, "--mde", "20%")
    names = bucket.get("deep/run/names.toml").decode()
    bucket.put("deep/run/names.toml", re.sub(r"(?m)^1 = .*", '1 = "Ours"', names).encode())

    said("report", stored)

    assert f"{stored}/plan/assignment.parquet" in out
    assert set(bucket.names()) >= {*before, "deep/run/plan/test.json"}
    assert json.loads(bucket.get("deep/run/summary.json"))["segments"][0]["name"] == "Ours"


@pytest.mark.usefixtures("undrawn")
def test_a_run_whose_upload_breaks_leaves_nothing(bucket, log):
    is_begun = {"is": False}

    def answer(method, path):
        is_begun["is"] |= "users.parquet" in path
        return "break" if is_begun["is"] and method == "PUT" else ""

    with gate() as store:
        store.answer_to = answer
        found = segmentry("run", log, "--out", f"{bucket.address}/run", *K)

    assert found.code == 2
    assert found.err.count("\n") == 1
    assert found.err.startswith(f"segmentry: {bucket.address}/run/")
    assert bucket.names() == []


@pytest.mark.parametrize("fault", ["AccessDenied", "ExpiredToken", "break"])
def test_a_place_that_cannot_be_written_is_seen_before_the_log_is_read(fault, bucket, tmp_path):
    with gate() as store:
        store.answer_to = lambda method, _: fault if method == "PUT" else ""
        found = segmentry("run", tmp_path / "nowhere", "--out", f"{bucket.address}/run", *K)

    assert found.code == 2
    assert "nowhere" not in found.err


def test_data_prepared_in_a_store_are_read_added_to_and_cleared_of_users(bucket, log, tmp_path):
    there, here = f"{bucket.address}/prepared", tmp_path / "prepared"
    rows, data, file = pl.read_csv(log / "raw_sample.csv"), tmp_path / "log", tmp_path / "part.csv"
    data.mkdir()
    rows.head(2_000).write_csv(data / "raw_sample.csv")
    rows[2_000:].write_csv(file)
    late = bucket.put("late.csv", file)
    rows.select(user_id="user").head(1).write_csv(file)
    people = bucket.put("people.csv", file)

    pl.read_csv(data / "raw_sample.csv").with_columns(more=1).write_parquet(
        tmp_path / "log.parquet"
    )
    (data / "raw_sample.csv").unlink()
    stored = bucket.put("log/raw_sample.parquet", tmp_path / "log.parquet")
    (tmp_path / "log.parquet").rename(data / "raw_sample.parquet")
    for folder, out in ((stored.rpartition("/")[0], there), (data, here)):
        said("data", "prepare", folder, "--out", out)
    again = segmentry("data", "add", there, data / "raw_sample.parquet")
    assert (again.code, again.err.count("\n")) == (2, 1)
    assert "nothing was to be done" in said(
        *("data", "prepare", f"{bucket.address}/log", "--out", there)
    )
    for out in (there, here):
        said("data", "add", out, late)
        said("data", "forget", out, "--users", people)

    days = {"since": "2017-05-08", "until": "2017-05-09"}
    assert build_user_table(there, **days).equals(build_user_table(here, **days))
    with opened_source(there, None, moments=lambda _: (DAY, DAY + 86_400)) as source:
        read = [each.file.name for each in source.brought if "part=" in str(each.file)]
    assert {each.name for each in source.impressions.files} >= set(read) > set()


def test_of_two_that_begin_a_history_one_is_refused(bucket):
    past = Path(f"{bucket.address}/past")
    keys = SegmentKeys(segmentation="s", keys=("kaaa",))
    users = pl.DataFrame({"user_id": [1], "segment_key": ["kaaa"]})

    def begin(run, *, meanwhile=lambda: None):
        with folder_at_hand(past, last=REFRESHES_FILE) as here, alone_with(here):
            first = begun(keys, users, run=run, window=Window(start=0, end=86_400))
            meanwhile()
            with written_history(here, *first) as put:
                put()

    with pytest.raises(OutputError) as caught:
        begin("may", meanwhile=lambda: begin("june"))

    says(str(caught.value).replace(bucket.name, "logs"))
    assert b'"june"' in bucket.get("past/refreshes.json")


MADE = [
    ("export powerbi {run} --out {out}/bi", "bi/Segmentry.pbip"),
    ("export excel {run} --out {out}/book.xlsx", "book.xlsx"),
    ("export audience {run} --segment 1 --out {out}/list.csv --hold-out 20%", "list.csv"),
    ("export sql {run} --dialect duckdb --out {out}/score.sql", "score.sql"),
    ("card {run} --segment 1 --out {out}/card.md", "card.md"),
    ("compare {run} {run} --out {out}/page.html", "page.html"),
    ("init {data}/raw_sample.csv --out {out}/mapping.toml", "mapping.toml"),
    ("data generate {out}/made --users 200", "made/raw_sample.csv"),
    ("data generate {out}/year --users 40 --months 2", "year/planted_life.json"),
]
"""Commands that write, and the file that shows that all is there."""


@pytest.mark.parametrize(("words", "name"), MADE, ids=[name for _, name in MADE])
def test_a_command_writes_to_a_store_what_it_writes_here(words, name, bucket, plain_run, tmp_path):
    def made(out):
        names = {"{run}": plain_run.folder, "{data}": plain_run.data_dir, "{out}": out}
        return re.sub(r"{\w+}", lambda found: str(names[found[0]]), words).split()

    here = segmentry(*made(tmp_path))
    there, again = (segmentry(*made(f"{bucket.address}/out")) for _ in range(2))

    assert (here.code, there.code) == (0, 0), there.err
    assert there.out.replace(f"{bucket.address}/out", str(tmp_path)) == here.out
    files = {
        each.relative_to(tmp_path).as_posix() for each in tmp_path.rglob("*") if each.is_file()
    }
    assert {each.removeprefix("out/") for each in bucket.names()} == files
    assert name in files
    if "generate" not in words:
        assert again.code == 2
        assert f"{bucket.address}/out/{name.split('/')[0]}" in again.err
