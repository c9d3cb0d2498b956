"""What strangers may send, as random inputs; each target answers or refuses in one line."""

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from hypothesis import strategies as st
from tests.ingest.mapping.shapes import DAY, T
from tests.results.test_scoring import CATALOGUE, FEATURES, NAMES, users_of

from segmentry.activate.audience import export_audience
from segmentry.errors import SegmentryError
from segmentry.features import BetaPrior
from segmentry.ingest.mapping import parse_mapping
from segmentry.ingest.taobao import TAOBAO_ATTRIBUTES
from segmentry.lifecycle.history import Refreshed, Refreshes
from segmentry.pipeline import check_data
from segmentry.results.run_folder import Manifest
from segmentry.results.scoring import make_bundle, parse_bundle, render_bundle, score_users
from segmentry.runtime.clock import StepRecord
from segmentry.runtime.codec import Codec
from segmentry.schema import Window
from segmentry.segments.forming import find_segments, plan_features, recipe_named


@dataclass(frozen=True)
class Target:
    """Random inputs, and what takes them; a `SegmentryError` of one line is an answer too."""

    inputs: st.SearchStrategy[Any]
    take: Callable[[Any], object]


ODD = ["", "\0", "\ufeff", '"', "'", "=1+1", "NULL", "nan", "-0", "1e999", "9" * 400, "\x1b[2J"]
WORDS = st.one_of(
    st.sampled_from([*ODD, "a;b", "a,b", "ü", "\ud7ff", "1.5", "1,5", "0", "1", "2017-05-06"]),
    st.integers(-(2**70), 2**70).map(str),
    st.integers(T, T + 9 * DAY).map(str),
    st.floats().map(str),
    st.text(max_size=12),
)
SEPARATORS = st.sampled_from([",", ";", "\t", "|", ", ", '","', "\0"])
ENDS = st.sampled_from(["\n", "\r\n", "\r", "\n\n", '"\n', "\u2028"])


@st.composite
def tables(draw: Any, header: str) -> bytes:
    """Text that looks like CSV for a while, in some encoding, whole or harmed."""
    separator, end = draw(SEPARATORS), draw(ENDS)
    rows = draw(st.lists(st.lists(WORDS, max_size=6), max_size=12))
    text = header.replace(",", separator) + end
    text += "".join(separator.join(row) + end for row in rows)
    encoding = draw(st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "utf-16", "latin-1"]))
    content = bytearray(text.encode(encoding, "replace"))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(content)))
        content[at:at] = draw(st.binary(max_size=4))
    return bytes(content)


LOG = "user,time_stamp,adgroup_id,pid,nonclk,clk"
ROW = "7,1494000000,3,430548_1007,1,0\n"


def take_csv(content: bytes) -> None:
    """Check a log that has one sound row before it."""
    with tempfile.TemporaryDirectory() as home:
        log = Path(home) / "raw_sample.csv"
        log.write_bytes(content)
        for account in check_data(home).accounts:
            n_gone = sum(account.rejected.values()) + sum(account.excluded.values())
            assert account.n_read == account.n_used + n_gone


KEYS = (
    *("name", "utc_offset_hours", "timezone", "log", "profiles", "ads", "behaviours", "attributes"),
    *("files", "user_id", "time", "time_format", "click", "ad_id", "delimiter", "decimal", "codes"),
    *("skip_lines", "escape", "null", "origin", "levels", "labels", "pid", "price", "default"),
)
VALUES = st.recursive(
    st.one_of(
        WORDS.map(json.dumps),
        st.sampled_from(["1", "-1", "true", "nan", "inf", "1e400", "1979-05-27", "07:32"]),
        st.integers().map(str),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda each: f"[{', '.join(each)}]"),
        st.tuples(st.sampled_from(KEYS), inner).map(lambda each: f"{{{each[0]} = {each[1]}}}"),
    ),
    max_leaves=5,
)
LINES = st.one_of(
    st.tuples(st.sampled_from(KEYS), VALUES).map(lambda each: f"{each[0]} = {each[1]}"),
    st.sampled_from(KEYS).map(lambda each: f"[{each}]"),
    st.tuples(st.sampled_from(KEYS), st.sampled_from(KEYS)).map(lambda each: f"[{'.'.join(each)}]"),
    st.sampled_from(KEYS).map(lambda each: f"[[{each}]]"),
    WORDS,
)
MAPPING = 'name = "x"\n[log]\nfiles = "log.csv"\nuser_id = "u"\n'


def take_mapping(text: str) -> None:
    """Read a mapping."""
    parse_mapping(text, origin="m.toml")


