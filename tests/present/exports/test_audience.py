"""Audiences: who is in the file, who was held out, what is refused."""

import hashlib
import json

import polars as pl
import pytest
from tests.pipeline.runs import segmentry
from tests.texts import raises_text, says, shows

from segmentry.activate.audience import export_audience
from segmentry.errors import BundleError, ConfigError, OutputError, SchemaError
from segmentry.runtime.sampling import hash_shares


def run_of(folder, *, n_users=400, ids=None):
    """A run folder as an export reads it: segments 1 and 2 in turn, every tenth user in none."""
    users = list(range(1, n_users + 1)) if ids is None else ids
    segment = [0 if place % 10 == 9 else 1 + place % 2 for place in range(len(users))]
    names = [{0: None, 1: "Clicks well", 2: "Rarely shown"}[each] for each in segment]
    folder.mkdir()
    pl.DataFrame({"user_id": users, "segment_id": segment, "segment_name": names}).write_parquet(
        folder / "segments.parquet"
    )
    return folder


@pytest.fixture
def run_dir(tmp_path):
    return run_of(tmp_path / "run")


def contacts_of(file, rows):
    header = "user_id,email,phone\n"
    file.write_text(header + "".join(f"{u},{e},{p}\n" for u, e, p in rows))
    return file


def test_ids_are_written_as_they_are_and_every_user_is_counted(run_dir, tmp_path):
    out = tmp_path / "a.csv"

    audience = export_audience(run_dir, out, segment_ids=[1], to="csv", hold_out=0.25, salt="s")

    ones = pl.read_parquet(run_dir / "segments.parquet").filter(pl.col("segment_id") == 1)
    is_held = hash_shares(ones["user_id"], salt="s") < 0.25
    expected = ones.filter(~pl.Series(is_held))
    assert pl.read_csv(out).rows() == expected.rows()
    assert audience.n_users == 200
    assert audience.n_held_out == int(is_held.sum())
    assert audience.n_written == 200 - audience.n_held_out
    assert 30 < audience.n_held_out < 70


def test_the_same_salt_holds_the_same_users_out_of_every_segment(run_dir, tmp_path):
    files = [tmp_path / f"{name}.parquet" for name in ("one", "both")]
    for file, segments in zip(files, ([1], [1, 2]), strict=True):
        export_audience(run_dir, file, segment_ids=segments, to="parquet", hold_out=0.5)

    one, both = (set(pl.read_parquet(file)["user_id"]) for file in files)
    ones = pl.read_parquet(run_dir / "segments.parquet").filter(pl.col("segment_id") == 1)
    assert one == both & set(ones["user_id"])


def test_a_contact_that_a_held_out_user_shares_is_not_exported(run_dir, tmp_path):
    ones = pl.read_parquet(run_dir / "segments.parquet").filter(pl.col("segment_id") == 1)
    is_held = hash_shares(ones["user_id"], salt="hold-out") < 0.5
    held, free = (ones.filter(pl.Series(mask))["user_id"].to_list() for mask in (is_held, ~is_held))
    shared = [(held[0], "Family@Example.com", ""), (free[0], " family@example.com", "")]
    twice = [(free[1], "x@example.com", ""), (free[2], "X@example.com", "")]
    rows = [(user, f"u{user}@example.com", "+49 170 1234567") for user in free[3:5]]
    contacts = contacts_of(tmp_path / "contacts.csv", shared + twice + rows)
    out = tmp_path / "meta.csv"

    audience = export_audience(
        run_dir, out, segment_ids=[1], to="meta", contacts=contacts, hold_out=0.5, min_size=1
    )

    emails = {"x@example.com", *(f"u{user}@example.com" for user in free[3:5])}
    written = pl.read_csv(out)
    assert written.columns == ["email", "phone"]
    assert set(written["email"]) == {hashlib.sha256(e.encode()).hexdigest() for e in emails}
    assert audience.n_written == 3
    assert audience.n_without_contact == len(free) - 3


