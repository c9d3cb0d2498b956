"""Whether a window, and a history, follow an earlier run."""

from pathlib import Path

from segmentry.errors import BundleError, DataError
from segmentry.formats import moment, period
from segmentry.lifecycle.history import History, Refreshed
from segmentry.lifecycle.keys import SegmentKeys
from segmentry.schema import Window


def check_follows(earlier: Window, new: Window, *, is_chosen: bool) -> None:
    """Refuse a window that does not begin where the earlier one ends.

    A gap is allowed where the window was chosen (`is_chosen`): the last 28 days of each month leave
    one.

    Raises DataError.

    >>> may, july = Window(start=0, end=86400), Window(start=2 * 86400, end=3 * 86400)
    >>> check_follows(may, july, is_chosen=True)
    >>> check_follows(may, may, is_chosen=True)
    Traceback (most recent call last):
    ...
    segmentry.errors.DataError: the data are of 1 January 1970, and so are those of the earlier \
run; expected a later window; give the data of the days after it
    """
    ours, theirs = _when(new), _when(earlier)
    if new.utc_offset_hours != earlier.utc_offset_hours:
        raise DataError(
            f"the clock of these data is {new.utc_offset_hours:+g} hours from UTC, that of the "
            f"earlier run {earlier.utc_offset_hours:+g}; expected one clock, or days are cut "
            "elsewhere; set utc_offset_hours of the mapping as it was"
        )
    if (new.start, new.end) == (earlier.start, earlier.end):
        raise DataError(
            f"the data are of {ours}, and so are those of the earlier run; expected a later "
            "window; give the data of the days after it"
        )
    if new.start < earlier.start:
        raise DataError(
            f"the data are of {ours}, before those of the earlier run, {theirs}; expected a later "
            "window; refresh in the order of time"
        )
    if new.start < earlier.end:
        next_day = moment(earlier.end, utc_offset_hours=earlier.utc_offset_hours)[:10]
        raise DataError(
            f"the data are of {ours} and overlap those of the earlier run, {theirs}; expected days "
            f"after it; give --since {next_day}"
        )
    if new.start > earlier.end and not is_chosen:
        raise DataError(
            f"the data are of {ours} and leave a gap to those of the earlier run, {theirs}; "
            "expected the days after it; add the missing days, or give --since where there are none"
        )


def check_history(
    history: History, folder: Path, keys: SegmentKeys, earlier: Window, *, run: str
) -> None:
    """Refuse a history that does not end with the earlier run.

    Raises BundleError.
    """
    if history.refreshes is None:
        return
    last = history.refreshes.runs[-1]
    if history.refreshes.segmentation != keys.segmentation:
        raise BundleError(
            f"{folder}: the history of another segmentation, last of run {last.run}; expected that "
            f"of {run}; give its folder, or another one to begin a new history"
        )
    if (last.start, last.end, last.keys) != (earlier.start, earlier.end, keys.keys):
        raise BundleError(
            f"{folder}: the history ends with run {last.run}, {_when(last)}; found {run}, "
            f"{_when(earlier)}; refresh the run that it ends with"
        )


def _when(window: Window | Refreshed) -> str:
    return period(window.start, window.end, utc_offset_hours=window.utc_offset_hours)
