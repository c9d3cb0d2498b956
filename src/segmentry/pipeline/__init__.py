"""The only place where the steps meet."""

from segmentry.pipeline._compare import compare_algorithms
from segmentry.pipeline._embed import embed_run
from segmentry.pipeline._experiment import analyse_test, plan_test
from segmentry.pipeline._outputs import rename_segment, rewrite_report
from segmentry.pipeline._plan import plan_budget
from segmentry.pipeline._planning import measure_plans, measure_plans_apart
from segmentry.pipeline._prepare import PreparedData, prepare
from segmentry.pipeline._read import UserData
from segmentry.pipeline._run import RunResult, run
from segmentry.pipeline._score import ScoreResult, build_user_table, check_data, score
from segmentry.pipeline._table import fit_segments

__all__ = [
    "PreparedData",
    "RunResult",
    "ScoreResult",
    "UserData",
    "analyse_test",
    "build_user_table",
    "check_data",
    "compare_algorithms",
    "embed_run",
    "fit_segments",
    "measure_plans",
    "measure_plans_apart",
    "plan_budget",
    "plan_test",
    "prepare",
    "rename_segment",
    "rewrite_report",
    "run",
    "score",
]
