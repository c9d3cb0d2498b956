"""Words of segments follow what the events are called."""

from pathlib import Path

import pytest
from tests.texts import says

from segmentry.describe.profiles._names import words_for
from segmentry.features import available_features
from segmentry.schema import ColumnSource, Source, TableSource


@pytest.mark.parametrize("event", ["purchase", "visit"])
def test_recency_is_called_by_the_event(event):
    recency = features_of(event)["recency_days"]

    assert recency.label == f"days since last {event}"
    assert words_for(recency) == ("recent", "lapsed")


@pytest.mark.parametrize("event", ["impression", "ad impression", "last seen event", "{event}"])
def test_an_event_is_named_once_whatever_words_its_name_holds(event):
    features = features_of(event)

    n_events = features["n_impressions"]
    assert (n_events.label, n_events.unit) == (f"{event}s", f"{event}s")
    says(features["n_active_days"].description)


def features_of(event):
    log = {name: ColumnSource(name, "integer") for name in ("user_id", "shown_at")}
    source = Source(
        name="shop",
        impressions=TableSource("impressions", (Path("log.csv"),), log),
        profiles=None,
        ads=None,
        attributes=(),
        utc_offset_hours=0,
        event=event,
        events=f"{event}s",
    )

    found, _ = available_features(source)
    return {each.name: each for each in found}
