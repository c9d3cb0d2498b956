"""JSON and TOML that may come from anybody: read within bounds, of finite numbers alone."""

import json
import math
import re
import tomllib
from pathlib import Path
from typing import Any

from segmentry.errors import ConfigError

MAX_JSON_BYTES = 1 << 26
_MAX_TOML_BYTES = 1 << 20
_MAX_DIGITS = 19
_MAX_DEPTH = 50
_LONGEST_SHOWN = 200
_DEEP_KEY = re.compile(
    rf"""(?<![\w-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){{{_MAX_DEPTH}}}"""
)
"""A key such as ``a.b.c`` of more parts: reading it takes memory by the square of their number."""


def read_text(file: Path, *, max_bytes: int) -> str:
    """Return the text of a file without its byte-order mark.

    Raises OSError if it cannot be read, ValueError if it is longer or not UTF-8.
    """
    with file.open("rb") as stream:
        content = stream.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise ValueError(f"more than {max_bytes >> 20} MB")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 text: {error.reason} at byte {error.start:,}") from error


def parse_json(text: str) -> Any:
    """Return what a text of JSON holds.

    Raises ValueError if it is not JSON, nested too deeply, or has a number that is not finite or a
    whole one of more than 64 bits.

    >>> parse_json('{"a": 1e999}')
    Traceback (most recent call last):
    ...
    ValueError: 1e999 is not a finite number
    """
    if not text.strip():
        raise ValueError("it is empty")
    try:
        return json.loads(text, parse_constant=_finite, parse_float=_finite, parse_int=_whole)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def read_toml(file: Path, *, advice: str) -> dict[str, Any]:
    """Read a file of settings.

    Raises ConfigError as `parse_toml`, or if it cannot be read; `advice` ends the message.

    >>> read_toml(Path("nowhere.toml"), advice="check --config")
    Traceback (most recent call last):
    ...
    segmentry.errors.ConfigError: nowhere.toml: No such file or directory; check --config
    """
    try:
        text = read_text(file, max_bytes=_MAX_TOML_BYTES)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"{file}: {reason}; {advice}") from error
    return parse_toml(text, origin=str(file), advice=advice)


def parse_toml(text: str, *, origin: str, advice: str = "") -> dict[str, Any]:
    """Return what a text of TOML holds.

    Raises ConfigError, after `origin`, if it is not TOML, nested too deeply, or has a number as
    `parse_json` refuses them.
    """
    try:
        if _DEEP_KEY.search(text):
            raise RecursionError
        content = tomllib.loads(text, parse_float=_finite)
        _check(content)
    except (ValueError, RecursionError) as error:
        reason = f"{error}".partition(";")[0][:_LONGEST_SHOWN]
        if isinstance(error, RecursionError):
            reason = "nested too deeply"
        elif isinstance(error, tomllib.TOMLDecodeError):
            reason = f"not TOML: {reason}"
        raise ConfigError(f"{origin}: {reason}" + (advice and f"; {advice}")) from error
    return content


def _check(content: object) -> None:
    """Refuse depth and whole numbers that no file of ours needs; level by level: it may be deep."""
    level = [content]
    for _ in range(_MAX_DEPTH):
        below: list[object] = []
        for each in level:
            if isinstance(each, dict):
                below += each.values()
            elif isinstance(each, list):
                below += each
            elif isinstance(each, int):
                _whole(str(each))
        if not below:
            return
        level = below
    raise RecursionError


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:_LONGEST_SHOWN]} is not a finite number")
    return number


def _whole(text: str) -> int:
    if len(text) <= _MAX_DIGITS + 1:
        number = int(text)
        if -(2**63) <= number < 2**63:
            return number
    raise ValueError(f"a number of {len(text)} digits; expected at most 64 bits")
