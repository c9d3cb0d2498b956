"""A record comes back from its JSON as it was; anything else is refused in one line."""

import json
from dataclasses import dataclass

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
        ("", "not a point: Expecting value: line 1 column 1 (char 0); draw it again"),
        ("[3]", "not a point: 'list' object has no attribute 'get'; draw it again"),
        (
            '{"point_version": 3, "x": NaN}',
            "not a point: NaN is not a finite number; draw it again",
        ),
        ("[" * 100_000, "not a point: "),
        ("{}", "version None, but this segmentry reads version 3; draw it again"),
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
    shows(refused('{"by": {"version": "9.9"}}', codec))


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
