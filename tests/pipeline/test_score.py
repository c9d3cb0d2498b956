"""Users of new data in the segments of a run."""

import json
import shutil

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from tests.pipeline.runs import leave_undrawn, segmentry
from tests.texts import raises_text, says, shows

import segmentry as package
from segmentry.activate.audience import export_audience
from segmentry.errors import BundleError, ConfigError, DataError, OutputError, SchemaError
from segmentry.results.run_folder import read_bundle
from segmentry.runtime import memory


def segments_of(run):
    """Return the segments of a run without what a score, which checks nothing, does not tell."""
    return pl.read_parquet(run.folder / "segments.parquet").drop("feature_segment_id")


@pytest.fixture
def new_data(attribute_run, tmp_path):
    """A copy of the log that may be changed."""
    return shutil.copytree(attribute_run.data_dir, tmp_path / "new")


@pytest.fixture
def old_model(attribute_run, tmp_path):
    """A run folder with nothing but a model, which may be changed."""
    (tmp_path / "old" / "model").mkdir(parents=True)
    shutil.copy(attribute_run.folder / "model" / "bundle.json", tmp_path / "old" / "model")
    return tmp_path / "old"


def test_the_data_of_the_run_get_the_labels_of_the_run(plain_run):
    scores = package.score(plain_run.folder, plain_run.data_dir)

    assert_frame_equal(scores.segments, segments_of(plain_run))
    assert scores.notes == ()


def test_attributes_of_a_profile_and_a_window_are_used_as_in_the_run(attribute_run):
    scores = package.score(attribute_run.folder, attribute_run.data_dir, since="2017-05-07")

    expected = segments_of(attribute_run)
    assert_frame_equal(scores.segments, expected)
    # Users of the first day alone have a profile and no impression in the window.
    assert 0 in expected["segment_id"]
    assert expected.filter(segment_id=0)["segment_name"].null_count() == sum(
        expected["segment_id"] == 0
    )


def test_a_window_of_another_length_is_told(attribute_run):
    scores = package.score(attribute_run.folder, attribute_run.data_dir)

    says(scores.notes)


def test_a_user_is_placed_the_same_whoever_else_is_scored(plain_run):
    run = segments_of(plain_run)

    part = package.score(plain_run.folder, plain_run.data_dir, sample=0.2).segments

    assert 0 < part.height < run.height
    assert_frame_equal(part, run.join(part.select("user_id"), on="user_id", maintain_order="left"))


def test_users_with_levels_that_were_not_there_are_told(attribute_run, new_data):
    header, *rows = (new_data / "user_profile.csv").read_text().splitlines()
    fields = [row.split(",") for row in rows]
    for row in fields[:25]:
        row[3] = "7"
    text = "\n".join([header, *(",".join(row) for row in fields)]) + "\n"
    (new_data / "user_profile.csv").write_text(text)

    scores = package.score(attribute_run.folder, new_data, since="2017-05-07")

    changed = pl.Series([int(row[0]) for row in fields[:25]])
    placed = scores.segments.filter(
        pl.col("user_id").is_in(changed.implode()), pl.col("segment_id") > 0
    )
    assert [each.split()[0] for each in scores.notes] == [str(placed.height)]
    says(scores.notes)


def test_data_without_an_attribute_that_formed_segments_are_refused(attribute_run, new_data):
    (new_data / "user_profile.csv").unlink()

    with raises_text(SchemaError):
        package.score(attribute_run.folder, new_data)


def test_attributes_that_formed_nothing_may_be_absent(plain_run, new_data):
    (new_data / "user_profile.csv").unlink()

    scores = package.score(plain_run.folder, new_data).segments

    run = segments_of(plain_run)
    assert_frame_equal(scores.drop("is_profiled"), run.drop("is_profiled"))
    assert not scores["is_profiled"].any()


