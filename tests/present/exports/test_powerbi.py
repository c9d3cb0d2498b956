"""The Power BI project: a star that joins, a model of it, a report of fields of the model."""

import json
import re
import shutil

import polars as pl
import pytest
from tests.pipeline.runs import segmentry
from tests.texts import shows

from segmentry.present.exports import export_powerbi
from segmentry.present.figures import segment_colour
from segmentry.results.summary import read_summary

TABLES = (
    "fact_user_segment",
    "fact_segment_metric",
    "fact_selection",
    "dim_segment",
    "dim_feature",
    "dim_date",
)
PLAIN = {pl.Int64, pl.Float64, pl.String, pl.Date}


@pytest.fixture(scope="module")
def run_dir(plain_run):
    return plain_run.folder


@pytest.fixture(scope="module")
def exported(run_dir, tmp_path_factory):
    out = tmp_path_factory.mktemp("powerbi") / "star"
    export_powerbi(run_dir, out)
    return out


@pytest.fixture(scope="module")
def star(exported):
    return {name: pl.read_parquet(exported / "data" / f"{name}.parquet") for name in TABLES}


def test_every_table_has_plain_types_alone_and_the_same_rows_as_csv(exported, star):
    for name, frame in star.items():
        assert {type(kind) for kind in frame.schema.values()} <= PLAIN, name
        written = pl.read_csv(exported / "data" / f"{name}.csv", infer_schema=False)
        assert (written.height, written.columns) == (frame.height, frame.columns)


def test_every_fact_has_its_dimension_and_no_key_comes_twice(star):
    for table, column, other, key in (
        ("fact_user_segment", "segment_id", "dim_segment", "segment_id"),
        ("fact_segment_metric", "segment_id", "dim_segment", "segment_id"),
        ("fact_segment_metric", "feature", "dim_feature", "feature"),
        ("fact_user_segment", "as_of_date", "dim_date", "date"),
        ("fact_selection", "as_of_date", "dim_date", "date"),
    ):
        assert star[other][key].is_unique().all()
        assert star[other][key].null_count() == 0
        assert set(star[table][column].unique()) <= set(star[other][key])


def test_the_star_says_what_the_summary_says(run_dir, star):
    summary = read_summary(run_dir)

    users = star["fact_user_segment"].group_by("segment_id").len()
    assert dict(users.iter_rows()) == {s.segment_id: s.n_users for s in summary.segments}
    means = star["fact_segment_metric"].filter(
        (pl.col("statistic") == "mean") & (pl.col("feature") == "n_impressions")
    )
    by_id = {s.segment_id: {n.feature: n.mean for n in s.numeric} for s in summary.segments}
    everyone = {n.feature: n.mean for n in summary.population.numeric}
    for row in means.iter_rows(named=True):
        assert row["value"] == by_id[row["segment_id"]]["n_impressions"]
        assert row["population_value"] == everyone["n_impressions"]
    assert star["dim_date"].height == 8
    assert star["dim_date"]["window"].to_list() == ["feature window"] * 6 + ["later days"] * 2


