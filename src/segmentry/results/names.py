"""Names that people gave to segments: read, checked, kept when segments are formed again."""

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from segmentry.describe.overview import headline
from segmentry.describe.profiles import SegmentProfile
from segmentry.errors import ConfigError
from segmentry.evaluation.stability import align_ids
from segmentry.results.run_folder import read_bundle
from segmentry.results.scoring import render_bundle, score_users
from segmentry.results.summary import Summary, render_summary_json
from segmentry.runtime.documents import read_toml
from segmentry.segments.forming import Segmentation

NAMES_FILE = "names.toml"
_LONGEST = 60
_ID = re.compile("[1-9][0-9]{0,8}")
_JOINERS = re.compile("[\u200c\u200d]")
"""Not printable by themselves; Persian words and many emoji are written with them."""
_HEAD = """\
# Names of the segments. Edit them under [names], then run: segmentry report RUN_DIR
# A later run keeps what you changed for the segments that it finds again: of the same users with
# --from RUN_DIR, of next month's log with --names RUN_DIR.
"""


def read_names(file: Path) -> dict[int, str]:
    """Read the names of a file like ``names.toml``.

    Raises ConfigError if it cannot be read, or holds anything but a name per segment id.
    """
    found = _table_of(file, "names")
    if not found:
        raise ConfigError(f'{file}: no names; expected a table [names] with lines as 1 = "A name"')
    names = {}
    for key, name in found.items():
        if not _ID.fullmatch(key):
            raise ConfigError(f"{file}: {key[:_LONGEST]!r} is not a segment id; expected 1, 2, ...")
        names[int(key)] = checked_name(name, source=f"{file}: segment {key}")
    taken: dict[str, int] = {}
    for segment_id, name in names.items():
        other = taken.setdefault(name.casefold(), segment_id)
        if other != segment_id:
            raise ConfigError(f"{file}: segments {other} and {segment_id} are both {name!r}")
    return names


def checked_name(name: object, *, source: str) -> str:
    """Return a name without space around it.

    Raises ConfigError if it is empty, too long or of several lines.
    """
    plain = _JOINERS.sub("", name) if isinstance(name, str) else ""
    if not isinstance(name, str) or not plain.strip() or not plain.isprintable():
        raise ConfigError(f"{source}: found {name!r:.80}, expected a name on one line")
    if len(name) > _LONGEST:
        raise ConfigError(f"{source}: {len(name)} characters; expected at most {_LONGEST}")
    return name.strip()


def _table_of(file: Path, table: str) -> dict[str, object]:
    found = read_toml(file, advice="expected a file of names").get(table, {})
    return found if isinstance(found, dict) else {}


def render_names(summary: Summary, automatic: Mapping[int, str]) -> str:
    """Return ``names.toml``: the names, and next to them what they were called by rule."""
    lines = [_HEAD, "[names]"]
    lines += [f"{s.segment_id} = {_quoted(s.name)}" for s in summary.segments]
    lines += ["", "[automatic]"]
    lines += [f"{each} = {_quoted(name)}" for each, name in sorted(automatic.items())]
    return "\n".join(lines) + "\n"


def _quoted(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)


def with_names(summary: Summary, names: Mapping[int, str], *, source: str) -> Summary:
    """Return the summary with segments renamed; nothing else of it changes but its headline.

    Raises ConfigError if an id is none of the run's, or a name is that of another segment.
    """
    segments = renamed(summary.segments, names, source=source)
    return replace(summary, segments=segments, headline=headline(segments, summary.validation))


def renamed(
    segments: Sequence[SegmentProfile], names: Mapping[int, str], *, source: str
) -> tuple[SegmentProfile, ...]:
    """Return the segments by other names.

    Raises ConfigError if an id is none of the run's, or a name is that of another segment.
    """
    known = {segment.segment_id for segment in segments}
    unknown = sorted(set(names) - known)
    if unknown:
        listed = ", ".join(map(str, unknown))
        raise ConfigError(
            f"{source}: no segment {listed} in this run; expected ids from 1 to {len(known)}"
        )
    found = tuple(_renamed(segment, names) for segment in segments)
    taken = [segment.name.casefold() for segment in found]
    for segment in found:
        if taken.count(segment.name.casefold()) > 1:
            raise ConfigError(
                f"{source}: two segments are called {segment.name!r}; name the other one too"
            )
    return found


