"""A purchase log on its whole way: run, score, another K, on either engine."""

import pytest
from tests.ingest.mapping.shapes import DAY, T, mapping_of, write_csv
from tests.texts import raises_text

import segmentry
from segmentry.errors import SchemaError

QUICK = {"bootstraps": 2, "k_range": "2:3"}
TEXT = mapping_of('time = "when"\nvalue = "amount"', head='event = "purchase"')


@pytest.fixture
def mapping(tmp_path):
    """Return a mapping: 60 users who bought once long ago, 60 who buy much and lately."""
    rows = [(f"once-{user}", T + user, 5 + user % 3) for user in range(60)]
    rows += [
        (f"often-{user}", T + (20 + day) * DAY + user, 80 + user % 7)
        for user in range(60)
        for day in range(8)
    ]
    write_csv(tmp_path / "log.csv", rows, header=("who", "when", "amount"))
    (tmp_path / "m.toml").write_text(TEXT)
    return tmp_path / "m.toml"


def test_planted_groups_of_buyers_are_found_and_scored_as_they_were(undrawn, mapping, tmp_path):
    result = segmentry.run(None, tmp_path / "run", mapping=mapping, k=2, **QUICK)

    segment_of = dict(result.segments.select("user_id", "segment_id").iter_rows())
    assert len({segment_of[f"once-{user}"] for user in range(60)}) == 1
    assert len({segment_of[f"often-{user}"] for user in range(60)}) == 1
    assert len(set(segment_of.values())) == 2
    names = {segment.name for segment in result.summary.segments}
    assert not any("shown" in name.lower() or "click" in name.lower() for name in names)
    assert not any("days since" in name for name in names)
    assert result.summary.repeat.recipe == "events"
    scored = segmentry.score(tmp_path / "run", None, mapping=mapping).segments
    assert dict(scored.select("user_id", "segment_id").iter_rows()) == segment_of


def test_another_number_of_segments_keeps_the_words_of_the_data(undrawn, mapping, tmp_path):
    first = segmentry.run(None, tmp_path / "run", mapping=mapping, k=3, **QUICK).summary

    again = segmentry.run(None, tmp_path / "again", from_run=tmp_path / "run", k=2, **QUICK).summary

    assert again.traits == first.traits
    assert [row.label for row in again.features] == [row.label for row in first.features]
    assert again.repeat.recipe == "events"


def test_new_data_must_allow_what_formed_the_segments(undrawn, mapping, tmp_path):
    segmentry.run(None, tmp_path / "run", mapping=mapping, k=2, **QUICK)
    mapping.write_text(mapping_of('value = "amount"', head='event = "purchase"'))

    with raises_text(SchemaError):
        segmentry.score(tmp_path / "run", None, mapping=mapping)