def test_users_of_a_segment_too_small_to_be_shown_are_in_the_largest(run_dir, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(run_dir, run)
    summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    sizes = {each["segment_id"]: each["n_users"] for each in summary["segments"]}
    small, large = min(sizes, key=sizes.get), max(sizes, key=sizes.get)
    summary["decisions"]["min_size"] = sizes[small] + 1
    (run / "summary.json").write_text(json.dumps(summary), encoding="utf-8")

    export_powerbi(run, tmp_path / "star")

    users = pl.read_parquet(tmp_path / "star" / "data" / "fact_user_segment.parquet")
    found = dict(users.group_by("segment_id").len().iter_rows())
    assert small not in found
    assert found[large] == sizes[small] + sizes[large]


def test_the_model_has_every_column_and_relates_columns_that_are_there(exported, star):
    definition = exported / "Segmentry.SemanticModel" / "definition"
    kinds = {pl.Int64: "int64", pl.Float64: "double", pl.String: "string", pl.Date: "dateTime"}
    for name, frame in star.items():
        text = (definition / "tables" / f"{name}.tmdl").read_text()
        found = re.findall(r"^\tcolumn (\w+)\n\t\tdataType: (\w+)$", text, re.MULTILINE)
        assert found == [(column, kinds[type(kind)]) for column, kind in frame.schema.items()]
        assert "    " not in text  # TMDL is indented by tabs
        assert f'DataFolder & "/{name}.parquet"' in text
    relations = (definition / "relationships.tmdl").read_text()
    for table, column in re.findall(r"(?:from|to)Column: (\w+)\.(\w+)", relations):
        assert column in star[table].columns
    assert "IsParameterQuery=true" in (definition / "expressions.tmdl").read_text()
    model = (definition / "model.tmdl").read_text()
    assert re.findall(r"^ref table (\w+)$", model, re.MULTILINE) == list(TABLES)


def test_every_measure_has_a_format_and_a_description_and_names_columns_that_are_there(
    exported, star
):
    texts = "\n".join(
        file.read_text()
        for file in (exported / "Segmentry.SemanticModel" / "definition" / "tables").iterdir()
    )
    measures = re.findall(
        r"^\t/// .+\n\tmeasure '([^']+)' = (.+)\n\t\t(formatString: .+|lineageTag: .+)$",
        texts,
        re.MULTILINE,
    )
    names = {name for name, *_ in measures}
    assert len(measures) == texts.count("\tmeasure ") == 14
    texts_alone = [name for name, _, first in measures if not first.startswith("formatString")]
    assert texts_alone == ["Segment colour"]  # a text has no format
    for _, expression, _ in measures:
        for table, column in re.findall(r"(\w+)\[(\w+)\]", expression):
            assert column in star[table].columns
        assert set(re.findall(r"(?<!\w)\[([^\]]+)\]", expression)) <= names


def test_the_report_shows_fields_of_the_model_on_three_pages(exported, star):
    """What the documentation of PBIR asks for; Microsoft's schemas come in no package."""
    definition = exported / "Segmentry.Report" / "definition"
    for file in exported.rglob("*.json"):
        assert json.loads(file.read_text())["$schema"].startswith("https://developer.microsoft.com")
    order = json.loads((definition / "pages" / "pages.json").read_text())["pageOrder"]
    assert order == ["overview", "segments", "evidence"]
    tables = (exported / "Segmentry.SemanticModel" / "definition" / "tables").iterdir()
    measures = {
        (file.stem, name)
        for file in tables
        for name in re.findall(r"measure '([^']+)'", file.read_text())
    }
    for page in order:
        record = json.loads((definition / "pages" / page / "page.json").read_text())
        assert {"name", "displayName", "displayOption", "width", "height"} <= set(record)
        boxes = []
        for file in (definition / "pages" / page / "visuals").glob("*/visual.json"):
            visual = json.loads(file.read_text())
            assert visual["name"] == file.parent.name
            place = visual["position"]
            assert place["x"] + place["width"] <= record["width"]
            assert place["y"] + place["height"] <= record["height"]
            boxes.append(place)
            for role in visual["visual"]["query"]["queryState"].values():
                for each in role["projections"]:
                    ((kind, field),) = each["field"].items()
                    table = field["Expression"]["SourceRef"]["Entity"]
                    assert each["queryRef"] == f"{table}.{field['Property']}"
                    if kind == "Measure":
                        assert (table, field["Property"]) in measures
                    else:
                        assert field["Property"] in star[table].columns
        assert not any(overlap(a, b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_bars_take_the_colours_that_segments_have_in_every_picture(exported, star):
    """Conditional formatting by field value: a measure that returns a colour, for each mark."""
    found = {}
    for file in (exported / "Segmentry.Report").rglob("visual.json"):
        visual = json.loads(file.read_text())["visual"]
        fields = [
            p["queryRef"] for r in visual["query"]["queryState"].values() for p in r["projections"]
        ]
        if visual["visualType"] == "clusteredBarChart" and "dim_segment.segment_name" in fields:
            ((rule,),) = visual["objects"].values()
            found[file.parent.name] = rule
        else:
            assert "objects" not in visual
    assert set(found) == {"sizes", "rates"}
    for rule in found.values():
        measure = rule["properties"]["fill"]["solid"]["color"]["expr"]["Measure"]
        assert measure["Expression"]["SourceRef"]["Entity"] == "dim_segment"
        assert measure["Property"] == "Segment colour"
        assert rule["selector"] == {"data": [{"dataViewWildcard": {"matchingOption": 1}}]}
    text = exported / "Segmentry.SemanticModel" / "definition" / "tables" / "dim_segment.tmdl"
    shows(text.read_text())
    for row in star["dim_segment"].iter_rows(named=True):
        assert row["colour"] == segment_colour(row["segment_id"])


def overlap(one, other):
    return (
        one["x"] < other["x"] + other["width"]
        and other["x"] < one["x"] + one["width"]
        and one["y"] < other["y"] + other["height"]
        and other["y"] < one["y"] + one["height"]
    )


def test_the_project_points_at_the_report_and_the_report_at_the_model(exported):
    project = json.loads((exported / "Segmentry.pbip").read_text())
    report = exported / project["artifacts"][0]["report"]["path"]
    reference = json.loads((report / "definition.pbir").read_text())["datasetReference"]
    assert (report / reference["byPath"]["path"] / "definition" / "model.tmdl").is_file()


def test_an_export_is_replaced_only_when_asked_and_nothing_else_ever(run_dir, exported, tmp_path):
    again = segmentry("export", "powerbi", run_dir, "--out", exported)
    assert again.code == 2
    assert "add --overwrite" in again.err
    assert segmentry("export", "powerbi", run_dir, "--out", exported, "--overwrite").code == 0
    (tmp_path / "mine").mkdir()
    other = segmentry("export", "powerbi", run_dir, "--out", tmp_path / "mine", "--overwrite")
    assert other.code == 2
    assert "is not replaced" in other.err


def test_half_of_a_run_folder_is_told_and_leaves_nothing(run_dir, tmp_path):
    half = tmp_path / "half"
    half.mkdir()
    (half / "summary.json").write_bytes((run_dir / "summary.json").read_bytes())

    answer = segmentry("export", "powerbi", half, "--out", tmp_path / "star")

    assert answer.code == 2
    shows(answer.err)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["half"]
