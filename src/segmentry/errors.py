"""What can go wrong, by what the reader of the message has to fix.

Every message says what was wrong, what was found, what was expected and what to do. The command
line prints a `SegmentryError` as one line and exits with 2; anything else is our bug.
"""

import re

_LONGEST = 4000
_CONTROL = re.compile(r"[\s\x00-\x1f\x7f-\x9f\ud800-\udfff]+")


class SegmentryError(Exception):
    r"""Base of every error that the user can fix.

    Its message is one line that a terminal shows as it is, whatever a name in the data holds.

    >>> print(DataError("a.csv: no column 'x\n\x1b[2J'"))
    a.csv: no column 'x [2J'
    """

    def __init__(self, message: str = "") -> None:
        line = _CONTROL.sub(" ", message)
        super().__init__(line if len(line) <= _LONGEST else f"{line[:_LONGEST]} …")


class DataError(SegmentryError):
    """The input data cannot be used as it is."""


class SchemaError(DataError):
    """A file lacks a column, or a column is not of the expected type."""


class EmptyDataError(DataError):
    """There are no rows left to work on."""


class ConfigError(SegmentryError):
    """An option or a setting has a value that makes no sense."""


class SelectionError(SegmentryError):
    """The requested number of segments cannot be formed from these users."""


class BundleError(SegmentryError):
    """A saved run or model cannot be read, or is of another schema version."""


class OutputError(SegmentryError):
    """The output cannot be written where it was requested."""


class EngineError(SegmentryError):
    """An engine failed while reading, collecting or writing.

    Parameters
    ----------
    engine : str
        Name of the engine.
    step : str
        What it was doing, in words.
    cause : str
        The engine's own message, on one line.

    Examples
    --------
    >>> print(EngineError(engine="duckdb", step="reading raw_sample.csv", cause="disk full"))
    duckdb failed while reading raw_sample.csv: disk full
    """

    def __init__(self, *, engine: str, step: str, cause: str) -> None:
        super().__init__(f"{engine} failed while {step}: {cause}")
        self.engine = engine
        self.step = step
        self.cause = cause


class MissingExtraError(SegmentryError):
    """An optional library is not installed."""
