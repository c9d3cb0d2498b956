"""What-if budgets and the test planner say what the commands say, and write nothing."""

import io
import re
import shutil
import zipfile
from dataclasses import replace

import polars as pl
import pytest
from tests.pipeline.runs import moving_run
from tests.present.dashboard.test_pages import folder_of, shown, squeezed, text_of
from tests.summaries import make_summary

from segmentry.advise.basis import measure_plans, measure_plans_in_worker
from segmentry.advise.budget import BudgetRequest, divide_budget
from segmentry.advise.experiments import ARMS, ExperimentRequest, plan_test
from segmentry.errors import BundleError
from segmentry.formats import count, signed
from segmentry.present.dashboard import _runs
from segmentry.present.dashboard._pages import _tests, prepare
from segmentry.present.dashboard._runs import basis_of, load
from segmentry.results.summary import read_summary


@pytest.fixture(autouse=True)
def measured(monkeypatch):
    """Measure in this process, each time again."""
    _runs._basis.cache_clear()
    monkeypatch.setattr(_runs, "measure_plans_in_worker", measure_plans)


@pytest.fixture(scope="module")
def basis(run_dir):
    return measure_plans(run_dir)


def test_the_budget_page_begins_with_the_proposed_shares_and_judges_them(tmp_path_factory):
    run_dir = moving_run(tmp_path_factory.getbasetemp()).folder
    summary, basis = read_summary(run_dir), measure_plans(run_dir)
    page = shown("budget", run_dir)

    proposed = {part.segment_id: part.share_proposed for part in summary.spending.segments}
    shares = {i: page.number_input(key=f"share-{i}").value for i in proposed}
    assert shares == {i: round(100 * share, 1) for i, share in proposed.items()}
    n_now = {each.segment_id: each.n_impressions for each in basis.segments}
    for i, n in n_now.items():  # a share that is not moved is taken unrounded
        now = 100 * n / sum(n_now.values())
        shares[i] = now if shares[i] == round(now, 1) else shares[i]
    total = sum(shares.values())
    split = {i: share / total for i, share in shares.items()}
    request = BudgetRequest(
        n_impressions=sum(segment.n_impressions for segment in basis.segments),
        n_days=basis.n_days, response="concave", exponent=0.8, floors=split, caps=split,
        max_change=10.0,
    )  # fmt: skip
    plan = divide_budget(basis.segments, basis.rates, request, n_days_of_log=basis.n_days)
    text = squeezed(text_of(page))
    assert f"<dd>{signed(plan.comparisons[0].gain.value, digits=0)}</dd>" in text
    for part in plan.segments:
        assert f"<td>{count(part.expected.value)}" in text


def test_another_share_changes_the_result_and_shares_as_now_bring_nothing(run_dir):
    page = shown("budget", run_dir)
    before = text_of(page)

    page.number_input(key="share-1").set_value(90.0).run()
    changed = text_of(page)
    page.button(key="Shares as now").click().run()

    assert not page.exception
    assert changed != before
    assert "Your shares add up to" in changed
    gain = re.search(r'class="value">([+−-]?[0-9.]+)\u00a0%', text_of(page))[1]
    assert float(gain) == 0.0
    assert "under 1\u00a0%" in text_of(page)  # the risk of a loss, also where shares are rounded


def test_shares_of_nothing_are_told_in_a_sentence(run_dir):
    page = shown("budget", run_dir)
    for each in page.number_input:
        each.set_value(0.0)
    page.run()

    assert not page.exception
    assert "give at least one segment a share" in text_of(page)


def test_the_more_extra_ads_wear_out_the_less_a_split_gains(run_dir):
    gains = []
    for power in (1.0, 0.8, 0.5):
        page = shown("budget", run_dir)
        page.segmented_control(key="wear-out").set_value(power).run()
        gain = re.search(r'class="value">([+−-]?[0-9.]+)\u00a0%', text_of(page))[1]
        gains.append(float(gain.replace("−", "-")))

    assert gains == sorted(gains, reverse=True)


