"""Files that are whole or absent: written under temporary names, renamed together at the end."""

import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from segmentry.errors import OutputError

LOG, PROFILES, ADS = "raw_sample.csv", "user_profile.csv", "ad_feature.csv"
BEHAVIOUR_LOG, TRUTH = "behavior_log.csv", "planted_truth.parquet"
NAMES = (LOG, PROFILES, ADS, BEHAVIOUR_LOG, TRUTH)


@contextmanager
def staged(directory: Path, names: Iterable[str]) -> Iterator[dict[str, Path]]:
    """Yield a temporary path for each name; on success these replace all generated files.

    Files of an earlier generation go, so that no old behaviour log lies next to a new ad log. On
    failure the temporary files are removed and the folder stays as it was.

    Raises OutputError if the folder cannot be made, or holds such files that this generator did not
    write.
    """
    is_new = not directory.exists()
    _check(directory)
    token = secrets.token_hex(8)
    temporary = {name: directory / f".{name}.{token}.partial" for name in names}
    try:
        yield temporary
        for name in set(NAMES) - set(temporary):
            (directory / name).unlink(missing_ok=True)
        for name, path in temporary.items():
            path.replace(directory / name)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(
            f"{directory}: cannot be written: {reason}; choose another folder"
        ) from error
    finally:
        for path in temporary.values():
            path.unlink(missing_ok=True)
        if is_new and not any(directory.iterdir()):
            directory.rmdir()


def append_csv(rows: pl.DataFrame, path: Path, *, null: str = "") -> None:
    """Append rows to a CSV file; the header goes before the first rows."""
    with path.open("ab") as file:
        rows.write_csv(file, include_header=file.tell() == 0, null_value=null)


def remove_generated(directory: Path) -> None:
    """Remove the files of an earlier generation, and their folder if nothing else is in it."""
    if not (directory / TRUTH).exists():
        return
    for name in NAMES:
        (directory / name).unlink(missing_ok=True)
    if not any(directory.iterdir()):
        directory.rmdir()


def _check(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{directory}: cannot make this folder ({error.strerror}); name another one"
        ) from error
    foreign = [name for name in NAMES if (directory / name).exists()]
    if foreign and TRUTH not in foreign:
        raise OutputError(
            f"{directory}: found {', '.join(foreign)} but no {TRUTH}, so these files were not "
            "generated and would be lost; name another folder"
        )
