"""Numbers as people read them: one way of writing each kind, in figures and in the report.

A missing value is always an en dash, a minus is a true minus, a unit is held to its number by a
space that does not break.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from html import escape

from segmentry.schema import OF_CLICKS, Estimate, Outcome, UtcOffset

MISSING = "–"
_NBSP = "\u00a0"
_MINUS = "−"
_MILLION = 1_000_000


def count(value: float | None) -> str:
    """Write a whole number with separators.

    >>> count(1061768), count(None)
    ('1,061,768', '–')
    """
    return MISSING if value is None else f"{value:,.0f}".replace("-", _MINUS)


def decimal(value: float | None, *, digits: int = 2) -> str:
    """Write a number with a fixed number of decimals.

    >>> decimal(-0.5), decimal(1234.567, digits=1), decimal(None)
    ('−0.50', '1,234.6', '–')
    """
    if value is None:
        return MISSING
    text = f"{value:,.{digits}f}"
    is_zero = not text.strip("-0.,")
    return text.lstrip("-") if is_zero else text.replace("-", _MINUS)


def decimal_under(value: float, limit: float) -> str:
    """Write a number with two decimals, or with as many as show that it is below a limit.

    >>> decimal_under(0.748, 0.75), decimal_under(0.74996, 0.75), decimal_under(0.752, 0.75)
    ('0.748', '0.74996', '0.75')
    """
    digits = 2
    while value < limit <= float(f"{value:.{digits}f}"):
        digits += 1
    return decimal(value, digits=digits)


def score(value: float | None) -> str:
    """Write a score without an upper limit: small ones keep a decimal.

    >>> score(12.34), score(84310.2), score(None)
    ('12.3', '84,310', '–')
    """
    return decimal(value, digits=1) if value is not None and abs(value) < 1000 else count(value)


def signed(value: float | None, *, digits: int = 1) -> str:
    """Write a difference: its sign is always there, but for zero.

    >>> signed(2.13), signed(-0.4), signed(0.01), signed(None)
    ('+2.1', '−0.4', '0.0', '–')
    """
    text = decimal(value, digits=digits)
    is_plus = value is not None and value > 0 and bool(text.strip("0.,"))
    return f"+{text}" if is_plus else text


def change(value: float | None) -> str:
    """Write a relative change as a percentage with its sign.

    >>> change(0.0213).replace(chr(160), " "), change(None)
    ('+2.1 %', '–')
    """
    return MISSING if value is None else f"{signed(value * 100)}{_NBSP}%"


def percent(value: float | None, *, digits: int = 1) -> str:
    """Write a share as a percentage.

    >>> percent(0.382).replace(chr(160), " "), percent(None)
    ('38.2 %', '–')
    """
    return MISSING if value is None else f"{decimal(value * 100, digits=digits)}{_NBSP}%"


def percent_under_all(value: float) -> str:
    """Write a share in whole percent, which reads as nothing or all only where it is that.

    >>> [percent_under_all(share).replace(chr(160), " ") for share in (0, 0.004, 0.61, 0.997, 1)]
    ['0 %', 'under 1 %', '61 %', 'over 99 %', '100 %']
    """
    text = percent(value, digits=0)
    if 0 < value < 0.005:
        return f"under 1{_NBSP}%"
    return f"over 99{_NBSP}%" if text == percent(1, digits=0) and value < 1 else text


def rate(value: float | None) -> str:
    """Write a click rate: a percentage with two decimals.

    >>> rate(0.05144).replace(chr(160), " ")
    '5.14 %'
    """
    return percent(value, digits=2)


def points(value: float | None) -> str:
    """Write a difference of click rates in percentage points.

    >>> points(0.0012).replace(chr(160), " "), points(None)
    ('0.12 points', '–')
    """
    return MISSING if value is None else f"{decimal(value * 100)}{_NBSP}points"


def writer_of(outcome: Outcome) -> Callable[[float | None], str]:
    """Return what writes a rate of an outcome: a percentage of clicks, else so much per days.

    >>> visits = Outcome("events", "visit", "visits", "days with a visit per user in 30 days", 30)
    >>> writer_of(visits)(0.0041)
    '0.123'
    """
    if outcome.kind == "clicks":
        return rate
    digits = 2 if outcome.kind == "value" else 3

    def write(value: float | None) -> str:
        return MISSING if value is None else decimal(value * outcome.n_days, digits=digits)

    return write


def compact(value: float | None) -> str:
    """Write a large number in thousands or millions.

    >>> [compact(v).replace(chr(160), " ") for v in (26557961, 84310, 812)]
    ['26.6 M', '84.3 k', '812']
    """
    if value is None:
        return MISSING
    if abs(value) >= _MILLION:
        return f"{decimal(value / _MILLION, digits=1)}{_NBSP}M"
    if abs(value) >= 10_000:
        return f"{decimal(value / 1000, digits=1)}{_NBSP}k"
    return count(value)


def thousandfold(value: float | None, *, digits: int = 3) -> str:
    """Write what stands for one, such as nats per impression, for a thousand.

    >>> thousandfold(0.0123), thousandfold(None)
    ('12.300', '–')
    """
    return decimal(None if value is None else value * 1000, digits=digits)


def interval(
    estimate: Estimate, write: Callable[..., str] = decimal, *, digits: int | None = None
) -> str:
    """Write the limits of an estimate by the function that writes its value.

    >>> interval(Estimate(value=0.05, low=0.04, high=0.06), rate).replace(chr(160), " ")
    '4.00 % to 6.00 %'
    >>> interval(Estimate(value=0.05, low=0.04, high=0.06), percent, digits=0).replace(chr(160), "")
    '4% to 6%'
    >>> interval(Estimate(value=0.05, low=None, high=None))
    '–'
    """
    if estimate.low is None or estimate.high is None:
        return MISSING
    options = {} if digits is None else {"digits": digits}
    return f"{write(estimate.low, **options)} to {write(estimate.high, **options)}"


def bracketed(
    estimate: Estimate, write: Callable[..., str] = decimal, *, digits: int | None = None
) -> str:
    """Write an estimate with its limits in brackets, where they are known and do not round to it.

    >>> bracketed(Estimate(value=1.2, low=1.0, high=1.4))
    '1.20 (1.00 to 1.40)'
    >>> bracketed(Estimate(value=1.2, low=1.199, high=1.201))
    '1.20'
    """
    value, limits = _parts(estimate, write, digits)
    return f"{value} ({limits})" if limits else value


def stacked(
    estimate: Estimate, write: Callable[..., str] = decimal, *, digits: int | None = None
) -> str:
    r"""Write an estimate with its limits, where they are known, on a line below.

    >>> stacked(Estimate(value=1.2, low=1.0, high=1.4))
    '1.20\n1.00 to 1.40'
    """
    value, limits = _parts(estimate, write, digits)
    return f"{value}\n{limits}" if limits else value


def _parts(estimate: Estimate, write: Callable[..., str], digits: int | None) -> tuple[str, str]:
    """Write the value and the limits of an estimate; these are empty where they say no more."""
    options = {} if digits is None else {"digits": digits}
    value, *ends = (write(e, **options) for e in (estimate.value, estimate.low, estimate.high))
    limits = interval(estimate, write, digits=digits)
    return value, "" if limits == MISSING or ends == [value, value] else limits


def rate_with_limits(estimate: Estimate, outcome: Outcome = OF_CLICKS) -> str:
    """Write a rate with its limits, where they are known and do not round to the rate.

    >>> rate_with_limits(Estimate(value=0.05, low=0.04, high=0.06)).replace(chr(160), " ")
    '5.00 % (4.00–6.00)'
    """
    write = writer_of(outcome)
    if estimate.low is None or estimate.high is None or write(estimate.low) == write(estimate.high):
        return write(estimate.value)
    low, high = (write(each).removesuffix(f"{_NBSP}%") for each in (estimate.low, estimate.high))
    return f"{write(estimate.value)} ({low}–{high})"


def listed(words: Sequence[str], *, last: str = "and") -> str:
    """Write words as a sentence lists them.

    >>> listed(["Monday", "Tuesday", "Friday"], last="or")
    'Monday, Tuesday or Friday'
    """
    return f" {last} ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def moment(seconds: float, *, utc_offset_hours: UtcOffset) -> str:
    """Write epoch seconds as a local date and time.

    >>> moment(1494000000, utc_offset_hours=8)
    '2017-05-06 00:00'
    """
    zone = timedelta(hours=utc_offset_hours)
    return (datetime.fromtimestamp(seconds, tz=UTC) + zone).strftime("%Y-%m-%d %H:%M")


def utc(offset_hours: UtcOffset) -> str:
    """Name a local clock.

    >>> utc(8), utc(-3.5), utc(0)
    ('UTC+8', 'UTC-3:30', 'UTC+0')
    """
    minutes = round(abs(offset_hours) * 60)
    part = f":{minutes % 60:02}" if minutes % 60 else ""
    return f"UTC{'-' if offset_hours < 0 else '+'}{minutes // 60}{part}"


def day(seconds: float, *, utc_offset_hours: UtcOffset) -> str:
    """Write epoch seconds as a local day in words.

    >>> day(1494000000, utc_offset_hours=8)
    '6 May 2017'
    """
    zone = timedelta(hours=utc_offset_hours)
    local = datetime.fromtimestamp(seconds, tz=UTC) + zone
    return f"{local.day} {local:%B %Y}"


def period(start: float, end: float, *, utc_offset_hours: UtcOffset) -> str:
    """Write the local days from one moment to before another; what they share is said once.

    >>> period(1494000000, 1494432000, utc_offset_hours=8)
    '6 to 10 May 2017'
    >>> period(1493568000, 1494000001, utc_offset_hours=8)
    '1 to 6 May 2017'
    >>> period(1493481600, 1493654400, utc_offset_hours=8)
    '30 April to 1 May 2017'
    >>> period(1494000000, 1494086400, utc_offset_hours=8)
    '6 May 2017'
    """
    first = day(start, utc_offset_hours=utc_offset_hours)
    last = day(end - 1, utc_offset_hours=utc_offset_hours)
    if first == last:
        return last
    words = first.split()
    while words[-1:] == last.split()[len(words) - 1 : len(words)]:
        words.pop()
    return f"{' '.join(words)} to {last}"


def feature_value(
    value: float | None, *, kind: str, unit: str = "", utc_offset_hours: UtcOffset = 0
) -> str:
    """Write a value of a feature in raw units, as its kind asks for; rates of clicks in percent.

    >>> feature_value(23.26, kind="count"), feature_value(1494000000.0, kind="time")
    ('23.3', '2017-05-05 16:00')
    >>> feature_value(0.0514, kind="rate").replace(chr(160), " ")
    '5.14 %'
    >>> feature_value(3.26, kind="rate", unit="impressions per half hour")
    '3.26'
    """
    if value is None:
        return MISSING
    if kind == "rate" and (not unit or unit.startswith("clicks")):
        return rate(value)
    if kind == "share":
        return percent(value)
    if kind == "time":
        return moment(value, utc_offset_hours=utc_offset_hours)
    if abs(value) >= 10_000:
        return count(value)
    return decimal(value, digits=2 if kind == "entropy" or 0 < abs(value) < 10 else 1)


_CELL = "text-align: left; padding: 0.15em 0.8em 0.15em 0"


def html_table(
    heads: Sequence[str], rows: Iterable[Sequence[str]], *, bold: Sequence[bool] = ()
) -> str:
    """Return a table for notebooks: escaped, styled in place, without scripts.

    >>> html_table(["K"], [["<2>"]]).count("&lt;2&gt;")
    1
    """
    head = "".join(f'<th scope="col" style="{_CELL}">{escape(each)}</th>' for each in heads)
    body = ""
    for i, row in enumerate(rows):
        weight = "; font-weight: bold" if i < len(bold) and bold[i] else ""
        cells = "".join(f'<td style="{_CELL}{weight}">{escape(each)}</td>' for each in row)
        body += f"<tr>{cells}</tr>"
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
