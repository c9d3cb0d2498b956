"""A summary as JSON, and back."""

from pathlib import Path

from segmentry.errors import BundleError
from segmentry.results.summary._model import SCHEMA_VERSION, Summary


def render_summary_json(summary: Summary) -> str:
    """Return the summary as indented JSON, ending with a new line.

    Raises
    ------
    ValueError
        If a number is not finite: NaN is never written.
    """
    import json
    from dataclasses import asdict

    return json.dumps(asdict(summary), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def parse_summary(text: str, *, source: str) -> Summary:
    """Read a summary back from JSON.

    Parameters
    ----------
    text : str
        The JSON.
    source : str
        Where it came from, for messages.

    Raises
    ------
    BundleError
        If it is no summary, or one of another schema version.

    Examples
    --------
    >>> parse_summary('{"schema_version": 99}', source="x/summary.json")
    Traceback (most recent call last):
    ...
    segmentry.errors.BundleError: x/summary.json: schema version 99, but this segmentry reads \
version 1; run it again with this version
    """
    import json

    from pydantic import TypeAdapter, ValidationError

    try:
        found = json.loads(text, parse_constant=_refuse).get("schema_version")
    except (ValueError, AttributeError) as error:
        raise BundleError(f"{source}: not a summary: {error}; run it again") from error
    if found != SCHEMA_VERSION:
        raise BundleError(
            f"{source}: schema version {found}, but this segmentry reads version "
            f"{SCHEMA_VERSION}; run it again with this version"
        )
    try:
        return TypeAdapter(Summary).validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BundleError(f"{source}: {where}: {first['msg']}; run it again") from error


def _refuse(constant: str) -> None:
    """Refuse NaN and the infinities, which are never written."""
    raise ValueError(f"{constant} is no number")


def read_summary(run_dir: Path) -> Summary:
    """Read the ``summary.json`` of a run folder.

    Raises
    ------
    BundleError
        If the folder holds none, or one of another version.
    """
    path = run_dir / "summary.json"
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        reason = error.strerror or str(error)
        raise BundleError(f"{path}: {reason}; expected a run folder of segmentry run") from error
    return parse_summary(text, source=str(path))
