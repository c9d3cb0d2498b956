"""A run for Power BI: the star as Parquet and CSV, and a project of text files that reads it."""

import contextlib
import json
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from segmentry.errors import OutputError
from segmentry.present.exports._star import star_tables
from segmentry.present.exports._tmdl import SEGMENT_COLOUR, render_model
from segmentry.results.elsewhere import takes_places
from segmentry.runtime.spreadsheets import without_formulas

_SCHEMAS = "https://developer.microsoft.com/json-schemas/fabric/item/report/definition"
Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool"
_WIDTH, _HEIGHT = 1280, 720


@dataclass(frozen=True, slots=True)
class _Visual:
    """A visual: its kind, its place in pixels, and what stands in its roles.

    `is_coloured` tells whether its bars take the colours of the segments they stand for.
    """

    name: str
    kind: str
    place: tuple[int, int, int, int]
    roles: Mapping[str, Sequence[tuple[str, str, bool]]]
    title: str
    is_coloured: bool = False


def _column(table: str, name: str) -> tuple[str, str, bool]:
    return table, name, False


def _measure(table: str, name: str) -> tuple[str, str, bool]:
    return table, name, True


_SEGMENT = _column("dim_segment", "segment_name")
_VERDICT = _column("dim_segment", "verdict")
_K = _column("fact_selection", "n_segments")
_INSTANCES = 1  # of dataViewWildcard.matchingOption: each mark, no total
_SEGMENT_COLOURS: Json = [
    {
        "properties": {
            "fill": {
                "solid": {
                    "color": {
                        "expr": {
                            "Measure": {
                                "Expression": {"SourceRef": {"Entity": "dim_segment"}},
                                "Property": SEGMENT_COLOUR,
                            }
                        }
                    }
                }
            }
        },
        "selector": {"data": [{"dataViewWildcard": {"matchingOption": _INSTANCES}}]},
    }
]
"""Conditional formatting by field value: a measure that returns a colour for each mark."""
_PAGES: tuple[tuple[str, str, tuple[_Visual, ...]], ...] = (
    (
        "overview",
        "Overview",
        (
            _Visual("users", "card", (24, 24, 280, 120),
                    {"Values": [_measure("fact_user_segment", "Users")]}, "Users"),
            _Visual("rate", "card", (324, 24, 280, 120),
                    {"Values": [_measure("dim_segment", "Click rate seen")]},
                    "Click rate, on the days that formed the segments"),
            _Visual("sizes", "clusteredBarChart", (24, 168, 600, 520),
                    {"Category": [_SEGMENT], "Y": [_measure("fact_user_segment", "Users")]},
                    "How large the segments are", is_coloured=True),
            _Visual("rates", "clusteredBarChart", (648, 168, 608, 520),
                    {"Category": [_SEGMENT],
                     "Y": [_measure("dim_segment", "Click rate expected")]},
                    "Click rate to be expected", is_coloured=True),
        ),
    ),
    (
        "segments",
        "Segments",
        (
            _Visual("which", "slicer", (24, 24, 280, 660), {"Values": [_SEGMENT]}, "Segment"),
            _Visual("whole", "tableEx", (324, 24, 932, 220),
                    {"Values": [_SEGMENT, _VERDICT, _measure("fact_user_segment", "Users"),
                                _measure("dim_segment", "Click rate seen"),
                                _measure("dim_segment", "Click rate expected"),
                                _measure("dim_segment", "Expected, low"),
                                _measure("dim_segment", "Expected, high")]},
                    "The segments and their click rates (90 % interval)"),
            _Visual("features", "pivotTable", (324, 264, 932, 420),
                    {"Rows": [_column("dim_feature", "label")], "Columns": [_SEGMENT],
                     "Values": [_measure("fact_segment_metric", "Index of feature")]},
                    "Index of every feature: all users are 100"),
        ),
    ),
    (
        "evidence",
        "Why this K",
        (
            _Visual("silhouette", "lineChart", (24, 24, 600, 320),
                    {"Category": [_K], "Y": [_measure("fact_selection", "Silhouette")]},
                    "Silhouette by number of segments"),
            _Visual("inertia", "lineChart", (648, 24, 608, 320),
                    {"Category": [_K], "Y": [_measure("fact_selection", "Inertia")]},
                    "Inertia by number of segments: the elbow"),
            _Visual("candidates", "tableEx", (24, 364, 1232, 330),
                    {"Values": [_column("fact_selection", "algorithm"), _K,
                                _measure("fact_selection", "Silhouette"),
                                _measure("fact_selection", "Inertia"),
                                _column("fact_selection", "reason")]},
                    "Every candidate and why it was chosen or not"),
        ),
    ),
)  # fmt: skip


def render_report_files() -> Mapping[str, Json]:
    """Return the files of the report's ``definition`` folder by their paths, as JSON values."""
    files: dict[str, Json] = {
        "version.json": {"$schema": f"{_SCHEMAS}/versionMetadata/1.0.0/schema.json",
                         "version": "2.0.0"},
        "report.json": {
            "$schema": f"{_SCHEMAS}/report/1.0.0/schema.json",
            "themeCollection": {},
            "layoutOptimization": "None",
        },
        "pages/pages.json": {
            "$schema": f"{_SCHEMAS}/pagesMetadata/1.0.0/schema.json",
            "pageOrder": [name for name, _, _ in _PAGES],
            "activePageName": _PAGES[0][0],
        },
    }  # fmt: skip
    for name, title, visuals in _PAGES:
        files[f"pages/{name}/page.json"] = {
            "$schema": f"{_SCHEMAS}/page/1.0.0/schema.json",
            "name": name,
            "displayName": title,
            "displayOption": "FitToPage",
            "height": _HEIGHT,
            "width": _WIDTH,
        }
        for order, visual in enumerate(visuals):
            files[f"pages/{name}/visuals/{visual.name}/visual.json"] = _container(visual, order)
    return files


