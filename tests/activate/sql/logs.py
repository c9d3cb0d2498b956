"""Random logs as files and as tables, with rows that cannot be used; models on their features."""

import numpy as np
import polars as pl
from hypothesis import strategies as st
from tests.activate.sql.models import bundle_of

from segmentry.features import LOG_FEATURES, BetaPrior
from segmentry.ingest.taobao import TAOBAO_ATTRIBUTES
from segmentry.schema import SECONDS_PER_DAY, Window
from segmentry.segments.preprocessing import FittedColumn, Preprocessing

START, N_DAYS = 1494000000, 8
WINDOW = Window(start=START, end=START + N_DAYS * SECONDS_PER_DAY, utc_offset_hours=8)
PLACEMENTS = ("430548_1007", "430539_1007")
FEATURES = [each for each in LOG_FEATURES if each.kind != "time"]
_MOMENTS = st.one_of(
    st.integers(START, WINDOW.end - 1),
    st.sampled_from([START - 1, START, WINDOW.end - 1, WINDOW.end, START + 21600, START + 1799]),
)
_CLICKS = st.sampled_from([(0, 1), (0, 1), (1, 0), (1, 1), (2, 0), (None, 1), (0, None)])


@st.composite
def logs(draw):
    """Return the events, ads and profiles of a log of Taobao's kind, by segmentry's own names."""
    users = st.none() | st.sampled_from([1, 2, 3, 7, 2**33])
    rows = draw(st.lists(
        st.tuples(users, _MOMENTS | st.none(), st.integers(1, 4), st.sampled_from(PLACEMENTS),
                  _CLICKS),
        min_size=1, max_size=40,
    ))  # fmt: skip
    rows.append((1, START + 5, 1, PLACEMENTS[0], (1, 0)))  # some row is sound
    events = pl.DataFrame(
        [(user, moment, ad, place, *clicks) for user, moment, ad, place, clicks in rows],
        schema={
            "user_id": pl.Int64, "shown_at": pl.Int64, "ad_id": pl.Int64, "placement": pl.String,
            "is_click": pl.Int64, "is_not_click": pl.Int64,
        },
        orient="row",
    )  # fmt: skip
    known = st.none() | st.integers(1, 3)
    ads = pl.DataFrame(
        {
            "ad_id": [1, 2, 3],
            **{
                name: pl.Series(draw(st.lists(known, min_size=3, max_size=3)), dtype=pl.Int64)
                for name in ("category_id", "campaign_id", "advertiser_id", "brand_id")
            },
            "price": draw(st.lists(
                st.none() | st.sampled_from([0.01, 5.0, 99.5, -1.0, 0.0]), min_size=3, max_size=3
            )),
        },
        schema_overrides={"price": pl.Float64},
    )  # fmt: skip
    attributes = [each.name for each in TAOBAO_ATTRIBUTES]
    profiles = pl.DataFrame(
        {
            "user_id": [1, 2, 9],
            **{
                name: pl.Series(draw(st.lists(known, min_size=3, max_size=3)), dtype=pl.Int64)
                for name in attributes
            },
        }
    )
    return events, ads, profiles


@st.composite
def models(draw):
    """Return a model on some features of such a log."""
    features = draw(st.lists(st.sampled_from([*FEATURES, *TAOBAO_ATTRIBUTES]), min_size=1,
                             max_size=4, unique_by=lambda each: each.name))  # fmt: skip
    fitted = [
        FittedColumn(
            feature=each.name, weight=draw(st.sampled_from([1.0, 0.5])), fill="median",
            fill_value=draw(st.integers(0, 3).map(float)), fill_level=None,
            transform=draw(st.sampled_from(["none", "log1p"])), clip_low=None, clip_high=None,
            scale_by="none", center=0.0, scale=draw(st.sampled_from([1.0, 3.0])),
            marks_missing=False, levels=None, knots=(), note="",
        )
        if each.kind != "categorical"
        else FittedColumn(
            feature=each.name, weight=1.0, fill="mode", fill_value=None, fill_level="1",
            transform="none", clip_low=None, clip_high=None, scale_by="none", center=0.0,
            scale=1.0, marks_missing=False, levels=("1", "2"), knots=(), note="",
        )
        for each in features
    ]  # fmt: skip
    preprocessing = Preprocessing(tuple(fitted), ())
    width = len(preprocessing.columns)
    number = st.integers(0, 6).map(lambda n: n / 2) | st.integers(0, 10**6).map(lambda n: n / 3e5)
    rows = draw(st.lists(st.lists(number, min_size=width, max_size=width), min_size=1, max_size=4))
    return bundle_of(
        preprocessing,
        np.array(rows),
        draw(st.sampled_from(["default", "classic"])),
        prior=BetaPrior(mean=0.06, precision=17.5),
        main_placement=PLACEMENTS[0],
        attributes=tuple(TAOBAO_ATTRIBUTES),
        window=WINDOW,
    )


def write_taobao(folder, events, ads, profiles):
    """Write the files as Taobao names them."""
    folder.mkdir(parents=True)
    names = {"user_id": "user", "shown_at": "time_stamp", "ad_id": "adgroup_id",
             "placement": "pid", "is_not_click": "nonclk", "is_click": "clk"}  # fmt: skip
    events.rename(names).select(names.values()).write_csv(folder / "raw_sample.csv")
    names = {"ad_id": "adgroup_id", "category_id": "cate_id", "campaign_id": "campaign_id",
             "advertiser_id": "customer", "brand_id": "brand", "price": "price"}  # fmt: skip
    ads.rename(names).select(names.values()).write_csv(folder / "ad_feature.csv")
    names = {"gender": "final_gender_code", "consumption_level": "pvalue_level",
             "shopping_depth": "shopping_level", "city_tier": "new_user_class_level ",
             "user_id": "userid"}  # fmt: skip
    profiles.rename(names).write_csv(folder / "user_profile.csv")
