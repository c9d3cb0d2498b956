"""The CDNOW sample as users: repeat purchases by day, and their value."""

import datetime as dt
from collections import defaultdict

import numpy as np


def cdnow_users(folder, *, until=dt.date(1997, 9, 30)):
    """Return of each user the repeats, weeks to the last, weeks in all, and their mean value.

    Purchases of one day are one, as in Fader, Hardie and Lee (2005).
    """
    spent = defaultdict(lambda: defaultdict(float))
    for line in (folder / "cdnow/CDNOW_sample.txt").read_text().splitlines():
        user, _, day, _, amount = line.split()
        spent[user][dt.datetime.strptime(day, "%Y%m%d").date()] += float(amount)
    rows = []
    for days in spent.values():
        first = min(days)
        repeats = [day for day in days if first < day <= until]
        last = max(repeats, default=first)
        values = [days[day] for day in repeats]
        mean = float(np.mean(values)) if values else 0.0
        rows.append((len(repeats), (last - first).days / 7, (until - first).days / 7, mean))
    return (np.array(column) for column in zip(*rows, strict=True))
