"""The run folder of a generated log: whole, readable, and consistent with itself."""

import csv
import hashlib
import json
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from tests.pipeline.runs import RUN_FILES, outcome_of
from tests.texts import shows

from segmentry import __version__, fit_segments
from segmentry.config import RunConfig
from segmentry.present.first_screen import first_screen
from segmentry.results.run_folder import read_bundle, read_manifest
from segmentry.results.summary import read_summary, render_summary_json

GOLDEN = Path(__file__).parent / "golden_summary.json"
FORMING = ("ctr_shrunk", "n_impressions", "n_active_days")
MIN_SIZE = RunConfig().min_size


def rows_of(file):
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines))


@pytest.fixture(scope="module")
def summary(plain_run):
    return read_summary(plain_run.folder)


@pytest.fixture(scope="module")
def segments(plain_run):
    return pl.read_parquet(plain_run.folder / "segments.parquet")


@pytest.fixture(scope="module")
def again(plain_run):
    """What the same run finds once more."""
    return outcome_of(plain_run.data_dir)


@pytest.fixture(scope="module")
def manifest(plain_run):
    return read_manifest(plain_run.folder)


def test_the_folder_holds_the_files_of_the_contract_and_no_others(plain_run):
    assert plain_run.answer.code == 0
    assert {path.name for path in plain_run.folder.iterdir()} == RUN_FILES
    assert [path.name for path in (plain_run.folder / "model").iterdir()] == ["bundle.json"]
    saved = sorted(path.name for path in (plain_run.folder / "validation").iterdir())
    assert saved == ["days.parquet", "users.parquet"]
    assert [path.name for path in plain_run.folder.parent.iterdir()] == ["run"]


def test_the_command_prints_where_the_rows_went_and_every_segment(plain_run, summary):
    lines = [line.split() for line in plain_run.answer.out.splitlines()]
    rows = {
        "impressions": len(rows_of(plain_run.data_dir / "raw_sample.csv")),
        "profiles": len(rows_of(plain_run.data_dir / "user_profile.csv")),
        "ads": len(rows_of(plain_run.data_dir / "ad_feature.csv")),
    }
    for role, n_rows in rows.items():
        assert [role, f"{n_rows:,}", f"{n_rows:,}", "0", "0"] in lines
    assert plain_run.answer.out.count(first_screen(summary).headline) == 1
    for segment in summary.segments:
        start = [str(segment.segment_id), segment.name.split()[0]]
        found = [line for line in lines if " ".join(start) in " ".join(line[:4])]
        assert len(found) == 1
        assert f"{segment.share:.0%}".rstrip("%") in found[0]
    shows(" ".join(plain_run.answer.out.split()))
    assert plain_run.answer.out.endswith(f"Report: {plain_run.folder / 'report.html'}\n")


def test_every_user_of_log_and_profiles_is_in_the_segments_once(plain_run, segments):
    shown = {row["user"] for row in rows_of(plain_run.data_dir / "raw_sample.csv")}
    profiled = {row["userid"] for row in rows_of(plain_run.data_dir / "user_profile.csv")}

    assert segments.columns == [
        *("user_id", "segment_id", "segment_key", "segment_name", "margin", "is_profiled"),
        "feature_segment_id",
    ]
    assert segments["user_id"].to_list() == sorted(map(int, shown | profiled))
    assert segments.filter("is_profiled")["user_id"].to_list() == sorted(map(int, profiled))


def test_segments_are_numbered_by_falling_size_when_formed_and_margins_are_shares(
    segments, summary
):
    early = segments["feature_segment_id"].value_counts().sort("feature_segment_id")
    assert early["feature_segment_id"].to_list() == list(range(len(summary.segments) + 1))
    assert early["count"][1:].to_list() == sorted(early["count"][1:], reverse=True)
    sizes = segments["segment_id"].value_counts().sort("segment_id")
    assert sizes["segment_id"].to_list() == list(range(1, len(summary.segments) + 1))
    assert sizes["count"].to_list() == [segment.n_users for segment in summary.segments]
    assert segments["margin"].is_between(0, 1).all()


