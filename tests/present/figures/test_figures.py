"""Every figure by its chart spec: colours, intervals, words; never by its pixels."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from tests.present.figures.test_specs import a_plan
from tests.texts import says, shows
from tests.windows import coloured

from segmentry.present import figures as plots
from segmentry.schema import Estimate

FIGURES = list(plots.FIGURES)
MEASURED_APART = {
    *("funnel", "gain_by_k", "stability", "exposure", "exposure_impression", "umap", "rate_by_day"),
    *("flows", "over_time"),
}
HOSTILE = (
    '<script>alert("1")</script>',
    'O\'Brien & "Söhne"',
    "高价值用户",
    "${x}{{y}}",
    "--><!--",
)


def parts_of(spec: dict) -> list[dict]:
    return [part for kind in ("layer", "hconcat", "vconcat") for part in spec.get(kind, [])]


def rows_of(spec: dict) -> Iterator[dict]:
    for rows in spec.get("datasets", {}).values():
        yield from rows
    yield from spec.get("data", {}).get("values", [])
    for part in parts_of(spec):
        yield from rows_of(part)


def marks_of(spec: dict) -> list[dict]:
    layers = parts_of(spec)
    own = [spec] if "mark" in spec else []
    return own + [mark for layer in layers for mark in marks_of(layer)]


def mark_type(mark: dict) -> str:
    return mark["mark"] if isinstance(mark["mark"], str) else mark["mark"]["type"]


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_a_valid_chart_with_name_finding_and_text_for_the_blind(make_summary, name):
    spec = plots.FIGURES[name].plot(make_summary(n_points=60)).to_dict()

    assert spec["name"] == name
    assert " ".join(spec["title"]["text"]) == spec["usermeta"]["title"]
    assert len(spec["description"]) > len(spec["usermeta"]["title"])


@pytest.mark.parametrize("n_segments", [1, 5, 40])
@pytest.mark.parametrize("is_refit", [False, True])
def test_a_segment_has_its_colour_in_every_figure(make_summary, n_segments, is_refit):
    """That of its id, or after a refit that of its key."""
    summary = make_summary(n_segments=n_segments, n_points=120)
    numbers = tuple(n_segments + 1 - each if is_refit else each for each in range(n_segments + 1))
    if is_refit:
        summary = coloured(summary, numbers[1:])

    n_rows = 0
    for figure in plots.FIGURES.values():
        for row in rows_of(figure.plot(summary).to_dict(validate=False)):
            if row.get("segment_id") and "color" in row:
                n_rows += 1
                number = numbers[row["segment_id"]]
                assert row["color"] == plots.segment_colour(number), figure.name
                assert row.get("ink") in (None, plots.segment_ink(number)), figure.name
    assert n_rows > n_segments


def test_a_segment_has_its_colour_in_a_budget():
    plan = a_plan()
    numbers = tuple(range(9, 0, -1))

    for given in ((), numbers):
        spec = plots.ANSWERS["budget"].plot(plan, given).to_dict(validate=False)
        drawn = {row["segment_id"]: row["color"] for row in rows_of(spec) if "color" in row}
        ids = [each.segment_id for each in plan.segments]
        assert drawn == {
            each: plots.segment_colour(given[each - 1] if given else each) for each in ids
        }


def test_the_click_rates_are_drawn_with_their_intervals(make_summary):
    summary = make_summary()

    spec = plots.FIGURES["ctr_by_segment"].plot(summary).to_dict()

    ranges = [m for m in marks_of(spec) if m["encoding"].get("x2", {}).get("field") == "high"]
    assert [mark_type(mark) for mark in ranges] == ["rule"]
    drawn = {r["segment_id"]: (r["low"], r["high"]) for r in rows_of(spec) if "low" in r}
    assert drawn == {s.segment_id: (s.ctr_seen.low, s.ctr_seen.high) for s in summary.segments}


def test_the_click_rates_say_on_which_days_they_were_measured(make_summary):
    caption = plots.FIGURES["ctr_by_segment"].caption(make_summary())

    for text in (caption.finding, caption.reading, caption.alt):
        shows(text)


def test_a_click_rate_is_a_finding_only_if_its_interval_leaves_all_users_out(make_summary):
    from dataclasses import replace

    summary = make_summary(n_segments=2, n_points=20)
    unclear = Estimate(value=0.09, low=0.01, high=0.2)
    low = Estimate(value=0.03, low=0.02, high=0.04)
    first, second = summary.segments

    def finding(*estimates: Estimate) -> str:
        segments = tuple(
            replace(segment, ctr_seen=estimate)
            for segment, estimate in zip((first, second), estimates, strict=True)
        )
        return plots.FIGURES["ctr_by_segment"].caption(replace(summary, segments=segments)).finding

    assert finding(unclear, low).startswith(f"“{second.name}” clicked on 3.00")
    shows(finding(unclear, unclear))


def test_later_days_are_drawn_next_to_what_was_expected(make_summary):
    summary = make_summary()

    spec = plots.FIGURES["ctr_later"].plot(summary).to_dict()

    drawn = {(r["segment_id"], r["kind"]): r for r in rows_of(spec) if "kind" in r}
    for s in summary.segments:
        for kind, estimate in (("expected", s.forecast_early), ("later", s.ctr_outcome)):
            row = drawn[s.segment_id, kind]
            assert (row["value"], row["low"], row["high"]) == (
                estimate.value,
                estimate.low,
                estimate.high,
            )
            assert row["text"] == f"{kind} {estimate.value * 100:.2f}\u00a0%"
    ranged = [m for m in marks_of(spec) if m["encoding"].get("x2", {}).get("field") == "high"]
    assert [mark_type(mark) for mark in ranged] == ["rect", "rule"]


def test_later_days_say_how_many_segments_are_confirmed_and_what_was_known_before(make_summary):
    caption = plots.FIGURES["ctr_later"].caption(make_summary())
    two = plots.FIGURES["ctr_later"].caption(make_summary(n_segments=2))

    says(caption.finding)
    says(two.finding)
    assert "90 % interval" in caption.reading
    shows(caption.reading)
    assert plots.horizon(make_summary()) == "the next 2 days"


def test_a_missing_forecast_or_later_rate_leaves_its_mark_out(make_summary):
    from dataclasses import replace

    unknown = Estimate(value=None, low=None, high=None)
    summary = make_summary(n_points=20)
    first, second, *others = summary.segments
    first = replace(first, forecast_early=unknown)
    second = replace(second, ctr_outcome=Estimate(value=0.05, low=None, high=None))
    third = replace(others[0], forecast_early=unknown, ctr_outcome=unknown)
    summary = replace(summary, segments=(first, second, third, *others[1:]))

    svg = plots.render_svg(plots.FIGURES["ctr_later"].plot(summary))

    assert "expected –" in svg
    assert "later –" in svg
    assert "NaN" not in svg
    assert "undefined" not in svg


@pytest.mark.parametrize("validation", ["not asked", "the log has one day"])
def test_without_later_days_their_figure_is_not_written(make_summary, names_of, validation):
    summary = make_summary(validation=validation, n_points=20)

    assert "ctr_later" not in names_of(summary)
    says(plots.FIGURES["ctr_later"].caption(summary).finding)


def test_the_silhouettes_are_drawn_with_their_intervals_and_the_chosen_k_is_marked(make_summary):
    summary = make_summary()

    spec = plots.FIGURES["silhouette_by_k"].plot(summary).to_dict()

    assert any(m["encoding"].get("y2", {}).get("field") == "high" for m in marks_of(spec))
    marks = {row["k"]: row["mark"] for row in rows_of(spec) if row.get("mark")}
    assert marks == {5: "chosen", 4: "second"}


def test_the_elbow_marks_knee_and_chosen_k(make_summary):
    spec = plots.FIGURES["elbow"].plot(make_summary()).to_dict()

    marks = {row["k"]: row["mark"] for row in rows_of(spec) if row.get("mark")}
    assert marks == {5: "chosen", 4: "knee"}


def test_a_difference_whose_interval_holds_zero_is_left_blank(make_summary):
    spec = plots.FIGURES["profile_heatmap"].plot(make_summary()).to_dict()

    blank = [r for r in rows_of(spec) if "difference" in r and r["text"] == ""]
    assert {(r["feature"], r["segment_id"]) for r in blank} == {
        ("first_seen_at", 2),
        ("repeat_clicks", 2),
    }


def test_every_arrow_of_the_map_ends_inside_it(make_summary):
    for n_segments in (2, 5, 9):
        spec = (
            plots.FIGURES["map"].plot(make_summary(n_segments=n_segments, n_points=200)).to_dict()
        )
        heads = {(row["x"], row["y"]) for row in rows_of(spec) if "angle" in row}
        sizes = spec["width"], spec["height"]

        assert len(heads) == 6
        assert all(0 <= x <= sizes[0] and 0 <= y <= sizes[1] for x, y in heads)


def test_maps_draw_a_sample_that_holds_every_segment(make_summary):
    summary = make_summary(n_segments=40, n_points=9000)

    rows = plots.FIGURES["map"].plot(summary).to_dict(validate=False)["datasets"]["points"]

    assert len(rows) <= 1540
    assert {row["segment_id"] for row in rows} == set(range(1, 41))


def test_the_picture_in_space_is_turned_by_parameters(make_summary):
    spec = plots.FIGURES["map_3d"].plot(make_summary(n_points=60)).to_dict()

    assert {p["name"]: p["value"] for p in spec["params"]} == {
        "azimuth": plots.AZIMUTH,
        "elevation": plots.ELEVATION,
    }


def test_without_rates_scores_and_components_figures_say_so(make_summary):
    summary = make_summary(n_segments=1, is_rated=False, n_components=1)

    says(plots.FIGURES["ctr_by_segment"].caption(summary).finding)
    assert plots.FIGURES["silhouette_by_k"].caption(summary).finding.startswith("No silhouette")
    shows(plots.FIGURES["map_3d"].caption(summary).finding)
    assert plots.map_scene(summary) is None


def test_no_layer_takes_the_axes_from_the_ads_of_segments(make_summary):
    spec = plots.FIGURES["quadrant"].plot(make_summary(n_segments=3)).to_dict(validate=False)
    axes = [
        layer["encoding"][side]["axis"]
        for layer in parts_of(spec)
        for side in ("x", "y")
        if side in layer["encoding"]
    ]

    assert axes
    assert all(axis["title"] for axis in axes)


@pytest.mark.parametrize("n_segments", [1, 40])
def test_files_are_written_for_every_figure(make_summary, tmp_path, n_segments):
    summary = make_summary(
        n_segments=n_segments, is_rated=n_segments > 1, n_points=60, names=HOSTILE
    )

    inline = plots.write_figures(summary, tmp_path / "figures", png_scale=0.2)

    written = sorted(path.name for path in (tmp_path / "figures").iterdir())
    ads = {"ads_and_clicks", "quadrant", "cumulative_gain"}
    missing = MEASURED_APART | {"wear_out"}
    missing |= {"silhouette_blades", *ads} if n_segments == 1 else set()
    expected = [name for name in FIGURES if name not in missing]
    assert written == sorted(f"{name}.{ext}" for name in expected for ext in ("png", "svg"))
    assert (tmp_path / "figures" / "map.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert list(inline) == expected


def test_the_same_summary_gives_the_same_bytes(make_summary, written, tmp_path):
    folder, first = written

    again = plots.write_figures(make_summary(n_segments=3, n_points=60), tmp_path, png_scale=0.2)

    assert again == first
    for file in folder.iterdir():
        assert (tmp_path / file.name).read_bytes() == file.read_bytes(), file.name


def test_an_interval_is_optional(make_summary):
    from dataclasses import replace

    summary = make_summary(n_points=20)
    first = replace(summary.segments[0], ctr_seen=Estimate(value=0.02, low=None, high=None))
    summary = replace(summary, segments=(first, *summary.segments[1:]))

    svg = plots.render_svg(plots.FIGURES["ctr_by_segment"].plot(summary))

    assert "2.00\u00a0%" in svg
    assert "NaN" not in svg


def test_importing_the_figures_does_not_load_what_draws_them():
    code = (
        "import sys, segmentry.present.figures; print({'altair', 'vl_convert'} & set(sys.modules))"
    )

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "set()"