def _container(visual: _Visual, order: int) -> Json:
    x, y, width, height = visual.place
    state: dict[str, Json] = {
        role: {"projections": [_projection(*field) for field in fields]}
        for role, fields in visual.roles.items()
    }
    text: Json = {"expr": {"Literal": {"Value": "'" + visual.title.replace("'", "''") + "'"}}}
    shown: Json = {"expr": {"Literal": {"Value": "true"}}}
    return {
        "$schema": f"{_SCHEMAS}/visualContainer/1.0.0/schema.json",
        "name": visual.name,
        "position": {
            "x": x,
            "y": y,
            "z": order,
            "height": height,
            "width": width,
            "tabOrder": order,
        },
        "visual": {
            "visualType": visual.kind,
            "query": {"queryState": state},
            **({"objects": {"dataPoint": _SEGMENT_COLOURS}} if visual.is_coloured else {}),
            "visualContainerObjects": {"title": [{"properties": {"show": shown, "text": text}}]},
            "drillFilterOtherVisuals": True,
        },
    }


def _projection(table: str, name: str, is_measure: bool) -> Json:
    field: Json = {"Expression": {"SourceRef": {"Entity": table}}, "Property": name}
    return {
        "field": {"Measure" if is_measure else "Column": field},
        "queryRef": f"{table}.{name}",
        "nativeQueryRef": name,
    }


_NAME = "Segmentry"
_PROJECT = f"{_NAME}.pbip"
_PLATFORM = (
    "https://developer.microsoft.com/json-schemas/fabric/gitIntegration/platformProperties/2.0.0/"
    "schema.json"
)


@dataclass(frozen=True, slots=True)
class PowerBIExport:
    """What was written: the folder, the project to open, and rows per table."""

    out: Path
    project: Path
    n_rows: dict[str, int]


@takes_places(runs=("run_dir",), made={"out": _PROJECT})
def export_powerbi(run_dir: Path, out: Path, *, overwrite: bool = False) -> PowerBIExport:
    """Write a star schema and a Power BI project that reads it.

    The folder gets ``data/`` with Parquet and CSV, ``Segmentry.pbip``, the semantic model in TMDL
    and the report in PBIR.

    Raises BundleError if the run cannot be read; OutputError if the folder exists, or cannot be
    written.
    """
    tables = star_tables(run_dir)
    with _made(out, overwrite=overwrite) as folder:
        (folder / "data").mkdir()
        for name, frame in tables.items():
            frame.write_parquet(folder / "data" / f"{name}.parquet")
            without_formulas(frame).write_csv(folder / "data" / f"{name}.csv")
        model = folder / f"{_NAME}.SemanticModel"
        for path, text in render_model(tables).items():
            _write(model / "definition" / path, text)
        _write_json(model / "definition.pbism", {"version": "4.0", "settings": {}})
        _write_json(model / ".platform", _platform("SemanticModel"))
        report = folder / f"{_NAME}.Report"
        for path, value in render_report_files().items():
            _write_json(report / "definition" / path, value)
        reference = {"byPath": {"path": f"../{_NAME}.SemanticModel"}}
        _write_json(report / "definition.pbir", {"version": "4.0", "datasetReference": reference})
        _write_json(report / ".platform", _platform("Report"))
        artifacts = [{"report": {"path": f"{_NAME}.Report"}}]
        _write_json(folder / _PROJECT, {"version": "1.0", "artifacts": artifacts})
    rows = {name: frame.height for name, frame in tables.items()}
    return PowerBIExport(out=out, project=out / _PROJECT, n_rows=rows)


@contextlib.contextmanager
def _made(out: Path, *, overwrite: bool) -> Iterator[Path]:
    """Yield a folder next to `out` that takes its place when all went well."""
    is_ours = (out / _PROJECT).is_file()
    if out.exists() and not (overwrite and is_ours):
        text = (
            "add --overwrite" if is_ours else "it is not an earlier export, so it is not replaced"
        )
        raise OutputError(f"{out}: exists; {text}, or choose another --out")
    partial = out.absolute().with_name(f".{out.name}.{secrets.token_hex(4)}.partial")
    try:
        partial.mkdir(parents=True)
        yield partial
        if out.exists():
            shutil.rmtree(out)
        partial.rename(out.absolute())
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(f"{out}: cannot be written: {reason}; choose another --out") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _platform(kind: str) -> object:
    identifier = f"00000000-0000-0000-0000-00000000000{1 if kind == 'Report' else 2}"
    return {
        "$schema": _PLATFORM,
        "metadata": {"type": kind, "displayName": _NAME},
        "config": {"version": "2.0", "logicalId": identifier},
    }


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def _write_json(path: Path, value: object) -> None:
    _write(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
