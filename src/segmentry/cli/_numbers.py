"""Numbers as people write them on a command line."""

from collections.abc import Sequence

from segmentry.errors import ConfigError


def parse_share(text: str, *, option: str) -> float:
    """Return a share that is written as ``5%`` or ``0.05``.

    >>> parse_share("5%", option="--mde"), parse_share("0.05", option="--mde")
    (0.05, 0.05)
    """
    number = text.strip().removesuffix("%").strip()
    try:
        value = float(number)
    except ValueError:
        value = float("nan")
    if not 0 <= value < float("inf"):
        raise ConfigError(f"{option} {text}: expected a share, as 5% or 0.05")
    return value / 100 if text.strip().endswith("%") else value


def parse_ids(text: str, *, option: str) -> tuple[int, ...]:
    """Return segment ids that are written as ``1,3``.

    >>> parse_ids("1, 3", option="--segment")
    (1, 3)
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not words or not all(word.isdigit() for word in words):
        raise ConfigError(f"{option} {text}: expected numbers of segments, as 1 or 1,3")
    return tuple(dict.fromkeys(int(word) for word in words))


def parse_pairs(texts: Sequence[str], *, option: str) -> dict[int, float]:
    """Return shares by segment that are written as ``1=10%``, several apart by commas or options.

    >>> parse_pairs(["1=0.1,2=5%"], option="--floor")
    {1: 0.1, 2: 0.05}
    """
    found: dict[int, float] = {}
    for pair in (part for text in texts for part in text.split(",") if part.strip()):
        segment, is_pair, share = pair.partition("=")
        if not is_pair or not segment.strip().isdigit():
            raise ConfigError(f"{option} {pair}: expected SEGMENT=SHARE, as 1=10%")
        found[int(segment)] = parse_share(share, option=f"{option} {segment.strip()}")
    return found


def parse_ratio(text: str) -> tuple[float, float]:
    """Return the two parts of a ratio that is written as ``1:1``.

    >>> parse_ratio("9:1")
    (9.0, 1.0)
    """
    try:
        control, treatment = (float(part) for part in text.split(":"))
    except ValueError:
        control = treatment = float("nan")
    if not (0 < control < float("inf") and 0 < treatment < float("inf")):
        raise ConfigError(f"--ratio {text}: expected control:treatment, as 1:1 or 9:1")
    return control, treatment
