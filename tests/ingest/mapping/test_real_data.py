"""Real samples of other shapes run by the mappings of the guide, with what they allow."""

import re
from pathlib import Path

import polars as pl
import pytest
from tests.pipeline.runs import segmentry
from tests.texts import says, shows

from segmentry.results.summary import read_summary

GUIDE = Path(__file__).parents[3] / "docs" / "guide" / "any-data.md"


def mapping_in_guide(name, folder):
    """Write down the mapping that the guide shows for some data."""
    blocks = re.findall(r"```toml\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    text = next(block for block in blocks if f'name = "{name}"' in block)
    file = folder / f"{name}.toml"
    file.write_text(text)
    return file


def run_of(real_data, folder, name, sample, *words):
    mapping = mapping_in_guide(name, folder)
    out = folder / "run"
    words = ("--mapping", mapping, "--out", out, "--k-range", "2:4", *words)
    answer = segmentry("run", real_data / sample, *words)
    assert (answer.code, answer.err) == (0, "")
    return out, read_summary(out)


@pytest.mark.real_data("cdnow")
def test_a_purchase_log_has_recency_frequency_and_value_and_no_click(real_data, tmp_path):
    out, summary = run_of(real_data, tmp_path, "CDNOW", "cdnow")

    rows = [
        line.split() for line in (real_data / "cdnow/CDNOW_sample.txt").read_text().splitlines()
    ]
    users = pl.read_parquet(out / "users.parquet")
    assert users.height == len({row[0] for row in rows}) == 2_357
    assert users["n_impressions"].sum() == len(rows) == 6_919
    assert users["value_sum"].sum() == pytest.approx(sum(float(row[4]) for row in rows))
    assert summary.repeat.recipe == "events"
    assert summary.traits.event == "purchase"
    assert not summary.traits.has_clicks
    assert summary.validation.outcome.unit == "days with a purchase per user in 30 days"
    assert summary.validation.kept_gain.model == "BG/NBD"
    assert summary.validation.kept_gain.by_forecast.value > 0.85
    assert any(segment.verdict == "confirmed" for segment in summary.segments)
    assert all(not segment.ctr_seen.is_known for segment in summary.segments)
    page = (out / "report.html").read_text()
    assert "clicks per impression" not in page
    assert not (out / "figures" / "ctr_by_segment.svg").exists()


@pytest.mark.real_data("ifood")
def test_a_user_table_is_segmented_without_a_log(real_data, tmp_path):
    out, summary = run_of(real_data, tmp_path, "ifood", "ifood")

    assert [(each.role, each.n_read) for each in summary.data.accounts] == [("users", 2_240)]
    assert summary.data.starts_at is None
    assert summary.repeat.recipe == "table"
    assert sum(segment.n_users for segment in summary.segments) == 2_240
    assert "impressions" not in re.sub(r"<script.*", "", (out / "report.html").read_text())


@pytest.mark.real_data("taobao_behaviour")
def test_without_times_what_needs_them_is_absent_and_says_why(real_data, undrawn, tmp_path):
    _, summary = run_of(real_data, tmp_path, "Taobao sample", "taobao_behaviour", "--min-size", "5")

    accounts = {each.role: each.n_used for each in summary.data.accounts}
    assert accounts == {"impressions": 500, "profiles": 230, "ads": 297}
    assert summary.data.starts_at is None
    says(dict(summary.traits.absent)["n_active_days"])
    shows(summary.warnings)
    found = {each.code: each.count for each in summary.data.findings}
    assert found["unknown-consumption_level"] > 0


@pytest.mark.real_data("taobao_behaviour")
def test_behaviours_without_times_say_what_is_absent_and_why(real_data, undrawn, tmp_path):
    out, summary = run_of(
        real_data, tmp_path, "Taobao behaviours", "taobao_behaviour", "--with", "behaviours"
    )

    rows = pl.read_csv(real_data / "taobao_behaviour" / "behaviour_history_50.csv")
    users = pl.read_parquet(out / "users.parquet")
    assert users["n_views"].sum() == (rows["btag_code"] == 1).sum()
    assert users["n_carts"].sum() == (rows["btag_code"] == 3).sum()
    account = summary.data.accounts[-1]
    assert (account.role, account.n_read) == ("behaviours", rows.height)
    assert account.excluded == {"of another action": rows["btag_code"].is_in([2, 4]).sum()}
    absent = dict(summary.traits.absent)
    says(absent["browsing_night_share"])
    says(absent["n_purchases"])
    assert "no times" in absent["n_behaviour_days"]
    assert "n_purchases" not in users.columns
    assert users["advertised_overlap"].drop_nulls().is_between(0, 1).all()
    shows(summary.conversions.added_reason)
    assert all(not each.steps for each in summary.conversions.segments)
    shows(summary.conversions.notes)
    skipped = {each.code: each.reason for each in summary.decisions.not_evaluated}
    says(skipped["SEG-020"])