def test_the_planner_says_what_the_command_says_and_writes_nothing(run_dir, tmp_path):
    before = sorted(path.name for path in run_dir.iterdir())
    page = shown("test", run_dir, who="All segments")
    page.slider(key="change-all").set_value(50).run()
    text = text_of(page)

    assert sorted(path.name for path in run_dir.iterdir()) == before
    plan = plan_test(shutil.copytree(run_dir, tmp_path / "run"), mde=0.5)
    weeks = -(-(plan.everyone.n_days or plan.everyone.n_days_adjusted) // 7)
    assert f'<dd class="value">{7 * weeks} days</dd>' in text
    for segment in plan.segments:
        assert f">{count(segment.n_users)}</td>" in text


def test_the_lists_of_a_test_are_those_of_the_command(run_dir, tmp_path):
    segment_id = read_summary(run_dir).segments[0].segment_id
    copy = shutil.copytree(run_dir, tmp_path / "run")
    plan_test(copy, mde=0.9, segments=[segment_id])
    planned = pl.read_parquet(copy / "plan" / "assignment.parquet")

    data = _tests._lists(load(run_dir), segment_id, ExperimentRequest(mde=0.9))

    with zipfile.ZipFile(io.BytesIO(data)) as files:
        groups = {name: pl.read_csv(files.read(f"{name}.csv"))["user_id"] for name in ARMS}
        whole = pl.read_parquet(files.read("assignment.parquet"))
    assert whole.sort("user_id").equals(planned.sort("user_id"))
    for arm, users in groups.items():
        own = planned.filter(pl.col("arm") == arm)["user_id"]
        assert sorted(users) == sorted(own)


def test_a_change_that_no_traffic_reaches_is_told_in_a_sentence(run_dir):
    page = shown("test", run_dir)
    key = next(each.key for each in page.slider if each.key.startswith("change-"))
    page.slider(key=key).set_value(1).run()

    assert not page.exception
    assert "too small to be found" in text_of(page)


def test_a_log_without_clicks_says_so_and_names_no_path(tmp_path):
    summary = make_summary(n_segments=3, n_points=60)
    silent = replace(summary, traits=replace(summary.traits, has_clicks=False), validation=None)

    for path in ("budget", "test"):
        text = text_of(shown(path, folder_of(silent, tmp_path / path)))
        assert "has no clicks" in text
        assert str(tmp_path) not in text


@pytest.mark.parametrize("path", ["budget", "test"])
def test_a_run_that_was_not_checked_on_later_days_is_told_so(path, run_dir, tmp_path):
    import shutil

    folder = tmp_path / "bare"
    shutil.copytree(run_dir, folder)
    shutil.rmtree(folder / "validation")

    text = text_of(shown(path, folder))

    assert "was not checked on later days" in text
    assert str(tmp_path) not in text


@pytest.mark.parametrize("path", ["budget", "test"])
def test_a_summary_alone_is_told_what_is_missing(path, tmp_path):
    folder = folder_of(make_summary(n_segments=1, n_points=60), tmp_path)

    assert 'class="notice"' in text_of(shown(path, folder))


def test_measured_apart_is_measured_the_same(run_dir, basis):
    apart = measure_plans_in_worker(run_dir)

    assert apart.segments == basis.segments
    assert apart.traffic == basis.traffic
    assert (apart.rates[0].ctr == basis.rates[0].ctr).all()
    assert (apart.rates[1].draws == basis.rates[1].draws).all()


def test_what_was_measured_beforehand_is_not_measured_again(run_dir, tmp_path, monkeypatch):
    asked = []

    def measure(folder):
        asked.append(folder)
        return measure_plans(folder)

    monkeypatch.setattr(_runs, "measure_plans_in_worker", measure)
    prepare([tmp_path / "nothing", run_dir])

    assert asked == [run_dir]
    assert basis_of(load(run_dir)).rates is basis_of(load(run_dir)).rates
    assert asked == [run_dir]


def test_what_cannot_be_measured_apart_is_told_as_here(tmp_path):
    with pytest.raises(BundleError) as here:
        measure_plans(tmp_path)
    with pytest.raises(BundleError) as apart:
        measure_plans_in_worker(tmp_path)

    assert str(apart.value) == str(here.value)