def test_the_figures_of_a_segment_are_those_of_its_users_in_the_log(plain_run, segments, summary):
    segment_of = dict(segments.select("user_id", "segment_id").iter_rows())
    names = dict(segments.select("segment_id", "segment_name").iter_rows())
    shown, clicked = Counter(), Counter()
    for row in rows_of(plain_run.data_dir / "raw_sample.csv"):
        shown[segment_of[int(row["user"])]] += 1
        clicked[segment_of[int(row["user"])]] += int(row["clk"])

    for segment in summary.segments:
        i = segment.segment_id
        assert (segment.n_impressions, segment.n_clicks) == (shown[i], clicked[i])
        assert segment.ctr_seen.value == pytest.approx(clicked[i] / shown[i])
        assert segment.ctr_seen.low < segment.ctr_seen.value < segment.ctr_seen.high
        assert segment.clicks_share == pytest.approx(clicked[i] / clicked.total())
        assert segment.name == names[i]
    assert summary.population.n_impressions == shown.total()


def test_the_user_table_holds_the_segments_and_the_counts_of_the_log(plain_run, segments):
    users = pl.read_parquet(plain_run.folder / "users.parquet")
    rows = rows_of(plain_run.data_dir / "raw_sample.csv")
    shown = Counter(int(row["user"]) for row in rows)
    clicked = Counter(int(row["user"]) for row in rows if row["clk"] == "1")

    assert users["user_id"].equals(segments["user_id"])
    assert users["segment_id"].equals(segments["segment_id"])
    assert users["n_impressions"].to_list() == [shown[user] for user in users["user_id"]]
    assert users["n_clicks"].to_list() == [clicked[user] for user in users["user_id"]]


def test_profiles_hold_the_statistics_of_the_summary_and_of_the_user_table(plain_run, summary):
    profiles = pl.read_parquet(plain_run.folder / "profiles.parquet")
    users = pl.read_parquet(plain_run.folder / "users.parquet")

    def value(segment_id, feature, statistic):
        return profiles.filter(segment_id=segment_id, feature=feature, statistic=statistic)[
            "value"
        ].item()

    hidden = {}
    assert profiles.columns == ["segment_id", "feature", "statistic", "value", "low", "high"]
    assert set(profiles["segment_id"]) == {0, *(s.segment_id for s in summary.segments)}
    for segment in summary.segments:
        members = users.filter(segment_id=segment.segment_id)
        i = segment.segment_id
        assert value(i, "", "n_users") == segment.n_users
        assert value(i, "n_impressions", "mean") == pytest.approx(members["n_impressions"].mean())
        assert value(i, "ctr", "median") == pytest.approx(members["ctr"].median())
        for level in (1, 2, 3, 4, None):
            n_members = (members["city_tier"].eq_missing(level)).sum()
            text = "unknown" if level is None else level
            found = value(i, "city_tier", f"share[{text}]")
            if found is None:
                hidden[i, text] = n_members
            else:
                assert found == pytest.approx(n_members / segment.n_users)
                assert n_members >= MIN_SIZE
    assert any(0 < n_members < MIN_SIZE for n_members in hidden.values())
    # One that is hidden alone in its segment or its level is what is left of the total.
    for by in (0, 1):
        assert min(Counter(place[by] for place in hidden).values()) >= 2
    assert len(hidden) <= 15  # of 20: every segment has a level of few users


def test_every_candidate_is_in_the_selection_and_one_is_selected(plain_run, summary):
    selection = pl.read_parquet(plain_run.folder / "selection.parquet")

    assert selection["n_segments"].to_list() == list(range(1, 11))
    assert selection["inertia"].is_sorted(descending=True)
    chosen = selection.filter("is_selected")
    assert chosen["n_segments"].to_list() == [len(summary.segments)]
    assert chosen["reason"].item() == summary.selection.reason
    # By what later days say, whatever the silhouette (decision 5); the runner-up is next by it.
    assert chosen["n_segments"].item() == summary.evidence.n_by_evidence
    others = selection.filter(~pl.col("is_selected")).sort("silhouette", nulls_last=False)
    assert summary.selection.runner_up == others["n_segments"][-1]


def test_the_saved_model_has_the_centres_of_the_segments(plain_run, summary):
    bundle = read_bundle(plain_run.folder)
    users = pl.read_parquet(plain_run.folder / "users.parquet")
    X = bundle.preprocessing.transform(users)

    assert bundle.names == tuple(segment.name for segment in summary.segments)
    for segment_id, center in enumerate(bundle.centers, start=1):
        members = X[(users["segment_id"] == segment_id).to_numpy()]
        assert members.mean(axis=0).tolist() == pytest.approx(center)


def test_every_figure_is_there_as_svg_and_none_as_png(plain_run):
    files = list((plain_run.folder / "figures").iterdir())

    assert {file.suffix for file in files} == {".svg"}
    names = {file.stem for file in files}
    assert names >= {"sizes", "elbow", "silhouette_by_k", "profile_heatmap", "map"}
    for file in files:
        assert ET.fromstring(file.read_text()).tag.endswith("svg")  # noqa: S314  # our own