@st.composite
def harmed(draw: Any, text: Callable[[], str]) -> str:
    """JSON of ours in which something is another thing."""
    content = json.loads(text())
    for _ in range(draw(st.integers(1, 3))):
        place, key = content, draw(st.sampled_from(sorted(content)))
        while isinstance(place[key], dict | list) and place[key] and draw(st.integers(0, 5)):
            place = place[key]
            places = sorted(place) if isinstance(place, dict) else range(len(place))
            key = draw(st.sampled_from(list(places)))
        place[key] = draw(JSON)
    found = json.dumps(content)
    at = draw(st.integers(0, len(found)))
    return found if draw(st.integers(0, 9)) else found[:at] + draw(WORDS) + found[at:]


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8))
    | st.sampled_from([1e308, 1e-308, 0, -1, 2**63, "default", "latent", "kmeans"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)


@cache
def bundle_text() -> str:
    """Return a sound saved model."""
    recipe = recipe_named("default")
    plans = plan_features(recipe, CATALOGUE, features=FEATURES)
    made = make_bundle(
        find_segments(users_of(), plans, recipe=recipe, n_segments=(2, 3), forced=3),
        names=NAMES,
        prior=BetaPrior(mean=0.05, precision=20.5),
        main_placement="430548_1007",
        attributes=TAOBAO_ATTRIBUTES,
        window=Window(start=0, end=DAY, utc_offset_hours=8),
    )
    return render_bundle(made)


def take_bundle(text: str) -> None:
    """Score users by a saved model."""
    scores, _ = score_users(parse_bundle(text, source="bundle.json"), users_of(60))
    margins = scores.filter(scores["segment_id"] > 0)["margin"]
    assert np.isfinite(margins.to_numpy()).all()


CODECS = {
    Manifest: Manifest(
        started_at="2026-01-01",
        seconds=1.0,
        config={"k": 4},
        versions={"segmentry": "0.1.0"},
        inputs=(),
        accounts=({"n_read": 1},),
        steps=(StepRecord("read", 1.0, 2.0),),
    ),
    Refreshes: Refreshes(
        segmentation="s",
        membership_sha256="0" * 64,
        runs=(Refreshed(run="may", start=0, end=1, utc_offset_hours=8, choice=None, keys=("k",)),),
    ),
}


@cache
def record_text(kind: type) -> str:
    """Return a sound record."""
    return Codec(kind, what="record", version=1, remedy="x").render(CODECS[kind])


def take_record(text: str) -> None:
    """Read a record of each kind; what is read can be written again."""
    for kind in CODECS:
        codec = Codec(kind, what="record", version=1, remedy="run it again")
        try:
            found = codec.parse(text, source="record.json")
        except SegmentryError as error:
            check_refusal(error)
        else:
            codec.render(found)


CONTACTS = st.sampled_from(["user_id,email", "user_id,phone,email", "user_id,first_name,zip", "a"])
PLACES = ["amazon", "csv", "google", "google-api", "linkedin", "meta", "tiktok"]
SOUND = "".join(f"{i},m{i}@example.org\n" for i in range(1, 401)).encode()


def take_contacts(given: tuple[bytes, str, bool, bool]) -> None:
    """Export an audience with a file of contacts, or of consent, perhaps with sound rows."""
    content, to, is_consent, is_sound = given
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        (folder / "given.csv").write_bytes(b"user_id,email\n" + SOUND + content[14:])
        if not is_sound:
            (folder / "given.csv").write_bytes(content)
        users = pl.DataFrame({"user_id": range(1, 401), "segment_id": 1, "segment_name": "=b"})
        users.write_parquet(folder / "segments.parquet")
        asked = {"consent" if is_consent else "contacts": folder / "given.csv"}
        out = folder / ("out" if to == "google-api" else "out.csv")
        export_audience(folder, out, segment_ids=[1], to=to, country="DE", min_size=1, **asked)


def check_refusal(error: SegmentryError) -> None:
    """Expect one line for people."""
    text = str(error)
    assert text.strip()
    assert len(text) < 5000
    assert "\n" not in text


TARGET: dict[str, Target] = {
    "csv": Target(
        st.one_of(tables(LOG), tables(f"{LOG}\n{ROW * 3}"), st.binary(max_size=200)), take_csv
    ),
    "mapping": Target(
        st.one_of(
            st.lists(LINES, max_size=8).map("\n".join),
            st.lists(LINES, max_size=4).map(lambda each: MAPPING + "\n".join(each)),
            st.tuples(st.sampled_from(KEYS), WORDS).map(
                lambda each: f"{MAPPING}{each[0]} = {json.dumps(each[1])}"
            ),
            st.text(max_size=60),
        ),
        take_mapping,
    ),
    "bundle": Target(harmed(bundle_text), take_bundle),
    "codec": Target(
        st.one_of(*(harmed(lambda kind=kind: record_text(kind)) for kind in CODECS), st.text()),
        take_record,
    ),
    "contacts": Target(
        st.tuples(CONTACTS.flatmap(tables), st.sampled_from(PLACES), st.booleans(), st.booleans()),
        take_contacts,
    ),
}
