"""The logic of the pages by Streamlit's own test harness: what they say, not how it looks."""

import functools
import io
import json
import re
import shutil
import zipfile
from dataclasses import replace

import polars as pl
import pytest
from tests.conversions import with_conversions
from tests.present.report.test_log_page import a_log
from tests.summaries import make_summary
from tests.texts import shows
from tests.windows import with_windows

from segmentry.describe.maps import Embedding, EmbeddingPoint
from segmentry.describe.retention import RetentionFeature, RetentionReport, RetentionRow
from segmentry.errors import DataError
from segmentry.evaluation.later_days import DayLevel, DayLevels
from segmentry.ingest.engines.run_tables import count_moves
from segmentry.present import figures as plots
from segmentry.present.dashboard import _runs
from segmentry.present.dashboard._offer import packed
from segmentry.present.dashboard._pages import PAGES
from segmentry.present.dashboard._runs import load
from segmentry.present.report import tables_of
from segmentry.results.summary import read_summary, render_summary_json
from segmentry.schema import Estimate

testing = pytest.importorskip("streamlit.testing.v1")
scanner = pytest.importorskip("streamlit.components.v2.manifest_scanner")
# The harness asks every installed library for components before each page: most of its time.
scanner.scan_component_manifests = functools.cache(scanner.scan_component_manifests)
HOSTILE = ("<script>alert(1)</script>", 'O\'Brien & "Söhne" **x** :red[y] $z$', "高价值用户")


def script(path, folder):
    """Show a page, as Streamlit runs it: by itself, without the names of this module."""
    import pathlib

    from segmentry.errors import SegmentryError
    from segmentry.present.dashboard._pages import PAGES
    from segmentry.present.dashboard._runs import load
    from segmentry.present.dashboard._show import notice

    try:
        PAGES[path].show(load(pathlib.Path(folder)))
    except SegmentryError as error:
        notice(str(error))


def shown(path, folder, others=(), **params):
    """Return a page that has run."""
    page = testing.AppTest.from_function(script, args=(path, str(folder)), default_timeout=60)
    folders = [str(folder), *map(str, others)]
    page.secrets["segmentry"] = {
        "runs": folders,
        "is_read_only": True,
        "has_neighbours": params.pop("has_neighbours", False),
    }
    for name, value in params.items():
        page.query_params[name] = value
    page.run()
    assert not page.exception, page.exception
    return page


def text_of(page):
    """Return the HTML of a page, without what only keeps an option on one line."""
    html = "\n".join(each.proto.body for each in page.get("html"))
    return re.sub(r'<span class="option">(.*?)</span>', r"\1", html)


def squeezed(html):
    """Return HTML without attributes and without space between its tags."""
    return re.sub(r">\s+<", "><", re.sub(r"<(\w+)\s[^>]*>", r"<\1>", html))