def test_a_model_of_another_version_is_refused(old_model, new_data):
    file = old_model / "model" / "bundle.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"bundle_version": 2}))

    with pytest.raises(BundleError) as error:
        package.score(old_model, new_data)

    says(str(error.value))


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        (lambda text: text[: len(text) // 2], "not a saved model: "),
        (lambda text: text.replace('"centers"', '"centres"'), "no centers, which segmentry"),
        (lambda _: "[]", "not a saved model: "),
    ],
)
def test_a_broken_model_is_refused_in_one_line(old_model, new_data, change, shown):
    file = old_model / "model" / "bundle.json"
    file.write_text(change(file.read_text()))

    with pytest.raises(BundleError) as error:
        package.score(old_model, new_data)

    assert str(error.value).startswith(f"{file}: {shown}")
    assert str(error.value).endswith("; run it again")
    assert "\n" not in str(error.value)


def test_a_model_comes_back_from_disk_bit_for_bit(attribute_run):
    from segmentry.results.scoring import parse_bundle, render_bundle

    bundle = read_bundle(attribute_run.folder)
    assert parse_bundle(render_bundle(bundle), source="x") == bundle


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_scores_are_written_and_counted(plain_run, tmp_path, suffix):
    file = tmp_path / f"scores{suffix}"

    answer = segmentry("score", plain_run.folder, plain_run.data_dir, "--out", file)

    assert (answer.code, answer.err) == (0, "")
    read = pl.read_parquet if suffix == ".parquet" else pl.read_csv
    run = segments_of(plain_run)
    assert_frame_equal(read(file), run)
    for segment_id, name, n_users in (
        run.group_by("segment_id", "segment_name").len().sort("segment_id").iter_rows()
    ):
        line = next(each for each in answer.out.splitlines() if each.startswith(f"  {segment_id} "))
        assert " ".join(line.split()) == f"{segment_id} {name} {n_users:,} users"
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_an_existing_file_is_replaced_only_if_asked(plain_run, tmp_path):
    file = tmp_path / "scores.csv"
    file.write_text("mine\n")

    with raises_text(OutputError):
        package.score(plain_run.folder, plain_run.data_dir, out=file)
    assert file.read_text() == "mine\n"

    package.score(plain_run.folder, plain_run.data_dir, out=file, overwrite=True)
    columns = "user_id,segment_id,segment_key,segment_name,margin,is_profiled\n"
    assert file.read_text().startswith(columns)


def test_places_that_cannot_hold_the_scores_are_refused_before_the_log_is_read(plain_run, tmp_path):
    def refused(out, error):
        with pytest.raises(error) as caught:
            package.score(plain_run.folder, "no such data", out=out)
        return str(caught.value)

    shows(refused(tmp_path / "scores.xlsx", ConfigError))
    (tmp_path / "folder.csv").mkdir()
    shows(refused(tmp_path / "folder.csv", OutputError))
    says(refused(tmp_path / "absent" / "scores.csv", OutputError))


def test_values_of_another_unit_and_columns_without_any_are_noted(tmp_path, monkeypatch):
    leave_undrawn(monkeypatch)
    ages = [20 + i % 50 for i in range(200)]
    for name, factor in (("base", 1), ("cents", 100), ("empty", None)):
        spend = ["" if factor is None else factor * (i % 37 + i / 200) for i in range(200)]
        rows = (f"{i},{age},{each}" for i, (age, each) in enumerate(zip(ages, spend, strict=True)))
        (tmp_path / f"{name}.csv").write_text("id,age,spend\n" + "\n".join(rows))
        (tmp_path / f"{name}.toml").write_text(
            f"""name = "x"
[profiles]
files = "{name}.csv"
user_id = "id"
[profiles.attributes]
age = {{column = "age", kind = "number"}}
spend = {{column = "spend", kind = "money"}}"""
        )
    run = tmp_path / "run"
    package.run(None, run, mapping=tmp_path / "base.toml", k=2, min_size=5)

    as_formed = package.score(run, None, mapping=tmp_path / "base.toml")
    in_cents = package.score(run, None, mapping=tmp_path / "cents.toml")
    without = package.score(run, None, mapping=tmp_path / "empty.toml")

    assert as_formed.notes == ()
    assert [note.partition(" has a value of ")[2][:5] for note in without.notes] == ["spend"]
    assert [note.partition(" are outside")[0][-5:] for note in in_cents.notes] == ["spend"]


