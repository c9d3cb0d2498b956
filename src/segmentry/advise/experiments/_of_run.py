"""Plan a test on the users of a run, and analyse what came of it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from segmentry.advise.experiments._analysis import ExperimentResult, analyse_experiment
from segmentry.advise.experiments._assignment import ARMS, assign_arms
from segmentry.advise.experiments._power import (
    ExperimentPlan,
    ExperimentRequest,
    explained_share,
    plan_experiment,
)
from segmentry.advise.traffic import RunTraffic, read_traffic
from segmentry.errors import BundleError, ConfigError, DataError, SchemaError
from segmentry.evaluation.later_days import Traffic, daily_traffic
from segmentry.features.windows import local_days
from segmentry.ingest.user_files import as_ids, read_user_file
from segmentry.results.run_folder import read_min_size, read_segments, read_user_table, written_plan
from segmentry.runtime.codec import Codec
from segmentry.schema import Window
from segmentry.schema.arrays import IntVector

_PLAN = Codec(
    ExperimentPlan, what="plan of a test", version=1, remedy="run segmentry plan test again"
)
_RESULT = Codec(
    ExperimentResult, what="result of a test", version=1, remedy="run segmentry analyse test again"
)


def plan_test(
    run_dir: Path | str,
    *,
    mde: float,
    metric: str = "ctr",
    power: float = 0.8,
    alpha: float = 0.05,
    ratio: tuple[float, float] = (1.0, 1.0),
    segments: Sequence[int] | None = None,
    max_days: int = 60,
    salt: str = "test",
) -> ExperimentPlan:
    """Say how long a test takes, and assign the users: ``plan/test.json``, ``assignment.parquet``.

    Parameters
    ----------
    mde : float
        Smallest relative change that is to be found, as 0.05.
    ratio : tuple of float
        Control to treatment.
    segments : sequence of int, optional
        Segments that take part; all by default.
    salt : str
        Another salt is another assignment: take a new one for each test.

    Raises
    ------
    ConfigError
        If an option makes no sense, or no traffic reaches `mde`.
    DataError
        If the run was not checked on later days.
    BundleError
        If the run folder cannot be read.
    """
    if metric != "ctr":
        raise ConfigError(f"--metric {metric}: expected ctr")
    request = ExperimentRequest(mde=mde, power=power, alpha=alpha, ratio=ratio, max_days=max_days)
    run_dir = Path(run_dir)
    traffic = read_traffic(run_dir)
    chosen = _chosen(traffic, segments)
    rows, measured_days = measured_traffic(run_dir, traffic, chosen)
    users = traffic.users.filter(pl.col("segment_id").is_in(chosen))
    arms = assign_arms(
        users["user_id"],
        _vector(users["segment_id"]),
        treatment_share=request.treatment_share,
        salt=salt,
    )
    plan = plan_experiment(
        rows,
        request,
        measured_days=measured_days,
        salt=salt,
        n_control=int((arms == 0).sum()),
        n_treatment=int((arms == 1).sum()),
    )
    with written_plan(run_dir, "assignment.parquet") as partial:
        users.select("user_id", "segment_id").with_columns(
            arm=pl.Series([ARMS[arm] for arm in arms.tolist()], dtype=pl.String)
        ).write_parquet(partial)
    with written_plan(run_dir, "test.json") as partial:
        partial.write_text(_PLAN.render(plan), encoding="utf-8")
    return plan


def _chosen(traffic: RunTraffic, segments: Sequence[int] | None) -> tuple[int, ...]:
    known = tuple(each.segment_id for each in traffic.segments)
    if segments is None:
        return known
    wrong = [str(each) for each in segments if each not in known]
    if wrong:
        raise ConfigError(
            f"--segments {', '.join(wrong)}: no such segment; expected of "
            f"{', '.join(map(str, known))}"
        )
    return tuple(segments)


def measured_traffic(
    run_dir: Path, traffic: RunTraffic, chosen: Sequence[int]
) -> tuple[list[tuple[int | None, str, Traffic, float]], float]:
    """Measure the traffic of all chosen segments together and of each, and what is explained."""
    if len(traffic.days) < 2:
        raise DataError(f"{run_dir}: the log has one day; expected several, to know the traffic")
    names = {each.segment_id: each.name for each in traffic.segments}
    groups = [list(chosen), *([each] for each in chosen)]
    measured = daily_traffic(
        traffic.counts,
        traffic.relabel,
        days=traffic.days,
        segment_ids=_vector(traffic.users["segment_id"]),
        groups=groups,
    )
    shares, measured_days = _explained(run_dir, traffic, groups)
    labels = [(None, "all"), *((each, names[each]) for each in chosen)]
    rows = [
        (segment_id, name, each, share)
        for (segment_id, name), each, share in zip(labels, measured, shares, strict=True)
    ]
    return rows, measured_days


def _explained(
    run_dir: Path, traffic: RunTraffic, groups: Sequence[Sequence[int]]
) -> tuple[list[float], float]:
    """Measure what the feature window explains of the outcome window, for each group."""
    validation = traffic.summary.validation
    ids = read_segments(run_dir)
    has_later = validation is not None and validation.outcome_starts_at is not None
    if validation is None or not has_later or "feature_segment_id" not in ids.columns:
        return [0.0] * len(groups), 1.0
    offset = traffic.summary.data.utc_offset_hours
    early = Window(validation.feature_starts_at, validation.feature_ends_at, offset)
    cut = local_days(early).stop
    seen = traffic.counts.totals([day for day in traffic.days if day < cut])
    later_days = [day for day in traffic.days if day >= cut]
    later = traffic.counts.totals(later_days)
    strata = traffic.shown_as[_vector(ids["feature_segment_id"])]
    found = []
    for group in groups:
        is_in = np.isin(strata, np.asarray(group, dtype=np.int64))
        share = explained_share(
            later.n_successes[is_in].astype(np.int64),
            later.n_trials[is_in],
            before=(seen.n_trials[is_in], seen.n_successes[is_in].astype(np.int64)),
            strata=strata[is_in],
        )
        found.append(share)
    return found, float(max(1, len(later_days)))


def analyse_test(
    run_dir: Path | str,
    *,
    results: Path,
    assignment: Path | None = None,
    alpha: float | None = None,
    ratio: tuple[float, float] | None = None,
) -> ExperimentResult:
    """Analyse the results of a test and write ``plan/test_result.json``.

    Parameters
    ----------
    run_dir : Path or str
        The run folder of the plan; what its users did before is taken from it.
    results : Path
        ``user_id, n_impressions, n_clicks``, or a log with a row per impression and ``is_click``.
    assignment : Path, optional
        ``user_id, segment_id, arm``; by default ``plan/assignment.parquet``.
    alpha : float, optional
        By default as planned, or 0.05.
    ratio : tuple of float, optional
        Control to treatment; by default as planned, or 1:1.

    Raises
    ------
    DataError
        If a file cannot be used, or an arm has no impression.
    BundleError
        If the run folder cannot be read.
    """
    run_dir = Path(run_dir)
    table = read_user_table(run_dir).select("user_id", "n_impressions", "n_clicks")
    kind = table.schema["user_id"]
    planned_alpha, planned_ratio = _planned(run_dir)
    path = run_dir / "plan" / "assignment.parquet" if assignment is None else assignment
    if assignment is None and not path.is_file():
        raise BundleError(
            f"{path}: no such file; run segmentry plan test first, or add --assignment FILE"
        )
    assigned = read_assignment(path, kind)
    counts = read_results(results, kind)
    n_outside = counts.join(assigned, on="user_id", how="anti").height
    if n_outside == counts.height:
        raise DataError(f"{results}: none of its {n_outside:,} users is in {path}; check the files")
    before = table.select("user_id", before_n=pl.col("n_impressions"), before_c=pl.col("n_clicks"))
    rows = assigned.join(counts, on="user_id", how="left").join(before, on="user_id", how="left")
    rows = rows.fill_null(0).sort("user_id")
    notes = _outside(results, counts.height, n_outside)
    n_absent = int(rows.select((pl.col("n_impressions") == 0).sum()).item())
    if n_absent:
        notes.append(
            f"{n_absent:,} of {rows.height:,} assigned users were not shown an ad; they are "
            "counted with 0, not dropped."
        )
    control, treatment = planned_ratio if ratio is None else ratio
    result = analyse_experiment(
        _vector(rows["is_treated"]),
        _vector(rows["n_impressions"]),
        _vector(rows["n_clicks"]),
        segment_ids=_vector(rows["segment_id"]),
        before=(_vector(rows["before_n"]), _vector(rows["before_c"])),
        treatment_share=treatment / (control + treatment),
        alpha=planned_alpha if alpha is None else alpha,
        notes=notes,
        min_size=read_min_size(run_dir),
    )
    with written_plan(run_dir, "test_result.json") as partial:
        partial.write_text(_RESULT.render(result), encoding="utf-8")
    return result


def _vector(values: pl.Series) -> IntVector:
    return values.to_numpy().astype(np.int64)


def _planned(run_dir: Path) -> tuple[float, tuple[float, float]]:
    """Return alpha and ratio of the plan, if there is one."""
    path = run_dir / "plan" / "test.json"
    if not path.is_file():
        return 0.05, (1.0, 1.0)
    plan = _PLAN.read(path)
    return plan.alpha, plan.ratio


def _outside(path: Path, n_users: int, n_outside: int) -> list[str]:
    if not n_outside:
        return []
    text = f"{n_outside:,} of {n_users:,} users of {path.name}"
    return [f"{text} are not in the assignment; they are left out."]


_OTHER_NAMES = {
    "user_id": ("user", "userid"),
    "n_impressions": ("impressions",),
    "n_clicks": ("clicks",),
    "is_click": ("clk", "click"),
}


def read_assignment(path: Path, kind: pl.DataType) -> pl.DataFrame:
    """Return ``user_id, segment_id, is_treated``, one row per user; ids are of the run's kind."""
    given = read_user_file(path, ["user_id", "segment_id", "arm"], other_names=_OTHER_NAMES)
    rows = given.select(
        as_ids(given["user_id"], like=kind, source=str(path)),
        _whole(given["segment_id"], "segment_id", path),
        pl.col("arm").cast(pl.String).str.strip_chars(),
    )
    wrong = rows.filter(~pl.col("arm").is_in(ARMS) | pl.col("arm").is_null())["arm"]
    if wrong.len():
        raise SchemaError(f"{path}: found arm {wrong[0]!r}, expected {' or '.join(ARMS)}")
    _refuse_twice(rows, path)
    is_treated = (pl.col("arm") == ARMS[1]).cast(pl.Int64)
    return rows.select("user_id", "segment_id", is_treated.alias("is_treated"))


