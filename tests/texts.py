"""Every text for people that a test looks at, in one file: ``texts.json``, by the id of the test.

Tests elsewhere assert codes, types, numbers and names; what a text says in words stands there.
``make texts`` writes it again, so that another wording is one command and one diff to review.
"""

import contextlib
import dataclasses
import difflib
import fcntl
import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

SNAPSHOT = Path(__file__).with_name("texts.json")
UPDATE = "SEGMENTRY_UPDATE_TEXTS"
"""Set by ``--update-texts``."""

_asked: Counter[str] = Counter()
_found: dict[str, list[Any]] = {}
_TEMPORARY = re.compile(
    # From the start of a word only: else a long one takes the square of its length.
    r"(?<![^\s'\":])[^\s'\":]*pytest-of-[^/\s]+/pytest-\d+"
    r"(?:/popen-gw\d+)?(?:/[\w.-]*?\d+(?=/|\b))?"
)
_ON_SPARK = re.compile(r"(?<=[\[-])spark(?=[\]-])")
"""A test of engines, which give the same texts: those of the first are kept."""
_BY_CHANCE = re.compile(r"(\.segmentry-|\.run\.|/)(?:[0-9a-f]{8}(?=\.)|tmp\w{8}(?=/))")
_OF_AN_ENGINE = re.compile(r"(?<=duckdb )\d+\.\d+\.\d+|(?<=-)[0-9a-f]{12}(?=\.parquet)")
"""Its version, and the digest of a file that it wrote, whose bytes differ between versions."""
_APART = re.compile(r"<(?:script|style|svg)\b.*?</(?:script|style|svg)>", re.DOTALL)
_INLINE = re.compile(r"</?(?:a|abbr|b|code|dfn|em|i|small|span|strong|sub|sup)\b[^>]*>")
_TAG = re.compile(r"<[^>]*>|\n")


def says(found: object) -> None:
    """Compare a text, or a record with texts, with the one that is kept for this test."""
    test, place = _next()
    text = _plain(found)
    if _keep(test, place, text):
        return
    expected = _expected(test, place)
    assert text == expected, f"{text!r}\nis not\n{expected!r}\nIf it may be: make texts"


def shows(page: str | Iterable[str]) -> None:
    """Look for the paragraph, line or item that is kept for this test."""
    test, place = _next()
    blocks = _blocks(page)
    expected = _expected(test, place)
    assert expected is not None, f"no text is kept for {test}: write one like it into {SNAPSHOT}"
    if _keep(test, place, _nearest(expected, blocks)):
        return
    assert any(expected in block for block in blocks) or expected in " ".join(blocks), (
        f"{expected!r}\nis not in\n{chr(10).join(blocks)[:5000]}\nIf it may be: make texts"
    )


@contextlib.contextmanager
def raises_text(kind: type[BaseException]) -> Iterator[pytest.ExceptionInfo[BaseException]]:
    """Expect an error of this kind with the text that is kept for this test."""
    with pytest.raises(kind) as caught:
        yield caught
    says(str(caught.value))


def write_snapshot() -> None:
    """Put what this process found into the file; other workers put theirs."""
    with SNAPSHOT.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kept = json.loads(SNAPSHOT.read_text(encoding="utf-8") or "{}")
        text = json.dumps(kept | _found, ensure_ascii=False, indent=1, sort_keys=True)
        SNAPSHOT.write_text(text + "\n", encoding="utf-8")


def _next() -> tuple[str, int]:
    test = os.environ["PYTEST_CURRENT_TEST"].rpartition(" ")[0].removeprefix("tests/")
    test = _ON_SPARK.sub("duckdb", test)
    place = _asked[test]
    _asked[test] += 1
    return test, place


def _keep(test: str, place: int, text: object) -> bool:
    if not os.environ.get(UPDATE):
        return False
    _found.setdefault(test, [])[place:] = [text]
    return True


def _expected(test: str, place: int) -> Any:
    kept = _snapshot().get(test, [])
    return kept[place] if place < len(kept) else None


_read: dict[str, list[Any]] = {}


def _snapshot() -> Mapping[str, list[Any]]:
    if not _read and SNAPSHOT.exists():
        _read.update(json.loads(SNAPSHOT.read_text(encoding="utf-8")))
    return _read


def _plain(found: object) -> Any:
    """Return a text without paths of this machine; of a record its parts."""
    if found is None or isinstance(found, bool | int | float):
        return found
    if dataclasses.is_dataclass(found) and not isinstance(found, type):
        found = {each.name: getattr(found, each.name) for each in dataclasses.fields(found)}
    if isinstance(found, Mapping):
        return {str(name): _plain(each) for name, each in found.items()}
    if isinstance(found, list | tuple | set | frozenset):
        return [_plain(each) for each in (sorted(found) if isinstance(found, set) else found)]
    text = _BY_CHANCE.sub(r"\1", _TEMPORARY.sub("TMP", str(found)))
    text = _OF_AN_ENGINE.sub("NUMBER", text)
    return text.replace(str(Path(__file__).parents[1]), "HOME")


def _blocks(page: str | Iterable[str]) -> list[str]:
    if not isinstance(page, str):
        return [_plain(each) for each in page]
    text = _INLINE.sub("", _APART.sub("\n", _plain(page)))
    blocks = [" ".join(each.split()) for each in _TAG.split(text)]
    return [each for each in blocks if each]


def _nearest(expected: str, blocks: list[str]) -> str:
    """Return the block that holds the text or is most like it."""
    same = [block for block in blocks if expected in block]
    if same:
        return min(same, key=len)
    return max(
        blocks, key=lambda block: difflib.SequenceMatcher(None, expected, block).ratio(), default=""
    )
