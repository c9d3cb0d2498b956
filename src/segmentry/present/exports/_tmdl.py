"""The semantic model of the star in TMDL, Microsoft's text form of a tabular model."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

_TYPES = {pl.Int64: "int64", pl.Float64: "double", pl.String: "string", pl.Date: "dateTime"}
_NAMESPACE = uuid.UUID("6f0b7a4e-3c5d-4e0e-9a53-4d0f5a1c9e21")
_DESCRIPTIONS = {
    "fact_user_segment": "One row per user: the segment and how clearly the user belongs to it.",
    "fact_segment_metric": "Every statistic of every segment, next to that of all users.",
    "fact_selection": "Every clustering that was tried, with its scores and its reason.",
    "dim_segment": "The segments; 0 stands for users without one.",
    "dim_feature": "The features, what they measure and in which unit.",
    "dim_date": "The days of the log.",
}
_RELATIONS = (
    ("fact_user_segment", "segment_id", "dim_segment", "segment_id"),
    ("fact_segment_metric", "segment_id", "dim_segment", "segment_id"),
    ("fact_segment_metric", "feature", "dim_feature", "feature"),
    ("fact_user_segment", "as_of_date", "dim_date", "date"),
    ("fact_segment_metric", "as_of_date", "dim_date", "date"),
    ("fact_selection", "as_of_date", "dim_date", "date"),
)
SEGMENT_COLOUR = "Segment colour"
"""The measure by which the report colours bars."""
_SHARES = ("share", "ctr_seen", "ctr_expected", "smallest_share", "margin")


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure of the model: where it lives, its DAX, format (empty for text) and meaning."""

    table: str
    name: str
    expression: str
    format: str
    description: str


MEASURES = (
    Measure("fact_user_segment", "Users", "COUNTROWS(fact_user_segment)", "#,0", "Count of users."),
    Measure(
        "fact_user_segment",
        "Share of users",
        "DIVIDE([Users], CALCULATE([Users], REMOVEFILTERS(dim_segment)))",
        "0.0%",
        "Users against the users of all segments, those without one included.",
    ),
    Measure(
        "fact_user_segment",
        "Mean margin",
        "AVERAGE(fact_user_segment[margin])",
        "0.00",
        "How clearly users belong to their segment: 0 on the border, 1 on the centre.",
    ),
    Measure("dim_segment", "Impressions", "SUM(dim_segment[n_impressions])", "#,0", "Ads shown."),
    Measure("dim_segment", "Clicks", "SUM(dim_segment[n_clicks])", "#,0", "Ads clicked."),
    Measure(
        "dim_segment",
        "Click rate seen",
        "DIVIDE([Clicks], [Impressions])",
        "0.00%",
        "Clicks per impression on the days that formed the segments: it flatters segments that "
        "were formed by clicks.",
    ),
    Measure(
        "dim_segment",
        "Click rate expected",
        "IF(HASONEVALUE(dim_segment[segment_id]), MAX(dim_segment[ctr_expected]))",
        "0.00%",
        "Click rate to be expected in the days to come; for one segment at a time.",
    ),
    Measure(
        "dim_segment",
        "Expected, low",
        "IF(HASONEVALUE(dim_segment[segment_id]), MAX(dim_segment[ctr_expected_low]))",
        "0.00%",
        "Lower end of its 90 % interval.",
    ),
    Measure(
        "dim_segment",
        "Expected, high",
        "IF(HASONEVALUE(dim_segment[segment_id]), MAX(dim_segment[ctr_expected_high]))",
        "0.00%",
        "Upper end of its 90 % interval.",
    ),
    Measure(
        "dim_segment",
        SEGMENT_COLOUR,
        "SELECTEDVALUE(dim_segment[colour])",
        "",
        "The colour of the segment in all its pictures, for conditional formatting by field value; "
        "for one segment at a time.",
    ),
    Measure(
        "fact_segment_metric",
        "Mean of feature",
        'CALCULATE(AVERAGE(fact_segment_metric[value]), fact_segment_metric[statistic] = "mean")',
        "#,0.00",
        "Mean of a feature in its raw unit; for one feature and one segment at a time.",
    ),
    Measure(
        "fact_segment_metric",
        "Index of feature",
        'CALCULATE(AVERAGE(fact_segment_metric[value]), fact_segment_metric[statistic] = "index")',
        "#,0",
        "Mean of the segment divided by the mean of all users, times 100.",
    ),
    Measure(
        "fact_selection", "Silhouette", "MAX(fact_selection[silhouette])", "0.000",
        "Euclidean silhouette: 1 far apart, 0 on the border.",
    ),
    Measure(
        "fact_selection", "Inertia", "MAX(fact_selection[inertia])", "#,0",
        "Sum of squared distances to the centres; it always falls with K.",
    ),
)  # fmt: skip


