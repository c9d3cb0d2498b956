"""What-if budgets and the test planner say what the commands say, and write nothing."""

import json

import pytest
from tests.present.dashboard.test_pages import folder_of, shown, text_of
from tests.summaries import make_summary
from tests.texts import shows

from segmentry.advise.basis import measure_plans, measure_plans_apart
from segmentry.advise.budget import plan_budget
from segmentry.advise.experiments import plan_test
from segmentry.errors import BundleError
from segmentry.formats import count
from segmentry.present.dashboard import _runs
from segmentry.present.dashboard._pages import prepare
from segmentry.present.dashboard._runs import basis_of, load


@pytest.fixture(autouse=True)
def measured(monkeypatch):
    """Measure in this process, each time anew."""
    _runs._basis.cache_clear()
    monkeypatch.setattr(_runs, "measure_plans_apart", measure_plans)


@pytest.fixture(scope="module")
def basis(run_dir):
    return measure_plans(run_dir)


def test_the_budget_page_says_what_the_command_says(run_dir, basis, tmp_path):
    n_impressions = sum(segment.n_impressions for segment in basis.segments)
    plan = plan_budget(run_dir, impressions=n_impressions)

    text = text_of(shown("Exposure and budget", run_dir))

    for part in plan.segments:
        assert f"<td>{count(part.impressions)}</td>" in text
    assert count(plan.expected.value) in text
    assert plan.conclusion.rstrip(".") in text.replace("&#39;", "'")


def test_a_slider_divides_the_budget_anew(run_dir, basis):
    total = sum(segment.n_impressions for segment in basis.segments)
    page = shown("Exposure and budget", run_dir)

    page.slider(key="budget").set_value(50).run()

    assert not page.exception
    assert f"{count(total * 50 // 100)} impressions so divided" in text_of(page)


def test_limits_that_cannot_be_met_are_told_in_a_sentence(run_dir):
    page = shown("Exposure and budget", run_dir)

    page.slider(key="limits-1").set_value((95, 100)).run()
    page.slider(key="limits-2").set_value((95, 100)).run()

    assert not page.exception
    shows(text_of(page))


def test_the_planner_says_what_the_command_says_and_writes_nothing(run_dir):
    before = sorted(path.name for path in run_dir.iterdir())
    page = shown("Test planner", run_dir)
    page.slider(key="mde").set_value(50).run()
    text = text_of(page)

    assert sorted(path.name for path in run_dir.iterdir()) == before
    plan = plan_test(run_dir, mde=0.5)
    written = json.loads((run_dir / "plan" / "test.json").read_text())
    assert written["everyone"]["n_days"] == plan.everyone.n_days
    assert f'<dd class="value">{plan.everyone.n_days}</dd>' in text
    for segment in plan.segments:
        assert f"<td>{count(segment.n_users)}</td>" in text


def test_a_change_that_no_traffic_reaches_is_told_in_a_sentence(run_dir):
    page = shown("Test planner", run_dir)
    page.slider(key="mde").set_value(1).run()
    page.slider(key="days").set_value(1).run()

    assert not page.exception
    assert "No such test" in text_of(page)


@pytest.mark.parametrize("title", ["Exposure and budget", "Test planner"])
def test_a_run_that_was_not_checked_on_later_days_is_told_so(title, run_dir, tmp_path):
    import shutil

    folder = tmp_path / "bare"
    shutil.copytree(run_dir, folder)
    shutil.rmtree(folder / "validation")

    text = text_of(shown(title, folder))

    shows(text)
    shows(text)


@pytest.mark.parametrize("title", ["Exposure and budget", "Test planner"])
def test_a_summary_alone_is_told_what_is_missing(title, tmp_path):
    folder = folder_of(make_summary(n_segments=1, n_points=60), tmp_path)

    assert 'class="notice"' in text_of(shown(title, folder))


def test_measured_apart_is_measured_the_same(run_dir, basis):
    apart = measure_plans_apart(run_dir)

    assert apart.segments == basis.segments
    assert apart.traffic == basis.traffic
    assert (apart.rates[0].ctr == basis.rates[0].ctr).all()
    assert (apart.rates[1].draws == basis.rates[1].draws).all()


def test_what_was_measured_beforehand_is_not_measured_again(run_dir, tmp_path, monkeypatch):
    asked = []

    def measure(folder):
        asked.append(folder)
        return measure_plans(folder)

    monkeypatch.setattr(_runs, "measure_plans_apart", measure)
    prepare([tmp_path / "nothing", run_dir])

    assert asked == [run_dir]
    assert basis_of(load(run_dir)) is basis_of(load(run_dir))
    assert asked == [run_dir]


def test_what_cannot_be_measured_apart_is_told_as_here(tmp_path):
    with pytest.raises(BundleError) as here:
        measure_plans(tmp_path)
    with pytest.raises(BundleError) as apart:
        measure_plans_apart(tmp_path)

    assert str(apart.value) == str(here.value)
