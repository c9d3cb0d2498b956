"""A segment is sent as the command line sends it, with the count shown before."""

import dataclasses
import io
import zipfile

import polars as pl
import pytest
from tests.present.dashboard.test_pages import shown, text_of

from segmentry.activate.audience import count_audience, export_audience
from segmentry.activate.platforms import PLATFORMS
from segmentry.formats import count
from segmentry.present.dashboard._pages import _sending
from segmentry.present.dashboard._runs import load


def test_the_list_is_that_of_the_command_and_its_count_is_shown_before(run_dir, tmp_path):
    out = tmp_path / "list.csv"
    wanted = export_audience(run_dir, out, segment_ids=[1], to="csv", hold_out=0.2)

    page = shown("segments", run_dir, segment="1", act="send")
    page.slider(key="out").set_value(20).run()
    data = _sending._list_of_ids(load(run_dir), 1, "csv", 20)

    with zipfile.ZipFile(io.BytesIO(data)) as files:
        found = pl.read_csv(files.read("segment-1.csv"))
    assert found.equals(pl.read_csv(out))
    text = text_of(page)
    for number in (wanted.n_users, wanted.n_held_out, wanted.n_written):
        assert f'<dd class="value">{count(number)}</dd>' in text


@pytest.mark.parametrize(
    ("to", "suffix"), [("csv", ".csv"), ("parquet", ".parquet"), ("openrtb", ".jsonl")]
)
def test_what_is_counted_is_what_is_written(to, suffix, run_dir, tmp_path):
    asked = {"segment_ids": [1, 2], "to": to, "hold_out": 0.3}

    counted = count_audience(run_dir, **asked)
    written = export_audience(run_dir, tmp_path / f"list{suffix}", **asked)

    assert dataclasses.replace(counted, out=written.out) == written


def test_a_platform_asks_for_contacts_first(run_dir):
    page = shown("segments", run_dir, segment="1", act="send", to=PLATFORMS["meta"].title)

    assert not page.exception
    assert "table of contacts" in text_of(page)


def test_a_link_opens_the_segment_and_the_act_that_it_names(run_dir, summary):
    second = summary.segments[1]

    page = shown("segments", run_dir, segment=str(second.segment_id), act="test")

    text = text_of(page)
    assert f'id="segment-{second.segment_id}"' in text
    assert "<h2>Test this segment</h2>" in text
    assert "Run it for" in text
