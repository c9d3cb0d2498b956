"""No figure changes unseen: its specification is the recorded one, whatever the pixels are.

A change must be meant. `python -m tests.present.figures.test_specs` writes new records; look at the
figures before you keep them.
"""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from tests.conversions import with_conversions
from tests.present.figures.test_evidence_figures import with_evidence
from tests.present.report.test_log_page import a_log
from tests.summaries import make_summary
from tests.windows import with_windows

from segmentry.advise.budget import BudgetPlan, Comparison, SegmentBudget, Sensitivity
from segmentry.describe.maps import Embedding, EmbeddingPoint
from segmentry.evaluation.later_days import DayLevel, DayLevels, SegmentDays
from segmentry.present import figures as plots
from segmentry.present.figures import HexagonValue, UserPlace
from segmentry.results.summary import SegmentSpending, Spending, WearOut
from segmentry.schema import UNKNOWN, Estimate

RECORDS = Path(__file__).parent / "specs"
N_ROWS = 2
"""So many rows of each table are kept, with their number: the rest repeats the summary."""


def whole_summary():
    """Return a summary of which every figure can be drawn."""
    points = tuple(EmbeddingPoint(i % 3 + 1, i / 4, -i / 8, i % 2 == 0) for i in range(6))
    embedding = Embedding(4, 2, 15, 0.1, 7, 0.9, 0.85, 0.3, 0.2, 0.01, points)
    summary = with_windows(with_conversions(make_summary(n_segments=3, n_points=12)))
    return replace(
        with_evidence(summary),
        log=a_log(),
        embedding=embedding,
        spending=a_budget(),
        validation=with_days(summary.validation, sd=0.2),
    )


def with_days(validation, *, sd):
    """Return a check with the days of two segments, one day of the second with few users."""
    first = validation.feature_starts_at // 86_400
    days = [
        DayLevel(first + i, 900 + i, Estimate(0.05 + i / 100, 0.04 + i / 100, 0.06 + i / 100))
        for i in range(4)
    ]
    few = replace(days[1], n_users=None, ctr=UNKNOWN)
    moved = SegmentDays(1, DayLevels(tuple(days), sd, 1e-9))
    still = SegmentDays(2, DayLevels((days[0], few, *days[2:]), 0.0, 0.6))
    return replace(validation, by_segment=(moved, still))


def a_budget():
    found = Estimate(5.0, 1.0, 9.0)
    parts = tuple(
        SegmentSpending(i, now, proposed, found)
        for i, now, proposed in ((1, 0.2, 0.1), (2, 0.5, 0.5), (3, 0.3, 0.4))
    )
    powers = tuple(
        WearOut(power, found, Estimate(0.3 * power, 0.2 * power, 0.4 * power))
        for power in (1.0, 0.8, 0.5)
    )
    return Spending(n_impressions=1000, n_days=8, segments=parts, wear_out=powers)


def a_plan():
    part = SegmentBudget(
        segment_id=2, name="Steady", verdict="confirmed", n_users=100, impressions=600,
        proportional=400, floor=0.0, cap=800.0, money=None,
        rate=Estimate(0.05, 0.04, 0.06), expected=Estimate(30.0, 24.0, 36.0),
        gain=Estimate(5.0, 1.0, 9.0),
    )  # fmt: skip
    against = Comparison(
        against="proportional", expected=Estimate(25.0, 20.0, 30.0), gain=Estimate(5.0, 1.0, 9.0),
        gain_share=Estimate(0.2, 0.04, 0.36), losing_share=0.02, is_better=True,
    )  # fmt: skip
    powers = tuple(
        Sensitivity(
            exponent=power,
            gain=Estimate(5.0 * power, 1.0, 9.0),
            gain_share=Estimate(0.2, 0.0, 0.4),
            losing_share=0.02,
        )
        for power in (0.6, 1.0)
    )
    return BudgetPlan(
        n_impressions=1000, money=None, n_days=7.0, response="linear", exponent=1.0,
        max_change=2.0, outcome="clicks", segments=(part,), expected=part.expected,
        comparisons=(against,), sensitivity=powers, conclusion="It gains 5 clicks.", notes=(),
    )  # fmt: skip


