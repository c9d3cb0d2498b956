"""The numbers of segments to try."""

_MOST_NUMBERS = 100


def numbers_to_try(k_range: str | tuple[int, int]) -> tuple[int, ...]:
    """Read ``"2:10"``, or the pair ``(2, 10)``, as 2, 3, ... 10, both ends included.

    Raises
    ------
    ValueError
        If it is no rising range of at most 100 whole numbers from 1 on.

    Examples
    --------
    >>> numbers_to_try("2:5"), numbers_to_try((2, 3)), numbers_to_try("7")
    ((2, 3, 4, 5), (2, 3), (7,))
    """
    try:
        if isinstance(k_range, str):
            low, colon, high = k_range.partition(":")
            numbers = range(int(low), int(high if colon else low) + 1)
        else:
            first, last = k_range
            numbers = range(first, last + 1)
    except (ValueError, TypeError):
        numbers = range(0)
    if not numbers or numbers[0] < 1:
        raise ValueError(f"found {k_range!r}, expected two rising whole numbers such as 2:10")
    if len(numbers) > _MOST_NUMBERS:
        raise ValueError(
            f"found {k_range!r}, expected at most {_MOST_NUMBERS} numbers; each is a clustering to "
            "fit"
        )
    return tuple(numbers)
