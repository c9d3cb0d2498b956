"""What `--strict` forbids: rows that were rejected."""

from collections.abc import Iterable

from segmentry.errors import DataError
from segmentry.schema import RowAccount

__all__ = ["refuse_rejections"]


def refuse_rejections(accounts: Iterable[RowAccount]) -> None:
    """Refuse tables of which rows were rejected.

    Raises
    ------
    DataError
        With all of them, and why.
    """
    bad = [
        f"{account.role}: {n:,} {reason}"
        for account in accounts
        for reason, n in account.rejected.items()
    ]
    if bad:
        raise DataError(f"--strict: rows were rejected ({'; '.join(bad)}); mend the files")
