"""Keys: equal for equal runs, never given twice."""

import numpy as np

from segmentry.lifecycle.keys import carried_keys, first_keys
from segmentry.schema import Window

DAY = 86_400
MAY = Window(start=0, end=30 * DAY)


def test_keys_depend_on_seed_window_and_sizes():
    first = first_keys(seed=0, window=MAY, sizes=(70, 30))

    others = [
        first_keys(seed=1, window=MAY, sizes=(70, 30)),
        first_keys(seed=0, window=Window(start=0, end=31 * DAY), sizes=(70, 30)),
        first_keys(seed=0, window=MAY, sizes=(69, 31)),
    ]

    assert first == first_keys(seed=0, window=MAY, sizes=(70, 30))
    assert len({each.segmentation for each in (first, *others)}) == 4


def test_no_key_is_given_twice_in_twenty_years_of_refits():
    rng = np.random.default_rng(3)
    now = first_keys(seed=0, window=MAY, sizes=(1,) * 8)
    given, n_born = set(now.keys), 0
    for month in range(1, 241):
        n_new = int(rng.integers(1, 12))
        n_kept = int(rng.integers(0, min(len(now.keys), n_new) + 1))
        old, new = (rng.permutation(n)[:n_kept] + 1 for n in (len(now.keys), n_new))
        window = Window(start=month * 30 * DAY, end=(month + 1) * 30 * DAY)

        after = carried_keys(
            now, dict(zip(old, new, strict=True)), parents=((),) * n_new, window=window
        )

        assert all(after.keys[j - 1] == now.keys[i - 1] for i, j in zip(old, new, strict=True))
        born = set(after.keys) - set(now.keys)
        assert not born & given
        assert set(after.retired) == given - set(after.keys)
        given |= born
        n_born += len(born)
        now = after
    assert len(given) == 8 + n_born
