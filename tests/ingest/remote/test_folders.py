"""Folders put into an object store, and copies of them: whole, or one line."""

import contextlib
import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.stores import gate
from tests.texts import says

from segmentry.errors import BundleError, DataError, OutputError
from segmentry.ingest.remote import (
    _folders,
    at_hand,
    changed_at,
    place_of,
    put_folder,
    require_free,
)

pytestmark = pytest.mark.usefixtures("hurried")

LAST = "manifest.json"


def folder_of(home, name, **files):
    folder = home / name
    for file, text in {"manifest": name, **files}.items():
        path = folder / f"{file.replace('__', '/')}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def run_place(bucket):
    return place_of(f"{bucket.address}/deep/run")


def run_place_path(bucket):
    return Path(str(run_place(bucket)))


def put(folder, bucket, *, overwrite=False):
    seen = require_free(run_place(bucket), last=LAST, overwrite=overwrite)
    put_folder(folder, run_place(bucket), last=LAST, seen=seen)


def one_line(error, bucket):
    text = str(error).replace(bucket.name, "logs")
    assert "\n" not in text
    return text


def test_a_folder_is_put_whole_and_copied_back(bucket, tmp_path):
    put(folder_of(tmp_path, "first", model__bundle="m", summary="s"), bucket)

    assert bucket.names() == [
        f"deep/run/{each}" for each in (LAST, "model/bundle.json", "summary.json")
    ]
    with at_hand(run_place_path(bucket), last=LAST) as copy:
        assert (copy / "model" / "bundle.json").read_text() == "m"
    assert not copy.exists()


def test_an_earlier_run_is_replaced_only_when_that_is_wanted(bucket, tmp_path):
    put(folder_of(tmp_path, "first", old="o"), bucket)
    later = folder_of(tmp_path, "later", new="n")

    with pytest.raises(OutputError) as caught:
        put(later, bucket)
    put(later, bucket, overwrite=True)

    says(one_line(caught.value, bucket))
    assert bucket.names() == [f"deep/run/{LAST}", "deep/run/new.json"]
    assert bucket.get(f"deep/run/{LAST}") == b"later"


def test_what_is_no_run_is_not_replaced(bucket, tmp_path):
    bucket.put("deep/run/holiday.txt", b"mine")

    with pytest.raises(OutputError) as caught:
        put(folder_of(tmp_path, "first"), bucket, overwrite=True)

    says(one_line(caught.value, bucket))
    assert bucket.names() == ["deep/run/holiday.txt"]


@pytest.mark.parametrize("answer", ["break", "AccessDenied", "ExpiredToken"])
@pytest.mark.parametrize("has_earlier", [False, True])
def test_an_upload_that_breaks_leaves_what_was_there(has_earlier, answer, bucket, tmp_path):
    if has_earlier:
        put(folder_of(tmp_path, "first", old="o"), bucket)
    before = bucket.names()

    later = folder_of(tmp_path, "later", a="a", b="b")
    with gate() as store:
        store.answer_to = lambda method, path: (
            answer if "/b.json" in path and method in ("PUT", "POST") else ""
        )
        with pytest.raises(OutputError) as caught:
            put(later, bucket, overwrite=True)

    says(one_line(caught.value, bucket).replace("break", "").split(": ", 1)[1][:60])
    assert bucket.names() == before


def test_a_place_that_cannot_be_written_is_refused_before_the_work(bucket):
    with gate() as store:
        store.answer_to = lambda method, _: "AccessDenied" if method in ("PUT", "POST") else ""
        with pytest.raises(OutputError) as caught:
            require_free(run_place(bucket), last=LAST, overwrite=False)

    says(one_line(caught.value, bucket).split(": ", 1)[1])


def test_a_bucket_that_is_not_there_is_refused_before_the_work(bucket):
    with pytest.raises((DataError, OutputError)) as caught:
        require_free(place_of("s3://no-such-bucket-of-a-test/run"), last=LAST, overwrite=False)

    assert "no such bucket" in str(caught.value)


def test_a_copy_that_breaks_leaves_no_run_and_says_where_the_upload_is(bucket, tmp_path):
    put(folder_of(tmp_path, "first", a="old"), bucket)
    later = folder_of(tmp_path, "later", a="new")
    is_copied = {"is": False}

    def answer(method, path):
        is_copied["is"] |= method == "DELETE"
        return (
            "break" if is_copied["is"] and path.endswith("run/a.json") and method == "PUT" else ""
        )

    with gate() as store:
        store.answer_to = answer
        with pytest.raises(OutputError) as caught:
            put(later, bucket, overwrite=True)

    assert ".partial" in one_line(caught.value, bucket)
    with pytest.raises(BundleError), at_hand(run_place_path(bucket), last=LAST):
        pass
    (kept,) = [each for each in bucket.names() if each.endswith(f".partial/{LAST}")]
    assert bucket.get(kept) == b"later"