def folder_of(summary, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir(parents=True)
    (folder / "summary.json").write_text(render_summary_json(summary), encoding="utf-8")
    return folder


@pytest.mark.parametrize("path", PAGES)
def test_every_page_shows_a_run(path, run_dir, other_run):
    assert "<h1" in text_of(shown(path, run_dir, [other_run]))


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("n_segments", [1, 40])
def test_every_page_says_what_is_missing_of_a_run_that_is_its_summary_alone(
    path, n_segments, tmp_path
):
    folder = folder_of(make_summary(n_segments=n_segments, n_points=60), tmp_path)

    assert "<h1" in text_of(shown(path, folder))


@pytest.mark.parametrize("path", PAGES)
def test_every_page_shows_a_run_without_rates_pictures_and_later_days(path, tmp_path):
    summary = make_summary(n_segments=3, n_points=0, n_components=1, is_rated=False)
    bare = replace(summary, pictures=None, validation=None, warnings=(), unassigned=())

    assert "<h1" in text_of(shown(path, folder_of(bare, tmp_path)))


@pytest.mark.parametrize("path", PAGES)
def test_every_page_shows_a_run_of_data_without_clicks(path, tmp_path):
    summary = make_summary(n_segments=3, n_points=60)
    silent = replace(summary, traits=replace(summary.traits, has_clicks=False), validation=None)

    assert "<h1" in text_of(shown(path, folder_of(silent, tmp_path)))


def test_one_segment_is_shown_with_real_users_of_it_and_with_what_it_clicks(run_dir, summary):
    text = text_of(shown("numbers", run_dir, segment="1"))

    shows(text)
    typical = [e for e in summary.decisions.exemplars if e.segment_id == 1 and e.kind == "typical"]
    assert text.count(">typical<") == len(typical) > 0


@pytest.mark.parametrize("path", PAGES)
def test_names_are_never_interpreted(path, tmp_path):
    summary = make_summary(n_segments=3, names=HOSTILE, n_points=60)

    text = text_of(shown(path, folder_of(summary, tmp_path), segment="1"))

    assert "<script" not in text
    assert path not in {"overview", "segments"} or "&lt;script&gt;" in text


def test_the_first_screen_and_every_table_link_a_segment_to_its_page(run_dir, summary):
    overview, budget = (text_of(shown(path, run_dir)) for path in ("overview", "budget"))

    for segment in summary.segments:
        link = f'href="/segments?segment={segment.segment_id}"'
        assert link in overview
        assert link in budget
    assert "&act=send" in overview.replace("&amp;", "&")


def test_a_page_without_content_is_not_in_the_menu(run_dir, tmp_path, monkeypatch):
    monkeypatch.setattr(_runs, "run_folders", lambda: (run_dir,))
    monkeypatch.setattr(_runs.st, "secrets", {"segmentry": {}})
    bare = folder_of(make_summary(n_segments=1, n_points=5), tmp_path)

    full, empty = (
        {path for path, page in PAGES.items() if page.is_there(load(folder))}
        for folder in (run_dir, bare)
    )

    assert set(PAGES) - full == {"over-time", "purchases", "what-changed"}
    assert {"budget", "test", "compare", "user", "exposure"} & empty == set()


def test_a_refreshed_run_shows_its_alarms_and_figures(tmp_path):
    summary = with_windows(make_summary(n_segments=3, n_points=5))

    text = text_of(shown("over-time", folder_of(summary, tmp_path)))

    assert "3 open alarms" in text
    assert text.count("<figure") == 2


@pytest.mark.parametrize(
    "path", ["purchases", "compare", "user", "map", "exposure", "budget", "over-time"]
)
def test_a_page_left_out_of_the_menu_says_what_the_run_lacks(path, tmp_path):
    bare = replace(
        make_summary(n_segments=1, n_points=0, n_components=1), log=None, conversions=None
    )

    text = text_of(shown(path, folder_of(bare, tmp_path)))

    assert "<h1" in text
    assert 'class="notice"' in text


def test_a_run_of_another_version_is_told_in_a_sentence(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "summary.json").write_text('{"schema_version": 99}')

    text = text_of(shown("overview", folder))

    assert "version 99" in text
    assert "run it again" in text


def test_a_user_is_found_with_the_segment_and_margin_of_the_run(run_dir):
    row = pl.read_parquet(run_dir / "segments.parquet").row(17, named=True)

    text = text_of(shown("user", run_dir, user=str(row["user_id"])))

    assert f'<dd class="value">{row["segment_id"]}</dd>' in text
    assert f'<dd class="value">{row["margin"] * 100:.0f}\u00a0%</dd>' in text


@pytest.mark.parametrize("asked", ["987654321", "x' OR 1=1 --", "<b>", "9" * 60, "-1"])
def test_a_user_who_is_not_there_is_told_in_a_sentence(asked, run_dir):
    shows(text_of(shown("user", run_dir, user=asked)))


@pytest.mark.parametrize(
    ("view", "figure", "tables"),
    [
        ("All users", "map_all", 2),
        ("A sample", "map_sample", 1),
        ("Loadings", "figure-map", 2),
        ("In space", "map_space", 2),
    ],
)
def test_every_view_of_the_map_has_its_caption_and_its_tables(view, figure, tables, run_dir):
    text = text_of(shown("map", run_dir, view=view))

    assert figure in text
    assert 'class="finding"' in text
    assert text.count("<table") == tables


@pytest.fixture(scope="module")
def embedded(run_dir, tmp_path_factory):
    """The run with a map that stands for a UMAP: the fitting is tested where it is done."""
    folder = tmp_path_factory.mktemp("embedded") / "run"
    shutil.copytree(run_dir, folder)
    users = pl.read_parquet(folder / "users.parquet").head(300)
    users.select(
        "user_id",
        "segment_id",
        x=pl.col("n_impressions").cast(pl.Float32),
        y=pl.col("n_clicks").cast(pl.Float32),
        is_fitted=pl.lit(True),
    ).write_parquet(folder / "umap.parquet")
    points = tuple(EmbeddingPoint(1, float(i), 0.0, True) for i in range(3))
    embedding = Embedding(300, 0, 15, 0.1, 7, 0.9, None, 0.3, None, 0.01, points)
    summary = replace(read_summary(folder), embedding=embedding)
    (folder / "summary.json").write_text(render_summary_json(summary), encoding="utf-8")
    return folder


@pytest.mark.parametrize("view", ["All users", "A sample", "In space", "UMAP"])
@pytest.mark.parametrize(
    ("label", "kind"), [("clicks", "number"), ("gender", "level"), ("age level", "ordinal")]
)
def test_every_view_of_the_map_takes_the_colour_of_any_feature(view, label, kind, embedded):
    page = shown("map", embedded, view=view, by=label)

    (chart,) = page.get("vega_lite_chart")
    spec = json.loads(chart.proto.spec)
    layers = spec.get("layer") or [each for panel in spec["hconcat"] for each in panel["layer"]]
    colours = [layer["encoding"]["color"] for layer in layers if "color" in layer["encoding"]]
    titles = {colour.get("legend", {}).get("title") for colour in colours if colour.get("legend")}
    what = {"level": "most common "}.get(kind, "mean ") if view == "All users" else ""
    assert f"{what}{label}" in titles
    drawn = [c["type"] for c in colours if (c.get("legend") or {}).get("title")]
    assert set(drawn) == {"nominal" if kind == "level" else "quantitative"}
    unknown = sum(len(layer["data"]["values"]) for layer in layers if has_domain(layer, "unknown"))
    assert (unknown > 0) == (view != "All users" and kind != "number")


def has_domain(layer, name):
    scale = layer["encoding"].get("color", {}).get("scale") or {}
    return scale.get("domain") == [name]


def test_the_map_of_all_users_by_a_feature_has_its_numbers_beside_it(run_dir):
    text = text_of(shown("map", run_dir, view="All users", by="clicks"))

    kept = pl.read_parquet(run_dir / "hexagons.parquet").filter(pl.col("feature") == "n_clicks")
    fullest = kept.sort("n_users", descending=True, maintain_order=True).row(0, named=True)
    row = squeezed(text).split("<tbody>")[1].split("</tr>")[0]
    cells = re.findall(r"<td>([^<]*)</td>", row)
    assert cells[0] == f"{fullest['n_users']:,}"
    assert cells[2] == f"{fullest['n_known']:,}"
    assert float(cells[3]) == pytest.approx(fullest["mean"], abs=0.05)
    shows(text)


def test_a_run_of_before_values_by_hexagon_is_shown_and_says_what_to_do(run_dir, tmp_path):
    folder = tmp_path / "old"
    shutil.copytree(run_dir, folder)
    (folder / "hexagons.parquet").unlink()

    text = text_of(shown("map", folder, view="All users", by="clicks"))

    shows(text)
    assert "Run it again" in text
    assert 'class="finding"' in text


def test_loadings_keep_the_colours_of_segments_and_say_so(run_dir):
    text = text_of(shown("map", run_dir, view="Loadings", by="clicks"))

    shows(text)


def test_a_map_that_cannot_be_drawn_is_told_in_a_sentence(tmp_path):
    folder = folder_of(make_summary(n_segments=3, n_points=0, n_components=1), tmp_path)

    shows(text_of(shown("map", folder, view="Loadings")))


def test_the_heat_map_stands_on_the_page_of_the_segments_with_its_table(run_dir, summary):
    text = text_of(shown("numbers", run_dir))

    assert "figure-profile_heatmap" in text
    assert plots.FIGURES["profile_heatmap"].caption(summary).finding.split("“")[0] in text
    shows(text)


def test_days_and_absent_users_stand_on_the_page_of_trust(tmp_path):
    first = 1_494_000_000 // 86_400 + 1
    days = [DayLevel(first + i, 900, Estimate(0.05, 0.04, 0.06)) for i in range(2)]
    summary = make_summary(n_segments=2, n_points=60)
    validation = replace(summary.validation, levels=DayLevels(tuple(days), 0.32, 1e-9))
    unlike = (RetentionFeature("n_impressions", 36.0, 12.0, -2.0),)
    row = RetentionRow(1, 90, 80, 36.0, 12.0, 0.05, 0.06, 0.01, unlike)
    retention = RetentionReport((row,), 70, Estimate(0.04, 0.03, 0.05))

    text = text_of(
        shown(
            "how-sure",
            folder_of(replace(summary, validation=validation, retention=retention), tmp_path),
        )
    )

    shows(text)
    for cell in ("6 May 2017", "7 May 2017", "4.00\u00a0% to 6.00\u00a0%"):
        assert cell in text
    shows(text)
    assert "<td>impressions</td><td>36.0</td><td>12.0</td><td>−2.00</td>" in squeezed(text)


def test_days_and_absent_users_that_were_not_measured_are_told_in_a_sentence(tmp_path):
    summary = make_summary(n_segments=2, n_points=60)
    text = text_of(shown("how-sure", folder_of(summary, tmp_path)))

    shows(text)
    shows(text)

    row = RetentionRow(1, 90, 0, 36.0, None, 0.05, None, 0.01)
    folder = folder_of(
        replace(summary, retention=RetentionReport((row,), None, Estimate(None, None, None))),
        tmp_path / "second",
    )
    shows(text_of(shown("how-sure", folder)))


def test_days_and_absent_users_can_be_had_as_tables(run_dir, summary):
    captions = [view.caption for view in tables_of(summary)]

    shows(captions)
    shows(captions)
    shows(captions)


def test_a_level_of_a_user_is_called_by_its_name_and_a_time_is_no_number(run_dir, summary):
    users = pl.read_parquet(run_dir / "users.parquet")
    gender = next(row for row in summary.population.levels if row.feature == "gender")
    named = {level.level: level.label for level in gender.levels}
    row = users.filter(pl.col("gender").is_not_null()).row(0, named=True)

    text = squeezed(text_of(shown("user", run_dir, user=str(row["user_id"]))))

    assert f"<td>{named[str(row['gender'])]}</td>" in text
    assert "epoch seconds" not in text
    tiers = next(row for row in summary.population.levels if row.feature == "city_tier")
    names = {level.level: level.label for level in tiers.levels}
    median = next(row.median for row in summary.population.numeric if row.feature == "city_tier")
    own = squeezed(text).split("city tier</th>")[1].split("</tr>")[0]
    assert re.findall(r"<td>([^<]*)</td>", own)[-1] == names[f"{median:g}"] == f"tier {median:g}"


def test_the_choice_of_a_segment_decides_what_is_shown(run_dir, summary):
    second = summary.segments[1]

    page = shown("numbers", run_dir)
    page.selectbox(key="segment").select(str(second.segment_id)).run()

    assert f"<h2>{second.segment_id} {second.name}</h2>" in text_of(page)


def test_runs_of_other_ids_are_not_compared(run_dir, tmp_path):
    shop = tmp_path / "segments.parquet"
    pl.DataFrame({"user_id": ["C0001"], "segment_id": [1]}).write_parquet(shop)

    with pytest.raises(DataError, match=r"user ids are text, those of .* are numbers"):
        count_moves(run_dir / "segments.parquet", shop)


def test_two_runs_are_matched_by_their_users_and_every_user_is_counted_once(
    run_dir, other_run, summary
):
    page = shown("what-changed", run_dir, [other_run])

    text = squeezed(text_of(page))
    assert "2,000 users are in both runs; 0 are only in the earlier one, 0 only in" in text
    moves = count_moves(run_dir / "segments.parquet", other_run / "segments.parquet").drop_nulls()
    heat = text[text.index("Where the users") : text.index("Matched segments")]
    lines = [re.findall(r"<td><span>([^<]*)</span></td>", row) for row in heat.split("<tr>")[2:]]
    assert len(lines) == len(summary.segments)
    first = moves.filter(pl.col("before") == 1)
    largest = first["n_users"].max() / first["n_users"].sum()
    assert f"{largest * 100:.0f}\u00a0%" in lines[0]


def test_two_runs_show_only_what_changed_by_a_twentieth(tmp_path, run_dir, other_run):
    summary = read_summary(run_dir)
    numeric = [
        replace(row, mean=row.mean and row.mean * (1.5 if row.feature == "n_impressions" else 1.04))
        for row in summary.population.numeric
    ]
    later = replace(summary, population=replace(summary.population, numeric=tuple(numeric)))
    folders = [folder_of(each, tmp_path / name) for each, name in ((summary, "a"), (later, "b"))]

    text = squeezed(text_of(shown("what-changed", folders[0], folders[1:])))

    table = text[text.index("what changed by") :]
    rows = re.findall(r"<th>([^<]+)</th><td>[^<]*</td>.*?<td>([^<]*)</td></tr>", table)
    assert rows == [("impressions", "+50.0\u00a0%")]


def test_runs_of_the_same_folder_are_offered_unless_others_can_come_in(tmp_path):
    summary = make_summary(n_segments=2, n_points=5)
    folders = [folder_of(summary, tmp_path / "runs" / name) for name in "ab"]
    near = [folder.rename(folder.parent.parent / f"run-{folder.parent.name}") for folder in folders]

    alone = shown("what-changed", near[0])
    page = shown("what-changed", near[0], has_neighbours=True)

    assert "no other run" in text_of(alone)
    assert [each.partition(",")[0] for each in page.selectbox[0].options] == ["run-b"]


def test_a_run_with_behaviours_says_what_they_add_and_one_without_how_to_read_them(tmp_path):
    summary = make_summary(n_segments=3, n_points=60)

    without = text_of(shown("purchases", folder_of(summary, tmp_path / "without")))
    page = text_of(shown("purchases", folder_of(with_conversions(summary), tmp_path / "with")))

    assert "did not read" in without
    shows(page)
    assert "figure-funnel" in page
    assert "Association." in page


def test_half_of_a_run_folder_shows_what_is_left(run_dir, tmp_path):
    folder = tmp_path / "half"
    shutil.copytree(run_dir, folder)
    for name in ("users.parquet", "segments.parquet", "manifest.json"):
        (folder / name).unlink()
    shutil.rmtree(folder / "model")

    assert "list of users is missing" in text_of(shown("user", folder))
    assert "cannot be read" in text_of(shown("data", folder))
    assert "users.parquet is missing" in text_of(shown("download", folder))
    assert "cannot be compared" in text_of(shown("what-changed", folder, [run_dir]))


def test_every_table_can_be_had_as_a_frame_of_its_rows_with_columns_of_their_own(summary):
    views = tables_of(summary)

    assert views
    for view in views:
        frame = view.to_frame()
        assert frame.height == len(view.rows)
        assert set(frame.columns) >= {column.name for column in view.columns}


def test_what_is_taken_along_holds_tables_and_pictures_in_both_kinds(summary):
    view = tables_of(summary)[0]

    data = packed([view], {"sizes": lambda: plots.FIGURES["sizes"].plot(summary)})

    with zipfile.ZipFile(io.BytesIO(data)) as files:
        found = {name.rpartition(".")[2]: files.read(name) for name in files.namelist()}
    assert pl.read_csv(found["csv"]).equals(view.to_frame())
    assert pl.read_parquet(found["parquet"]).equals(view.to_frame())
    assert found["svg"].startswith(b"<svg ")
    assert found["png"].startswith(b"\x89PNG")


def test_tables_of_maps_of_the_log_and_of_purchases_can_be_had(tmp_path):
    summary = replace(with_conversions(make_summary(n_segments=3, n_points=60)), log=a_log())

    captions = " ".join(view.caption for view in tables_of(summary))

    for words in ("centres stand", "Loadings", "Price bands", "Purchases"):
        assert words in captions


def test_figures_that_were_drawn_beforehand_are_those_of_the_page(run_dir, tmp_path):
    from segmentry.present.dashboard._pages import prepare
    from segmentry.present.dashboard._runs import load, svg_of

    prepare([tmp_path / "nothing", run_dir])

    run = load(run_dir)
    assert load(run_dir) is run
    assert svg_of(run, "sizes") == plots.render_svg(
        plots.FIGURES["sizes"].plot(run.summary), is_titled=False
    )
    assert svg_of(run, "sizes") is svg_of(run, "sizes")
