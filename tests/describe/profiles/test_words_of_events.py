"""Words of segments follow what the events are called."""

from pathlib import Path

import pytest

from segmentry.describe.profiles._words import words_for
from segmentry.features import LOG_FEATURES, available_features
from segmentry.schema import ColumnSource, Source, TableSource


@pytest.mark.parametrize("event", ["purchase", "visit"])
def test_recency_is_called_by_the_event(event):
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

    found, _ = available_features(LOG_FEATURES, source)

    (recency,) = [each for each in found if each.name == "recency_days"]
    assert recency.label == f"days since last {event}"
    assert words_for(recency) == (f"recent {event}", f"no recent {event}")
