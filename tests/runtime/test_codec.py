"""A record comes back from its JSON as it was; anything else is refused in one line."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest
from tests.texts import raises_text, shows

from segmentry import __version__
from segmentry.errors import BundleError, DataError
from segmentry.runtime.codec import Codec


@dataclass(frozen=True)
class Point:
    x: float
    tags: tuple[str, ...] = ()


CODEC = Codec(Point, what="point", version=3, version_key="point_version", remedy="draw it again")
POINT = Point(1 / 3, ("ä", "b"))


def refused(text, codec=CODEC):
    with pytest.raises(codec.error) as caught:
        codec.parse(text, source="p.json")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_record_comes_back_bit_for_bit(tmp_path):
    CODEC.write(POINT, tmp_path / "p.json")

    assert CODEC.read(tmp_path / "p.json") == POINT
    assert [path.name for path in tmp_path.iterdir()] == ["p.json"]


def test_the_file_begins_with_its_version_and_who_wrote_it():
    assert list(json.loads(CODEC.render(POINT)).items())[:2] == [
        ("point_version", 3),
        ("segmentry_version", __version__),
    ]
    assert CODEC.render(POINT, indent=None).count("\n") == 1


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", "not a point: it is empty; draw it again"),
        ("[3]", 'not a point: found a list, expected an object with "point_v'),
        ('"a"', 'not a point: found a text, expected an object with "point_v'),
        ("7.5", 'not a point: found a number, expected an object with "point_v'),
        ("true", 'not a point: found true or false, expected an object with "point_v'),
        ("null", 'not a point: found null, expected an object with "point_v'),
        (
            '{"point_version": 3, "x": NaN}',
            "not a point: NaN is not a finite number; draw it again",
        ),
        ("[" * 100_000, "not a point: "),
        ("{}", 'not a point: found no "point_version", expected an object with "point_v'),
        (
            '{"point_version": 2, "segmentry_version": "0.0.1"}',
            "version 2, written by segmentry 0.0.1, but this segmentry reads version 3; draw",
        ),
        ('{"point_version": 3}', f"no x, which segmentry {__version__} writes; draw it again"),
        (
            '{"point_version": 3, "x": 0, "tags": [1]}',
            "tags.0: Input should be a valid string; draw it again",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_to_do(text, shown):
    assert refused(text).startswith(f"p.json: {shown}")


def test_the_version_of_the_writer_may_lie_in_the_record():
    codec = Codec(Point, what="point", version=3, remedy="draw", written_by=("by", "version"))

    assert list(json.loads(codec.render(POINT))) == ["version", "x", "tags"]
    shows(refused('{"version": 2, "by": {"version": "9.9"}}', codec))


@dataclass(frozen=True)
class Log:
    utc_offset_hours: int | float = 8
    starts_at: int | None = 1494000000
    n_users: int = 3
    share: float | None = 1.0000000001
    user_share: float = 0.0
    shares: tuple[float, ...] = (0.25, 0.75)
    others: tuple["Log", ...] = ()
    by_name: Mapping[str, "Log"] = field(default_factory=dict)
    config: Mapping[str, float] = field(default_factory=dict)


@pytest.mark.parametrize(
    ("name", "number", "expected"),
    [
        ("utc_offset_hours", 1e308, "hours from -12 to 14"),
        ("utc_offset_hours", -12.25, "hours from -12 to 14"),
        ("starts_at", 10**18, "a moment"),
        ("n_users", -1, "a number from 0 on"),
        ("share", 1.5, "a share from 0 to 1"),
        ("user_share", -1e308, "a share from 0 to 1"),
    ],
)
def test_a_number_that_its_field_cannot_have_is_refused_where_it_stands(name, number, expected):
    codec = Codec(Log, what="log", version=1, remedy="run it again")
    harmed = replace(Log(), **{name: number})
    wrong = f"{name}: found {number:g}, expected {expected}; run it again"

    assert codec.parse(codec.render(Log(config={name: number})), source="p.json").config == {
        name: number  # a setting by a name of the user's
    }
    assert refused(codec.render(harmed), codec) == f"p.json: {wrong}"
    nested = Log(others=(Log(), harmed))
    assert refused(codec.render(nested), codec) == f"p.json: others.1.{wrong}"
    assert wrong in refused(codec.render(Log(by_name={"a": harmed})), codec)


def test_one_number_of_many_is_refused_too():
    codec = Codec(Log, what="log", version=1, remedy="run it again")

    assert refused(codec.render(Log(shares=(0.5, 7.0))), codec) == (
        "p.json: shares: found 7, expected a share from 0 to 1; run it again"
    )


def test_nan_is_never_written():
    with raises_text(ValueError):
        CODEC.render(Point(float("nan")))


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_named(tmp_path, content):
    codec = Codec(Point, what="point", version=3, remedy="draw it", error=DataError)
    if content is not None:
        (tmp_path / "p.json").write_bytes(content)
    with raises_text(DataError) as caught:
        codec.read(tmp_path / "p.json")
    assert not isinstance(caught.value, BundleError)