def _renamed(segment: SegmentProfile, names: Mapping[int, str]) -> SegmentProfile:
    return replace(segment, name=names.get(segment.segment_id, segment.name))


def carried_names(
    run_dir: Path, table: pl.DataFrame, segment_ids: npt.NDArray[np.int64]
) -> dict[int, str]:
    """Return the names that people gave in an earlier run, by the ids of the new segments.

    The saved model of the earlier run puts the users of the new one into its segments; one that is
    found again keeps its name. Names that segmentry itself gave are not kept, as they follow from
    the figures. The earlier run is of these users or of others; table and ids are of the new one.

    Raises SchemaError if the table lacks a feature that formed the earlier segments; BundleError if
    the earlier run cannot be read.
    """
    bundle, file = read_bundle(run_dir), run_dir / NAMES_FILE
    if not file.is_file():
        return {}
    automatic = _table_of(file, "automatic")
    given = {i: name for i, name in read_names(file).items() if automatic.get(str(i)) != name}
    if not given:
        return {}
    scores, _ = score_users(bundle, table)
    old = scores["segment_id"].to_numpy().astype(np.int64)
    alignment = align_ids(old, segment_ids, n_old=len(bundle.names))
    kept = alignment.found_again
    return {kept[each]: name for each, name in given.items() if each in kept}


def with_carried(segments: Sequence[SegmentProfile], carried: Mapping[int, str]) -> dict[int, str]:
    """Return names of an earlier run, and other ones for automatic names that make way for them."""
    names = dict(carried)
    given = {name.casefold() for name in carried.values()}
    used = given | {segment.name.casefold() for segment in segments}
    for segment in segments:
        if segment.segment_id not in carried and segment.name.casefold() in given:
            number = next(n for n in count(2) if f"{segment.name} ({n})".casefold() not in used)
            names[segment.segment_id] = f"{segment.name} ({number})"
            used.add(names[segment.segment_id].casefold())
    return names


def named_by_people(
    segmentation: Segmentation,
    segments: tuple[SegmentProfile, ...],
    *,
    table: pl.DataFrame,
    earlier: Sequence[Path],
    given: Mapping[int, str],
    source: Path | str | None,
) -> tuple[SegmentProfile, ...]:
    """Take over the names that people gave: those of a file win, then those of the last run.

    The segments are as they are named by rule, the table is the one that was segmented. Names
    `given` are by segment id and come from `source`; further names come from `earlier` runs.

    Raises ConfigError if a name is that of another segment, or of none.
    """
    for run_dir in earlier:
        kept = carried_names(run_dir, table, segmentation.segment_ids)
        names = with_carried(segments, kept)
        segments = renamed(segments, names, source=str(run_dir / NAMES_FILE))
    return renamed(segments, given, source=str(source))


def write_renamed(run_dir: Path, summary: Summary, staging: Path) -> None:
    """Write all of a run that holds names again into a folder next to it."""
    found = _table_of(run_dir / NAMES_FILE, "automatic")
    automatic = {int(each): str(name) for each, name in found.items() if _ID.fullmatch(each)}
    (staging / "summary.json").write_text(render_summary_json(summary), encoding="utf-8")
    (staging / NAMES_FILE).write_text(render_names(summary, automatic), encoding="utf-8")
    shutil.copytree(run_dir / "model", staging / "model")
    bundle = replace(read_bundle(run_dir), names=tuple(each.name for each in summary.segments))
    (staging / "model" / "bundle.json").write_text(render_bundle(bundle), encoding="utf-8")
    names = {segment.segment_id: segment.name for segment in summary.segments}
    segments = pl.read_parquet(run_dir / "segments.parquet")
    named = segments["segment_id"].replace_strict(names, default=None, return_dtype=pl.String)
    segments.with_columns(named.alias("segment_name")).write_parquet(staging / "segments.parquet")
