"""What may be shown of few users: small counts are hidden, and what would give them away."""

import numpy as np
import numpy.typing as npt

from segmentry.schema import UNASSIGNED

__all__ = ["MIN_SIZE", "hidden_cells", "hidden_table", "is_small", "published_ids"]

MIN_SIZE = 50
"""Fewest users on whom a figure or a list is published, unless another number is asked for."""

Counts = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def is_small(n_users: int, *, min_size: int) -> bool:
    """Tell whether a figure on so many users is hidden; on nobody there is nothing to hide.

    Examples
    --------
    >>> [is_small(n_users, min_size=50) for n_users in (0, 1, 49, 50)]
    [False, True, True, False]
    """
    return 0 < n_users < min_size


def hidden_cells(counts: npt.ArrayLike, *, min_size: int) -> Mask:
    """Tell which counts of a line to hide whose total is published.

    Use it for the users of one category or one hour by segment: a figure on these users (a click
    rate, an index) is hidden with their count.

    Parameters
    ----------
    counts : array_like of int, shape (n_cells,)
        Users of each cell; a user is in one cell at most.
    min_size : int
        Fewest users to show; 1 hides nothing.

    Returns
    -------
    ndarray of bool, shape (n_cells,)
        Whoever knows the rule, the total and the counts that are left cannot tell that a hidden
        count is below `min_size`. All are hidden where the total itself is below it: then it must
        be hidden too.

    Notes
    -----
    Primary suppression of small counts, complementary suppression of the smallest other one
    (Hundepool et al. 2012, Statistical Disclosure Control, section 4.4). A count of 0 is shown,
    except where the whole line is hidden.

    Examples
    --------
    >>> hidden_cells([900, 12, 0, 300], min_size=50).tolist()
    [False, True, False, True]
    >>> hidden_cells([30, 30, 0], min_size=50).tolist()
    [True, True, True]
    """
    line = np.asarray(counts, dtype=np.int64)
    is_hidden = (line > 0) & (line < min_size)
    if not is_hidden.any():
        return is_hidden
    large = np.flatnonzero(line >= min_size)
    if not large.size:
        return np.ones(line.size, dtype=bool)
    is_hidden[large[np.argmin(line[large])]] = True
    return is_hidden


def hidden_table(counts: npt.ArrayLike, *, min_size: int) -> Mask:
    """Tell which counts of a table to hide whose totals by row and by column are published.

    Use it for segments by levels: every user is in one cell.

    Parameters
    ----------
    counts : array_like of int, shape (n_rows, n_columns)
        Users of each cell. No total is small: small rows are merged by `published_ids`, small
        columns by whoever makes the table.
    min_size : int
        Fewest users to show; 1 hides nothing.

    Returns
    -------
    ndarray of bool, shape (n_rows, n_columns)
        For every small count there is another table with the same totals and the same shown
        cells in which that count is at least `min_size`.

    Raises
    ------
    ValueError
        If a total is small.

    Notes
    -----
    Hypercube method (Repsilber 1994; Giessing 2003): with a small cell (r, c) are hidden (r, c'),
    (r', c) and (r', c'), where (r, c') and (r', c) hold at least `min_size` users, so that as many
    may be moved around the rectangle. Of all rectangles the one is taken that hides the fewest
    users more; where there is none, the whole table is hidden.

    Examples
    --------
    >>> hidden_table([[400, 9, 91], [300, 80, 70], [900, 60, 500]], min_size=50).tolist()
    [[False, True, True], [False, True, True], [False, False, False]]
    """
    table = np.asarray(counts, dtype=np.int64)
    totals = np.concatenate([table.sum(axis=0), table.sum(axis=1)])
    if ((totals > 0) & (totals < min_size)).any():
        raise ValueError(f"a total is below {min_size}: merge that row or column first")
    is_small_cell = (table > 0) & (table < min_size)
    is_hidden = is_small_cell.copy()
    for row, column in np.argwhere(is_small_cell):
        rows = np.flatnonzero(table[:, column] >= min_size)
        columns = np.flatnonzero(table[row] >= min_size)
        if not rows.size or not columns.size:
            return np.ones(table.shape, dtype=bool)
        cost = np.where(is_hidden, 0, table + 1)
        lost = cost[rows, column][:, None] + cost[row, columns] + cost[np.ix_(rows, columns)]
        other_row, other_column = np.unravel_index(np.argmin(lost), lost.shape)
        corner = (rows[other_row], columns[other_column])
        is_hidden[corner[0], column] = is_hidden[row, corner[1]] = is_hidden[corner] = True
    return is_hidden


def published_ids(segment_ids: Counts, *, n_segments: int, min_size: int) -> tuple[Counts, Counts]:
    """Put the users of segments that are too small to be shown with those of the largest.

    Every published figure of a segment is worked out on these ids. As no figure is ever shown
    without the few, none can be found by taking away: totals are those of all users.

    Parameters
    ----------
    segment_ids : ndarray of int, shape (n_users,)
        1..K, 0 for users that belong to none.
    n_segments : int
    min_size : int

    Returns
    -------
    ids : ndarray of int, shape (n_users,)
        The same but for users of small segments, who have the id of the largest.
    withheld : ndarray of int
        Ids of the segments of which nothing is shown. They have no user in `ids`.

    Notes
    -----
    Merging rows is the table redesign of Hundepool et al. (2012, section 4.3); the largest segment
    is the one whose figures change least by it.

    Examples
    --------
    >>> ids, withheld = published_ids(np.array([1, 1, 1, 2, 0, 3, 3]), n_segments=3, min_size=2)
    >>> ids.tolist(), withheld.tolist()
    ([1, 1, 1, 1, 0, 3, 3], [2])
    """
    sizes = np.bincount(segment_ids[segment_ids != UNASSIGNED], minlength=n_segments + 1)[1:]
    withheld = np.flatnonzero((sizes > 0) & (sizes < min_size)) + 1
    if not withheld.size:
        return segment_ids, withheld
    largest = int(np.argmax(sizes)) + 1
    withheld = withheld[withheld != largest]
    return np.where(np.isin(segment_ids, withheld), largest, segment_ids), withheld