def test_google_gets_its_own_headings_and_no_plain_address(run_dir, tmp_path):
    rows = [(user, f"U.{user}@gmail.com", f"0170 10{user:05d}") for user in range(1, 401)]
    contacts = contacts_of(tmp_path / "contacts.csv", rows)
    out = tmp_path / "google.csv"

    export_audience(
        run_dir, out, segment_ids=[1, 2], to="google", contacts=contacts, country_code="49"
    )

    written = pl.read_csv(out)
    assert written.columns == ["Email", "Phone"]
    assert written.height == 360
    assert "@" not in out.read_text()
    assert hashlib.sha256(b"u1@gmail.com").hexdigest() in set(written["Email"])
    assert hashlib.sha256(b"+491701000001").hexdigest() in set(written["Phone"])


def test_text_ids_meet_their_contacts(tmp_path):
    run_dir = run_of(tmp_path / "run", ids=[f"u{number}" for number in range(120)])
    contacts = tmp_path / "contacts.parquet"
    pl.DataFrame(
        {"user": ["u0", "u2", "u9"], "Email": ["a@b.org"] * 2 + ["c@b.org"]}
    ).write_parquet(contacts)
    out = tmp_path / "meta.csv"

    found = export_audience(run_dir, out, segment_ids=[1], to="meta", contacts=contacts, min_size=1)

    assert found.n_written == 1
    assert pl.read_csv(out)["email"].to_list() == [hashlib.sha256(b"a@b.org").hexdigest()]


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"segment_ids": [3]}, ConfigError),
        ({"segment_ids": [0]}, ConfigError),
        ({"min_size": 201}, ConfigError),
        ({"hold_out": 1.0}, ConfigError),
        ({"min_size": 0}, ConfigError),
        ({"to": "google"}, ConfigError),
        ({"to": "parquet"}, ConfigError),
        ({"to": "tiktok"}, ConfigError),
        ({"country_code": "+49"}, ConfigError),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line_and_nothing_is_written(
    run_dir, tmp_path, options, kind
):
    out = tmp_path / "a.csv"
    with pytest.raises(kind) as raised:
        export_audience(run_dir, out, **({"segment_ids": [1], "to": "csv"} | options))
    shows(str(raised.value))
    assert "\n" not in str(raised.value)
    assert {path.name for path in tmp_path.iterdir()} == {"run"}


def test_odd_files_are_refused(run_dir, tmp_path):
    out = tmp_path / "a.csv"
    options = {"segment_ids": [1], "to": "meta"}
    no_keys = tmp_path / "no_keys.csv"
    no_keys.write_text("user_id,name\n1,Jane\n")
    with raises_text(ConfigError):
        export_audience(run_dir, out, contacts=no_keys, **options)
    texts = contacts_of(tmp_path / "texts.csv", [("u1", "a@b.org", "")])
    with raises_text(SchemaError):
        export_audience(run_dir, out, contacts=texts, **options)
    with raises_text(ConfigError):
        export_audience(run_dir, out, contacts=texts, segment_ids=[1], to="csv")
    with raises_text(BundleError):
        export_audience(tmp_path, out, segment_ids=[1], to="csv")
    out.write_text("mine")
    with raises_text(OutputError):
        export_audience(run_dir, out, segment_ids=[1], to="csv")
    assert out.read_text() == "mine"


def test_the_command_tells_machines_and_people(run_dir, tmp_path):
    words = ["export", "audience", run_dir, "--segment", "1", "--hold-out", "20%"]

    told = segmentry(*words, "--out", tmp_path / "a.csv")
    assert told.code == 0
    assert "Segment 1: 200 users" in told.out
    shows(told.out)

    answer = segmentry(*words, "--out", tmp_path / "b.csv", "--json")
    document = json.loads(answer.out)
    assert document["n_users"] == document["n_written"] + document["n_held_out"]

    wrong = segmentry(
        "export", "audience", run_dir, "--segment", "one", "--out", tmp_path / "c.csv"
    )
    assert (wrong.code, wrong.out) == (2, "")
    says(wrong.err)