def test_after_a_writer_that_was_killed_the_folder_can_be_written(bucket, tmp_path):
    bucket.put("deep/run/.0123abcd.partial/summary.json", b"half")
    bucket.put("deep/run/summary.json", b"copied before the end")

    put(folder_of(tmp_path, "first", summary="s"), bucket)

    assert bucket.get("deep/run/summary.json") == b"s"


def test_what_is_changed_in_a_copy_is_put_back(bucket, tmp_path):
    put(folder_of(tmp_path, "first", a="a", b="b"), bucket)

    with at_hand(run_place_path(bucket), last=LAST) as copy:
        (copy / "a.json").write_text("renamed")
        (copy / "plan").mkdir()
        (copy / "plan" / "budget.json").write_text("new")

    assert bucket.get("deep/run/a.json") == b"renamed"
    assert bucket.get("deep/run/plan/budget.json") == b"new"
    assert len(bucket.names()) == 4


def test_two_that_change_a_run_do_not_undo_each_other(bucket, tmp_path):
    put(folder_of(tmp_path, "first", a="a"), bucket)

    def rename():
        with at_hand(run_place_path(bucket), last=LAST) as copy:
            bucket.put("deep/run/a.json", b"by somebody else")
            (copy / "a.json").write_text("mine")

    with pytest.raises(OutputError) as caught:
        rename()

    says(one_line(caught.value, bucket))
    assert bucket.get("deep/run/a.json") == b"by somebody else"


def test_only_what_is_needed_is_copied(bucket, tmp_path):
    put(folder_of(tmp_path, "first", model__bundle="m", users="u" * 1000), bucket)

    with at_hand(run_place_path(bucket), last=LAST, only=("model/",)) as copy:
        assert sorted(each.name for each in copy.rglob("*.json")) == ["bundle.json", LAST]


def test_a_folder_that_is_not_whole_is_no_run(bucket):
    bucket.put("deep/run/summary.json", b"{}")

    with pytest.raises(BundleError) as caught, at_hand(run_place_path(bucket), last=LAST):
        pass

    says(one_line(caught.value, bucket))


def test_of_two_that_write_at_once_the_second_is_refused(bucket, tmp_path):
    put(folder_of(tmp_path, "first"), bucket)
    bucket.put("deep/run/.0.partial.claim", b"")

    with pytest.raises(OutputError) as caught:
        put(folder_of(tmp_path, "later"), bucket, overwrite=True)

    says(one_line(caught.value, bucket))
    assert bucket.names() == ["deep/run/.0.partial.claim", f"deep/run/{LAST}"]
    assert bucket.get(f"deep/run/{LAST}") == b"first"


def test_a_claim_of_a_process_that_died_is_in_no_ones_way(bucket, tmp_path, monkeypatch):
    bucket.put("deep/run/.0.partial.claim", b"")
    monkeypatch.setattr(_folders, "_DEAD", dt.timedelta(seconds=-60))

    put(folder_of(tmp_path, "first"), bucket)

    assert bucket.names() == [f"deep/run/{LAST}"]


def test_a_run_that_another_one_overtook_is_refused(bucket, tmp_path):
    seen = require_free(run_place(bucket), last=LAST, overwrite=True)
    put(folder_of(tmp_path, "first"), bucket)

    with pytest.raises(OutputError) as caught:
        put_folder(folder_of(tmp_path, "later"), run_place(bucket), last=LAST, seen=seen)

    says(one_line(caught.value, bucket))
    assert bucket.get(f"deep/run/{LAST}") == b"first"


def test_many_that_write_at_once_leave_what_one_of_them_wrote(bucket, tmp_path):
    seen = require_free(run_place(bucket), last=LAST, overwrite=False)
    folders = [folder_of(tmp_path, f"by-{n}", a=f"by-{n}", b=f"by-{n}") for n in range(4)]

    def write(folder):
        with contextlib.suppress(OutputError):
            put_folder(folder, run_place(bucket), last=LAST, seen=seen)

    with ThreadPoolExecutor(len(folders)) as pool:
        list(pool.map(write, folders))

    assert len({bucket.get(f"deep/run/{each}") for each in (LAST, "a.json", "b.json")}) == 1
    assert len(bucket.names()) == 3


def test_what_is_made_next_to_others_leaves_them(bucket, tmp_path):
    bucket.put("lists/old.csv", b"old")
    bucket.put("lists/other.csv", b"other")
    path = Path(f"{bucket.address}/lists/old.csv")

    with changed_at(path, is_read=False, companions=["old.add.csv", "old.record.json"]) as here:
        assert here.is_file()
        here.write_bytes(b"new")
        here.with_name("old.record.json").write_bytes(b"record")

    assert bucket.names() == ["lists/old.csv", "lists/old.record.json", "lists/other.csv"]
    assert bucket.get("lists/old.csv") == b"new"