def test_the_report_is_one_page_that_names_every_segment(plain_run, summary):
    page = (plain_run.folder / "report.html").read_text()
    assert page.startswith("<!doctype html>")
    for segment in summary.segments:
        assert segment.name in page


def test_the_manifest_tells_settings_versions_rows_seconds_and_memory(plain_run, manifest):
    assert manifest.config == RunConfig(bootstraps=2).model_dump(mode="json")
    assert manifest.versions["segmentry"] == __version__
    assert {"python", "duckdb", "polars", "numpy", "scikit-learn"} <= set(manifest.versions)
    assert [account["role"] for account in manifest.accounts] == ["impressions", "profiles", "ads"]
    assert {
        "read log",
        "count",
        "segment and check",
        "profile",
        "draw and report",
    } <= {step.step for step in manifest.steps}
    assert all(step.seconds >= 0 and step.peak_memory_mb > 50 for step in manifest.steps)
    peaks = [step.peak_memory_mb for step in manifest.steps]
    assert peaks == sorted(peaks)
    # Some go on beside others, so their sum says nothing.
    assert manifest.seconds >= max(step.seconds for step in manifest.steps)


def test_the_input_is_known_by_its_content(plain_run, manifest):
    found = {each.path: (each.n_bytes, each.sha256) for each in manifest.inputs}
    expected = {}
    for name in ("ad_feature.csv", "raw_sample.csv", "user_profile.csv"):
        content = (plain_run.data_dir / name).read_bytes()
        expected[name] = (len(content), hashlib.sha256(content).hexdigest())
    assert found == expected


def test_silhouettes_are_those_of_the_labels_of_the_feature_window(plain_run, segments, summary):
    from sklearn.metrics import silhouette_score

    early = pl.read_parquet(plain_run.folder / "validation" / "users.parquet")
    shown = early.filter(pl.col("n_impressions") > 0)
    labels = segments["feature_segment_id"].filter(early["n_impressions"] > 0)
    chosen = next(each for each in summary.selection.candidates if each.is_selected)
    k = chosen.n_segments
    X = fit_segments(early, features=FORMING, k=k, k_range=(k, k)).preprocessing.transform(shown)

    exact = silhouette_score(X, labels)
    squared = silhouette_score(X, labels, metric="sqeuclidean")
    assert chosen.silhouette.value == pytest.approx(exact)  # all shown users were sampled
    assert chosen.squared_silhouette == pytest.approx(squared)


def test_the_command_in_the_summary_repeats_the_run_to_the_byte(plain_run, summary, again):
    words = summary.repeat.command.split()
    assert words[:3] == ["segmentry", "run", plain_run.data_dir.name]
    assert words[3:] == ["--out", "RUN_DIR", "--bootstraps", "2"]

    text = (plain_run.folder / "summary.json").read_text()
    assert render_summary_json(again.summary) == text


def test_the_segments_of_both_fits_are_in_the_table_of_segments(segments, again):
    assert segments["feature_segment_id"].to_list() == again.validation.feature_segment_ids.tolist()
    assert segments["segment_id"].to_list() == again.segmentation.segment_ids.tolist()


def test_the_core_figures_are_the_recorded_ones(summary):
    """A change of these figures must be meant: then write the file again, and say why."""
    assert core_figures(summary) == json.loads(GOLDEN.read_text())


def core_figures(summary):
    return {
        "headline": summary.headline,
        "n_segments": summary.selection.n_segments,
        "reason": summary.selection.reason,
        "silhouettes": {
            str(each.n_segments): round(each.silhouette.value, 3)
            for each in summary.selection.candidates
            if each.silhouette.is_known
        },
        "rows": {a.role: [a.n_read, a.n_used, a.n_rejected] for a in summary.data.accounts},
        "findings": {finding.code: finding.count for finding in summary.data.findings},
        "window": [summary.data.starts_at, summary.data.ends_at],
        "segments": [
            {
                "name": segment.name,
                "n_users": segment.n_users,
                "n_impressions": segment.n_impressions,
                "n_clicks": segment.n_clicks,
                "ctr_interval": [round(segment.ctr_seen.low, 4), round(segment.ctr_seen.high, 4)],
                "forecast": [
                    round(segment.expected_rate.low, 4),
                    round(segment.expected_rate.high, 4),
                ],
                "verdict": segment.verdict,
            }
            for segment in summary.segments
        ],
        "kept_gain": round(summary.validation.kept_gain.by_forecast.value, 3),
        "forming": [row.name for row in summary.features if row.weight is not None],
    }
