"""Plan a test on the users of a run, and analyse what came of it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from segmentry.advise.experiments._analysis import ExperimentResult, analyse_experiment
from segmentry.advise.experiments._assignment import arm_names, assign_arms
from segmentry.advise.experiments._files import (
    CTR,
    VALUE,
    before_of,
    metric_rows,
    outside_notes,
    read_assignment,
    read_days,
    read_metric,
    read_results,
)
from segmentry.advise.experiments._metrics import MetricResult, analyse_metric
from segmentry.advise.experiments._power import (
    ExperimentPlan,
    ExperimentRequest,
    explained_share,
    plan_experiment,
)
from segmentry.advise.experiments._sequential import Spending
from segmentry.advise.traffic import RunTraffic, read_traffic, shown_as_of
from segmentry.describe.profiles import SegmentProfile
from segmentry.errors import BundleError, ConfigError, DataError
from segmentry.evaluation.later_days import Traffic, daily_traffic
from segmentry.features.windows import local_days
from segmentry.results.elsewhere import takes_places
from segmentry.results.run_folder import read_min_size, read_segments, read_user_table, written_plan
from segmentry.results.summary import read_summary
from segmentry.runtime.codec import Codec
from segmentry.schema import Window
from segmentry.schema.arrays import IntVector

_PLAN = Codec(
    ExperimentPlan, what="plan of a test", version=1, remedy="run segmentry plan test again"
)
_METRIC_RESULT = Codec(
    MetricResult, what="result of a test", version=1, remedy="run segmentry analyse test again"
)
_RESULT = Codec(
    ExperimentResult, what="result of a test", version=1, remedy="run segmentry analyse test again"
)


@takes_places(runs=("run_dir",), files=("history",))
def plan_test(
    run_dir: Path | str,
    *,
    mde: float,
    metric: str = "ctr",
    power: float = 0.8,
    alpha: float = 0.05,
    ratio: tuple[float, ...] = (1.0, 1.0),
    segments: Sequence[int] | None = None,
    max_days: int = 60,
    salt: str = "test",
    n_looks: int = 1,
    spending: Spending = "obrien-fleming",
    history: Path | None = None,
) -> ExperimentPlan:
    """Say how long a test takes, and assign the users: ``plan/test.json``, ``assignment.parquet``.

    Parameters
    ----------
    mde : float
        Smallest relative change that is to be found, as 0.05.
    metric : str
        "ctr", or what is counted per user: "clicks", "purchases", "value", or any event.
    ratio : tuple of float
        Control to treatment, or to each of several.
    segments : sequence of int, optional
        Segments that take part; all by default.
    salt : str
        Another salt is another assignment: take a new one for each test.
    n_looks : int
        How often the test is analysed, at equal distances in time.
    spending : str
        How alpha is spent on the looks: "obrien-fleming" or "pocock" (Lan and DeMets 1983).
    history : Path, optional
        ``user_id, day`` and the metric, where the run has no days with it.

    Raises
    ------
    ConfigError
        If an option makes no sense, or no traffic reaches `mde`.
    DataError
        If the run was not checked on later days.
    BundleError
        If the run folder cannot be read.
    """
    request = ExperimentRequest(
        mde=mde,
        power=power,
        alpha=alpha,
        ratio=ratio,
        max_days=max_days,
        n_looks=n_looks,
        spending=spending,
    )
    run_dir = Path(run_dir)
    cap, measured_days = None, 1.0
    if metric == CTR:
        traffic = read_traffic(run_dir)
        chosen = _chosen(traffic.segments, segments)
        rows, measured_days = measured_traffic(run_dir, traffic, chosen)
        users = traffic.users.filter(pl.col("segment_id").is_in(chosen))
    else:
        known, users = _shown_segments(run_dir)
        chosen = _chosen(known, segments)
        users = users.filter(pl.col("segment_id").is_in(chosen))
        days, n_days = read_days(run_dir, metric, history, users.schema["user_id"])
        names = {each.segment_id: each.name for each in known}
        labels = [(None, "all"), *((each, names[each]) for each in chosen)]
        lift = mde if metric == VALUE else None
        rows, cap = metric_rows(days, n_days, users, labels, winsorised_for=lift)
        measured_days = max(1.0, n_days / 2)
    arms = assign_arms(users["user_id"], _vector(users["segment_id"]), ratio=ratio, salt=salt)
    plan = plan_experiment(
        rows,
        request,
        measured_days=measured_days,
        salt=salt,
        n_control=int((arms == 0).sum()),
        n_treatment=int((arms > 0).sum()),
        metric=metric,
        winsorised_at=cap,
    )
    names_of_arms = arm_names(len(ratio))
    with written_plan(run_dir, "assignment.parquet") as partial:
        users.select("user_id", "segment_id").with_columns(
            arm=pl.Series([names_of_arms[arm] for arm in arms.tolist()], dtype=pl.String)
        ).write_parquet(partial)
    with written_plan(run_dir, "test.json") as partial:
        partial.write_text(_PLAN.render(plan), encoding="utf-8")
    return plan


def _shown_segments(run_dir: Path) -> tuple[list[SegmentProfile], pl.DataFrame]:
    """Return the segments of which figures may be shown, and who is in which."""
    segments, users = read_summary(run_dir).segments, read_segments(run_dir)
    shown_as = shown_as_of(run_dir, users["segment_id"], n_segments=len(segments))
    ids = pl.Series("segment_id", shown_as[_vector(users["segment_id"])])
    shown = set(shown_as.tolist())
    return (
        [each for each in segments if each.segment_id in shown],
        users.select("user_id").with_columns(ids).filter(pl.col("segment_id") > 0),
    )


def _chosen(shown: Sequence[SegmentProfile], segments: Sequence[int] | None) -> tuple[int, ...]:
    known = tuple(each.segment_id for each in shown)
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


@takes_places(runs=("run_dir",), files=("results", "assignment"))
def analyse_test(
    run_dir: Path | str,
    *,
    results: Path,
    assignment: Path | None = None,
    alpha: float | None = None,
    ratio: tuple[float, ...] | None = None,
    metric: str | None = None,
    look: int | None = None,
) -> ExperimentResult | MetricResult:
    """Analyse the results of a test and write ``plan/test_result.json``.

    Parameters
    ----------
    run_dir : Path or str
        The run folder of the plan; what its users did before is taken from it.
    results : Path
        ``user_id`` and the metric; of CTR ``n_impressions, n_clicks``, or a log with a row per
        impression and ``is_click``.
    assignment : Path, optional
        ``user_id, segment_id, arm``; by default ``plan/assignment.parquet``.
    alpha : float, optional
        By default as planned, or 0.05.
    ratio : tuple of float, optional
        Control to treatment; by default as planned, or 1:1.
    metric : str, optional
        By default as planned, or "ctr".
    look : int, optional
        Which of the planned looks this is, from 1 on.

    Returns
    -------
    ExperimentResult or MetricResult
        The first of the CTR with one treatment.

    Raises
    ------
    ConfigError
        If there is no such look, or it is not said which of several it is.
    DataError
        If a file cannot be used, or an arm has nothing of the metric.
    BundleError
        If the run folder cannot be read.
    """
    run_dir = Path(run_dir)
    plan = _planned(run_dir)
    ratio = ratio or (plan.ratio if plan is not None else (1.0, 1.0))
    if alpha is not None and look is not None:
        raise ConfigError("--look: has its own alpha by the plan; leave out --alpha")
    level = _level(plan, look) or alpha or (plan.alpha if plan is not None else 0.05)
    metric = metric or (plan.metric if plan is not None else CTR)
    path = run_dir / "plan" / "assignment.parquet" if assignment is None else assignment
    if assignment is None and not path.is_file():
        raise BundleError(
            f"{path}: no such file; run segmentry plan test first, or add --assignment FILE"
        )
    users = read_user_table(run_dir)
    assigned, names = read_assignment(path, users.schema["user_id"], n_arms=len(ratio))
    if metric == CTR:
        counts = read_results(results, users.schema["user_id"])
    else:
        counts = read_metric(results, metric, users.schema["user_id"])
    notes = outside_notes(results, counts["user_id"], assigned["user_id"])
    rows = assigned.join(counts, on="user_id", how="left").fill_null(0).sort("user_id")
    if metric == CTR and len(names) == 2 and look is None:
        return _ctr_result(run_dir, rows, users, ratio=ratio, alpha=level, notes=notes)
    top = rows["n_clicks" if metric == CTR else "y"].cast(pl.Float64).to_numpy()
    result = analyse_metric(
        _vector(rows["arm"]),
        top,
        metric="CTR" if metric == CTR else f"{metric} per user",
        names=names,
        segment_ids=_vector(rows["segment_id"]),
        before=before_of(run_dir, "clicks" if metric == CTR else metric, rows["user_id"]),
        ratio=ratio,
        bottom=rows["n_impressions"].cast(pl.Float64).to_numpy() if metric == CTR else None,
        is_winsorised=metric == VALUE,
        alpha=level,
        look=look,
        notes=notes,
        min_size=read_min_size(run_dir),
    )
    with written_plan(run_dir, "test_result.json") as partial:
        partial.write_text(_METRIC_RESULT.render(result), encoding="utf-8")
    return result


def _ctr_result(
    run_dir: Path,
    rows: pl.DataFrame,
    users: pl.DataFrame,
    *,
    ratio: tuple[float, ...],
    alpha: float,
    notes: list[str],
) -> ExperimentResult:
    before = users.select("user_id", before_n=pl.col("n_impressions"), before_c=pl.col("n_clicks"))
    rows = rows.join(before, on="user_id", how="left").fill_null(0).sort("user_id")
    n_absent = int(rows.select((pl.col("n_impressions") == 0).sum()).item())
    if n_absent:
        notes.append(
            f"{n_absent:,} of {rows.height:,} assigned users were not shown an ad; they are "
            "counted with 0, not dropped."
        )
    result = analyse_experiment(
        _vector(rows["arm"]),
        _vector(rows["n_impressions"]),
        _vector(rows["n_clicks"]),
        segment_ids=_vector(rows["segment_id"]),
        before=(_vector(rows["before_n"]), _vector(rows["before_c"])),
        treatment_share=ratio[1] / sum(ratio),
        alpha=alpha,
        notes=notes,
        min_size=read_min_size(run_dir),
    )
    with written_plan(run_dir, "test_result.json") as partial:
        partial.write_text(_RESULT.render(result), encoding="utf-8")
    return result


def _vector(values: pl.Series) -> IntVector:
    return values.to_numpy().astype(np.int64)


def _planned(run_dir: Path) -> ExperimentPlan | None:
    path = run_dir / "plan" / "test.json"
    return _PLAN.read(path) if path.is_file() else None


def _level(plan: ExperimentPlan | None, look: int | None) -> float | None:
    """Return the alpha of a look; None where the test is analysed once."""
    n_looks = 0 if plan is None else len(plan.looks)
    if plan is None or not n_looks:
        if look is not None:
            raise ConfigError(f"--look {look}: the plan has no looks; plan the test with --looks")
        return None
    if look is None or not 1 <= look <= n_looks:
        found = "no --look" if look is None else f"--look {look}"
        raise ConfigError(f"{found}: the plan has {n_looks} looks; say which this is with --look")
    return plan.looks[look - 1].alpha
