"""A summary as JSON, and back."""

from pathlib import Path

from segmentry.results.summary._model import Summary
from segmentry.runtime.codec import Codec

_CODEC = Codec(
    Summary,
    what="summary",
    version=2,
    version_key="schema_version",
    remedy="run it again",
    expected="a run folder of segmentry run",
    written_by=("repeat", "segmentry_version"),
)
render_summary_json = _CODEC.render
parse_summary = _CODEC.parse


def read_summary(run_dir: Path) -> Summary:
    """Read the ``summary.json`` of a run folder.

    Raises
    ------
    BundleError
        If the folder holds none, or one of another version.
    """
    return _CODEC.read(run_dir / "summary.json")
