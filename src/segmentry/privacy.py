"""What may be shown of few users: small counts are hidden, and what would give them away."""

import numpy as np
import numpy.typing as npt

from segmentry.schema import UNASSIGNED
from segmentry.schema.arrays import BoolVector, IntVector

_TOO_MUCH = 1 << 60  # users that no rectangle costs


def is_small(n_users: int, *, min_size: int) -> bool:
    """Tell whether a figure on so many users is hidden; on nobody there is nothing to hide.

    >>> [is_small(n_users, min_size=50) for n_users in (0, 1, 49, 50)]
    [False, True, True, False]
    """
    return 0 < n_users < min_size


def rounded_count(n_users: int, *, min_size: int) -> int:
    """Return the multiple of `min_size` nearest to a count of users; of halves the larger one.

    Where a total is published, what is left of it then reveals no single cell.

    >>> [rounded_count(n, min_size=10) for n in (4, 5, 14, 15)]
    [0, 10, 10, 20]
    """
    return (n_users + min_size // 2) // min_size * min_size


def hidden_cells(counts: npt.ArrayLike, *, min_size: int) -> BoolVector:
    """Tell which counts of a line to hide whose total is published.

    Use it for the users of one category or one hour by segment: a figure on these users (a click
    rate, an index) is hidden with their count. `counts`, shape (n_cells,), are users of each cell;
    a user is in one cell at most. Shown are `min_size` users at the fewest; 1 hides nothing.

    Whoever knows the rule, the total and the counts that are left cannot tell that a hidden count
    is below `min_size`. All are hidden where the total itself is below it: then it must be hidden
    too.

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


def hidden_table(counts: npt.ArrayLike, *, min_size: int) -> BoolVector:
    """Tell which counts of a table to hide whose totals by row and by column are published.

    Use it for segments by levels: `counts`, shape (n_rows, n_columns), are users of each cell,
    every user in one. No total is small: small rows are merged by `published_ids`, small columns by
    whoever makes the table. Shown are `min_size` users at the fewest; 1 hides nothing.

    For every small count there is another table with the same totals and the same shown cells in
    which that count is at least `min_size`.

    Raises ValueError if a total is small.

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


def hidden_keys(counts: npt.ArrayLike, *, min_size: int) -> BoolVector:
    """Tell which cells of segments by many keys to hide, where a user may have several keys.

    Use it for what segments were shown: users of categories, hours or placements. The impressions
    of each segment are published, and those of a key among all may be worked out. `counts`, shape
    (n_segments, n_keys), are users of each cell; a user is in one segment. Shown are `min_size`
    users at the fewest; 1 hides nothing. What is left over of a segment's total, or of a key's, is
    never of few users alone.

    Notes
    -----
    As `hidden_table`, for all small cells of a pair of segments by one rectangle. Keys that few
    users have in every segment have no total to be shown, so they need no partner but a key that is
    hidden whole next to them.

    Examples
    --------
    >>> hidden_keys([[900, 60], [12, 70], [300, 0]], min_size=50).tolist()
    [[True, True], [True, True], [False, False]]
    >>> hidden_keys([[900, 60, 9], [400, 70, 0]], min_size=50).tolist()
    [[False, True, True], [False, True, False]]
    """
    table = np.asarray(counts, dtype=np.int64)
    is_small_cell = (table > 0) & (table < min_size)
    is_hidden, is_large = is_small_cell.copy(), table >= min_size
    is_rare = is_small_cell.any(axis=0) & ~is_large.any(axis=0)
    rows = is_small_cell[:, is_rare].any(axis=1)
    if rows.any():
        is_whole = is_large[rows].all(axis=0) & ~is_small_cell.any(axis=0)
        if not is_whole.any():
            return np.ones(table.shape, dtype=bool)
        is_hidden[:, np.where(is_whole, table.sum(axis=0), _TOO_MUCH).argmin()] = True
    for row in np.flatnonzero((is_small_cell & ~is_rare).any(axis=1)):
        columns = np.flatnonzero(is_small_cell[row] & ~is_rare)
        both = np.where(is_large & is_large[row], table + table[row], _TOO_MUCH)
        both[row] = _TOO_MUCH
        other = both.argmin(axis=1)
        cost = both.min(axis=1)[:, None] + np.where(is_large, table, _TOO_MUCH)[:, columns]
        partner = cost.argmin(axis=0)
        if cost.min(axis=0).max() >= _TOO_MUCH:
            return np.ones(table.shape, dtype=bool)
        is_hidden[partner, columns] = True
        is_hidden[row, other[partner]] = is_hidden[partner, other[partner]] = True
    return is_hidden & (table > 0)


def hidden_segments(sizes: npt.ArrayLike, *, min_size: int) -> BoolVector:
    """Tell which sizes of segments to hide, where `published_ids` merges small ones elsewhere.

    With a small segment the largest one is hidden, whose published size holds the small one.
    `sizes` have shape (n_segments,).

    >>> hidden_segments([900, 12, 0, 300], min_size=50).tolist()
    [True, True, False, False]
    """
    line = np.asarray(sizes, dtype=np.int64)
    is_hidden = (line > 0) & (line < min_size)
    if is_hidden.any():
        is_hidden[line.argmax()] = True
    return is_hidden


def hidden_bands(counts: npt.ArrayLike, *, min_size: int) -> IntVector:
    """Tell how many bands of a curve may be shown, of all segments together and of each.

    `counts`, shape (n_segments, n_bands), are users of each segment that got as far as each band; a
    user is in one segment. The answer, shape (1 + n_segments,), is the number of bands from the
    first one on, of all together and of each segment. What is left over of a segment's total, or of
    a band's, is never of few users alone.

    Examples
    --------
    The 9 of the first segment are hidden with the 80 before them, and those of the second with
    them.

    >>> hidden_bands([[400, 80, 9], [300, 90, 70], [900, 500, 400]], min_size=50).tolist()
    [3, 1, 1, 3]
    """
    table = np.asarray(counts, dtype=np.int64)
    n_bands = table.shape[1]
    shown = np.full(1 + table.shape[0], n_bands, dtype=np.int64)
    is_small_cell = (table > 0) & (table < min_size)
    for row in np.flatnonzero(is_small_cell.any(axis=1)):
        start = _tail_start(table[row], is_small_cell[row], min_size)
        small = np.flatnonzero(is_small_cell[row])
        is_partner = (table[:, small] >= min_size).all(axis=1)
        shown[1 + row] = min(shown[1 + row], start)
        if is_partner.any():
            partner = 1 + int(
                np.where(is_partner, table[:, start:].sum(axis=1), _TOO_MUCH).argmin()
            )
            shown[partner] = min(shown[partner], start)
        else:
            shown = np.minimum(shown, start)
    return shown


def _tail_start(line: IntVector, is_small_cell: BoolVector, min_size: int) -> int:
    """Return the first band to hide: from it on there is one of many users as well."""
    first = int(is_small_cell.argmax())
    if (line[first:] >= min_size).any():
        return first
    large = np.flatnonzero(line[:first] >= min_size)
    return int(large[-1]) if large.size else 0


def published_ids(
    segment_ids: IntVector, *, n_segments: int, min_size: int
) -> tuple[IntVector, IntVector]:
    """Put the users of segments that are too small to be shown with those of the largest.

    Every published figure of a segment is worked out on these ids. As no figure is ever shown
    without the few, none can be found by taking away: totals are those of all users.

    `segment_ids`, shape (n_users,), are 1..K, 0 for users that belong to none. With the new ids,
    shape (n_users,), come those of the segments of which nothing is shown: they have no user any
    more.

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