@pytest.fixture
def small_parts(monkeypatch):
    """Divide users among many parts, of which some have no row of the log."""
    monkeypatch.setattr(memory, "_FEWEST_ROWS", 1_000)


def read_parts(folder):
    assert all(each.name.startswith("part-") for each in folder.iterdir())
    return pl.read_parquet(folder).sort("user_id")


def test_scores_in_parts_are_those_of_one_file(attribute_run, small_parts, tmp_path):
    options = {"since": "2017-05-07", "sample": 0.9}
    expected = package.score(attribute_run.folder, attribute_run.data_dir, **options)

    found = package.score(
        attribute_run.folder, attribute_run.data_dir, **options, out=tmp_path / "scores"
    )

    assert_frame_equal(read_parts(tmp_path / "scores"), expected.segments)
    assert len(list((tmp_path / "scores").iterdir())) > 5
    assert (found.segments, found.notes) == (None, expected.notes)
    assert_frame_equal(found.sizes, expected.sizes)
    assert [each.name for each in tmp_path.iterdir()] == ["scores"]
    export_audience(
        attribute_run.folder, tmp_path / "list.parquet", scores=tmp_path / "scores",
        segment_ids=[1], to="parquet", min_size=1,
    )  # fmt: skip
    listed = pl.read_parquet(tmp_path / "list.parquet")
    assert_frame_equal(listed, expected.segments.filter(segment_id=1).select(listed.columns))


def test_scores_of_another_run_are_no_audience(plain_run, tmp_path):
    package.score(plain_run.folder, plain_run.data_dir, out=tmp_path / "scores.parquet")
    other = pl.read_parquet(tmp_path / "scores.parquet").with_columns(segment_key=pl.lit("k000"))
    other.write_parquet(tmp_path / "scores.parquet")

    with raises_text(BundleError):
        export_audience(
            plain_run.folder, tmp_path / "list.csv", scores=tmp_path / "scores.parquet",
            segment_ids=[1], to="csv",
        )  # fmt: skip


def test_users_of_a_profile_alone_are_scored_in_their_part(
    attribute_run, small_parts, new_data, tmp_path
):
    file = new_data / "raw_sample.csv"
    header, *rows = file.read_text().splitlines()
    one = rows[0].split(",")[0]
    file.write_text("\n".join([header, *(row for row in rows if row.split(",")[0] == one)]) + "\n")
    expected = package.score(attribute_run.folder, new_data)

    package.score(attribute_run.folder, new_data, out=tmp_path / "scores")

    assert_frame_equal(read_parts(tmp_path / "scores"), expected.segments)


def test_profiles_of_parts_are_judged_as_of_one_table(
    attribute_run, small_parts, new_data, tmp_path
):
    file = new_data / "user_profile.csv"
    lines = file.read_text().splitlines()
    odd = [lines[1], lines[2].replace(",", ",9", 1), ",".join("123456789" * 2)]
    file.write_text("\n".join([*lines, *odd]) + "\n")
    expected = package.score(attribute_run.folder, new_data)

    found = package.score(attribute_run.folder, new_data, out=tmp_path / "scores")

    assert_frame_equal(read_parts(tmp_path / "scores"), expected.segments)
    assert found.notes == expected.notes
    with raises_text(DataError):
        package.score(attribute_run.folder, new_data, out=tmp_path / "strict", strict=True)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["new", "scores"]


def test_only_a_folder_of_parts_is_replaced(plain_run, tmp_path):
    out = tmp_path / "scores"
    package.score(plain_run.folder, plain_run.data_dir, out=out)
    before = read_parts(out)

    with raises_text(OutputError):
        package.score(plain_run.folder, "no such data", out=out)
    with raises_text(ConfigError):
        package.score(plain_run.folder, "no such data", out=out, append=True)
    package.score(plain_run.folder, plain_run.data_dir, out=out, overwrite=True)
    assert_frame_equal(read_parts(out), before)
    (out / "mine.txt").touch()
    with raises_text(OutputError):
        package.score(plain_run.folder, "no such data", out=out, overwrite=True)