def read_results(path: Path, kind: pl.DataType) -> pl.DataFrame:
    """Return ``user_id, n_impressions, n_clicks`` per user, from such counts or from a log."""
    given = read_user_file(
        path,
        ["user_id"],
        optional=["n_impressions", "n_clicks", "is_click"],
        other_names=_OTHER_NAMES,
    )
    ids = as_ids(given["user_id"], like=kind, source=str(path))
    if {"n_impressions", "n_clicks"} <= set(given.columns):
        n, c = (_whole(given[name], name, path) for name in ("n_impressions", "n_clicks"))
        rows = pl.DataFrame({"user_id": ids, "n_impressions": n, "n_clicks": c})
        _refuse_twice(rows, path)
    elif "is_click" in given.columns:
        clicks = _whole(given["is_click"], "is_click", path)
        if bool((clicks > 1).any()):
            raise SchemaError(f"{path}: found is_click above 1, expected 0 or 1")
        rows = (
            pl.DataFrame({"user_id": ids, "is_click": clicks})
            .group_by("user_id")
            .agg(
                pl.len().cast(pl.Int64).alias("n_impressions"),
                pl.col("is_click").sum().alias("n_clicks"),
            )
        )
    else:
        raise SchemaError(
            f"{path}: found {', '.join(given.columns)}; expected user_id, n_impressions and "
            "n_clicks, or a log with user_id and is_click"
        )
    wrong = rows.filter(pl.col("n_clicks") > pl.col("n_impressions"))
    if wrong.height:
        raise SchemaError(
            f"{path}: {wrong.height:,} users have more clicks than impressions (first: "
            f"{wrong['user_id'][0]}); expected at most as many"
        )
    return rows


def _whole(values: pl.Series, name: str, path: Path) -> pl.Series:
    numbers = values if values.dtype.is_numeric() else values.cast(pl.Float64, strict=False)
    whole = numbers.cast(pl.Int64, strict=False).alias(name)
    if whole.null_count() or bool((whole < 0).any()) or bool((whole != numbers).any()):
        raise SchemaError(
            f"{path}: column {name!r} holds something else than whole numbers from 0; fix it"
        )
    return whole


def _refuse_twice(rows: pl.DataFrame, path: Path) -> None:
    twice = rows.filter(pl.col("user_id").is_duplicated())
    if twice.height:
        raise SchemaError(
            f"{path}: user {twice['user_id'].sort()[0]} occurs more than once; expected one row "
            "per user"
        )