def render_model(tables: Mapping[str, pl.DataFrame]) -> Mapping[str, str]:
    """Return the files of the model's ``definition`` folder by their paths."""
    files = {f"tables/{name}.tmdl": _table(name, frame) for name, frame in tables.items()}
    files["database.tmdl"] = "database\n\tcompatibilityLevel: 1567\n"
    files["model.tmdl"] = _model(list(tables))
    files["expressions.tmdl"] = (
        "/// Folder that holds the Parquet files; set it to where you put them.\n"
        'expression DataFolder = "C:/segmentry/data" meta '
        '[IsParameterQuery=true, Type="Text", IsParameterQueryRequired=true]\n'
        f"\tlineageTag: {_tag('DataFolder')}\n"
    )
    files["relationships.tmdl"] = "\n".join(_relation(*each) for each in _RELATIONS)
    return files


def _model(names: Sequence[str]) -> str:
    lines = [
        "model Model",
        "\tculture: en-US",
        "\tdefaultPowerBIDataSourceVersion: powerBI_V3",
        "\tdiscourageImplicitMeasures",
        "\tsourceQueryCulture: en-US",
        "",
        *(f"ref table {name}" for name in names),
    ]
    return "\n".join(lines) + "\n"


def _table(name: str, frame: pl.DataFrame) -> str:
    lines = [f"/// {_DESCRIPTIONS[name]}", f"table {name}", f"\tlineageTag: {_tag(name)}", ""]
    for measure in MEASURES:
        if measure.table == name:
            lines += [
                f"\t/// {measure.description}",
                f"\tmeasure '{measure.name}' = {measure.expression}",
                *([f"\t\tformatString: {measure.format}"] if measure.format else []),
                f"\t\tlineageTag: {_tag(name, measure.name)}",
                "",
            ]
    for column, kind in frame.schema.items():
        lines += _column(name, column, _TYPES[type(kind)])
    lines += [
        f"\tpartition {name} = m",
        "\t\tmode: import",
        "\t\tsource =",
        "\t\t\t\tlet",
        f'\t\t\t\t\tSource = Parquet.Document(File.Contents(DataFolder & "/{name}.parquet"))',
        "\t\t\t\tin",
        "\t\t\t\t\tSource",
        "",
    ]
    return "\n".join(lines)


def _column(table: str, column: str, kind: str) -> list[str]:
    lines = [f"\tcolumn {column}", f"\t\tdataType: {kind}"]
    if table.startswith("dim") and column in ("segment_id", "feature", "date"):
        lines.append("\t\tisKey")
    if kind == "dateTime":
        lines.append("\t\tformatString: yyyy-mm-dd")
    elif kind == "double":
        is_share = any(column.startswith(share) for share in _SHARES)
        lines.append(f"\t\tformatString: {'0.00%' if is_share else '#,0.00'}")
    elif kind == "int64" and not column.endswith("_id"):
        lines.append("\t\tformatString: #,0")
    if column == "segment_name":
        lines.append("\t\tsortByColumn: segment_id")
    lines += [
        f"\t\tlineageTag: {_tag(table, column)}",
        "\t\tsummarizeBy: none",
        f"\t\tsourceColumn: {column}",
        "",
    ]
    return lines


def _relation(table: str, column: str, other: str, key: str) -> str:
    return (
        f"relationship {_tag(table, column, other)}\n"
        f"\tfromColumn: {table}.{column}\n\ttoColumn: {other}.{key}\n"
    )


def _tag(*names: str) -> str:
    """Return a tag that is the same in every export, so that a project can be compared."""
    return str(uuid.uuid5(_NAMESPACE, "/".join(names)))
