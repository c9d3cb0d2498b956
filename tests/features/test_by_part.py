"""Users worked out part by part are those that are worked out at once."""

from dataclasses import replace

import polars as pl
from polars.testing import assert_frame_equal

from segmentry.config import load_config
from segmentry.datasets import GeneratorOptions, generate_taobao
from segmentry.features.by_part import reading_by_part, user_parts, users_of_part
from segmentry.ingest.sources import find_source
from segmentry.pipeline._read import checked_source, read_users
from segmentry.pipeline._wanted import wanted_of
from segmentry.runtime import memory
from segmentry.runtime.clock import StepClock


def test_features_of_both_logs_are_those_of_all_users_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "_FEWEST_ROWS", 300)
    options = GeneratorOptions(n_users=40, seed=3, behaviours=True, behaviour_rows_per_user=20)
    generate_taobao(tmp_path / "shop", options)
    log = tmp_path / "shop" / "behavior_log.csv"
    last = log.read_text().splitlines()[-1].partition(",")[2]
    log.write_text(log.read_text() + f"999999,{last}\n" * 3)
    source = find_source(tmp_path / "shop", None)
    config = load_config(None, {"with_": ["behaviours"]})
    wanted = replace(wanted_of(source, config), early_features=None, keeps_log=False)
    reading = {"clock": StepClock(), "progress": None}
    (tmp_path / "whole").mkdir()
    (tmp_path / "parts").mkdir()
    whole = read_users(source, config, wanted, scratch=tmp_path / "whole", **reading)
    known = replace(wanted, prior=whole.prior, behaviour_priors=whole.behaviours.priors)

    with checked_source(
        source, config, known, scratch=tmp_path / "parts", is_by_part=True, **reading
    ) as (engine, checked, needed):
        how = reading_by_part(engine, checked, needed, known, sample=1.0)
        parts = user_parts(checked)
        found = [users_of_part(engine, each, how) for each in parts]

    assert_frame_equal(pl.concat(each.table for each in found).sort("user_id"), whole.table)
    assert len(parts) > 2
    strange = [n for why, n in whole.accounts[-1].excluded.items() if "neither" in why]
    assert sum(each.n_strange for each in found) == sum(strange) == 1