def charts():
    """Return what draws each figure of a run and each answer to a reader, by name."""
    summary = whole_summary()
    users = (
        UserPlace("a", 1, 0.0, 1.0, {"n_impressions": 3.0}, 0.5),
        UserPlace("b", 2, 1.0, 0.0, {"n_impressions": None}, -0.5),
    )
    cells = (
        HexagonValue(0.0, 0.0, 0.5, 900, 1, 850, 3.5, None),
        HexagonValue(1.0, 0.0, 0.5, 50, 2, None, None, None),
    )
    by = {"feature": "n_impressions"}
    asked = {
        "users": lambda: plots.ANSWERS["users"].plot(summary, users, feature=None),
        "users_by_feature": lambda: plots.ANSWERS["users"].plot(
            summary, users, feature="n_impressions"
        ),
        "map_3d_by_feature": lambda: plots.FIGURES["map_3d"].plot(summary, users, **by),
        "umap_by_feature": lambda: plots.FIGURES["umap"].plot(summary, users, **by),
        "hexagon_values": lambda: plots.ANSWERS["hexagon_values"].plot(summary, cells, **by),
        "distributions_of_one": lambda: plots.FIGURES["distributions"].plot(
            summary, features=["n_impressions"]
        ),
        "reach": lambda: plots.ANSWERS["reach"].plot([0.4, 0.3, 0.2], mde=0.3, who="all segments"),
        "budget": lambda: plots.ANSWERS["budget"].plot(a_plan()),
        "budget_gain": lambda: plots.ANSWERS["budget_gain"].plot(a_plan()),
    }
    run = {name: lambda each=each: each.plot(summary) for name, each in plots.FIGURES.items()}
    return run | asked


def recorded(spec):
    """Return a specification for the records: few rows, no number of a machine's last digits.

    Altair numbers views and names data by a hash: here they are counted again.
    """
    text = json.dumps({key: spec[key] for key in spec if key not in ("$schema", "config")})
    for stem in (r"view_\d+", r"param_\d+", r"data-[0-9a-f]{32}"):
        for i, name in enumerate(dict.fromkeys(re.findall(rf'"({stem})"', text))):
            text = text.replace(f'"{name}"', f'"{stem[:4]} {i}"')
    return shortened(json.loads(text))


def shortened(part):
    if isinstance(part, dict):
        return {key: shortened(each) for key, each in sorted(part.items())}
    if isinstance(part, list) and len(part) > N_ROWS and all(isinstance(r, dict) for r in part):
        if all("mark" in each or "layer" in each or "transform" in each for each in part):
            return [shortened(each) for each in part]
        return [*(shortened(each) for each in part[:N_ROWS]), f"{len(part)} in all"]
    if isinstance(part, list):
        return [shortened(each) for each in part]
    return float(f"{part:.9g}") if isinstance(part, float) else part


def written(spec):
    return json.dumps(recorded(spec), indent=1, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("name", charts())
def test_a_figure_is_specified_as_recorded(name):
    found = charts()[name]().to_dict(validate=False)

    assert written(found) == (RECORDS / f"{name}.json").read_text(encoding="utf-8")


def test_the_theme_is_the_recorded_one():
    found = plots.FIGURES["sizes"].plot(whole_summary()).to_dict(validate=False)["config"]

    assert found == json.loads((RECORDS / "theme.json").read_text(encoding="utf-8"))


def test_there_is_a_record_of_nothing_else():
    assert {file.stem for file in RECORDS.glob("*.json")} == {*charts(), "theme"}


def write_records():
    RECORDS.mkdir(exist_ok=True)
    for name, chart in charts().items():
        spec = chart().to_dict(validate=False)
        (RECORDS / f"{name}.json").write_text(written(spec), encoding="utf-8")
    theme = json.dumps(spec["config"], indent=1) + "\n"
    (RECORDS / "theme.json").write_text(theme, encoding="utf-8")


if __name__ == "__main__":
    write_records()
