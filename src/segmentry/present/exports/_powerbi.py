"""A run for Power BI: the star as Parquet and CSV, and a project of text files that reads it."""

import contextlib
import json
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from segmentry.errors import OutputError
from segmentry.present.exports._pbir import render_report_files
from segmentry.present.exports._star import star_tables
from segmentry.present.exports._tmdl import render_model

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
            frame.write_csv(folder / "data" / f"{name}.csv")
        model = folder / f"{_NAME}.SemanticModel"
        for path, text in render_model(tables, folder="C:/segmentry/data").items():
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
    """Yield a folder beside `out` that takes its place when all went well."""
    is_ours = (out / _PROJECT).is_file()
    if out.exists() and not (overwrite and is_ours):
        told = "add --overwrite" if is_ours else "it is no earlier export, so it is not replaced"
        raise OutputError(f"{out}: exists; {told}, or choose another --out")
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
