"""What is odd about the data is told where the segments are read."""

import pytest
from tests.pipeline.runs import outcome_of
from tests.reads import write_taobao
from tests.texts import shows

MIDNIGHT, DAY = 1_494_000_000, 86_400
ROWS = [
    (user, MIDNIGHT + day * DAY + user, 1, "p", 1 - (user % 3 == 0), int(user % 3 == 0))
    for user in range(1, 101)
    for day in range(1 + user % 4)
]
FEW = {"k": 2, "k_range": "2:2", "min_size": 1}


def warnings_of(tmp_path, rows, profiles=None):
    tables = {} if profiles is None else {"profiles": profiles}
    data_dir = write_taobao(tmp_path / "log", log=rows, **tables)
    return outcome_of(data_dir, **FEW).summary.warnings


def profile(user):
    return (user, 1, 1, 1 + user % 2, 3, 2, 3, 0, 2)


def test_sound_data_have_no_warning(tmp_path):
    shown = warnings_of(tmp_path, ROWS, [profile(user) for user in range(1, 101)])

    assert not [
        text for text in shown if "profile" in text or "days from" in text or "rows" in text
    ]


def test_ids_that_meet_in_no_row_are_told(tmp_path):
    shown = warnings_of(tmp_path, ROWS, [profile(user + 1_000) for user in range(1, 101)])

    assert [text for text in shown if text.startswith("No user of the log has a profile: ")]


def test_one_user_with_a_profile_is_enough(tmp_path):
    shown = warnings_of(tmp_path, ROWS, [profile(1)])

    assert not [text for text in shown if "No user of the log" in text]


def test_a_time_years_before_all_others_is_told(tmp_path):
    shown = warnings_of(tmp_path, [*ROWS, (1, 10**9, 1, "p", 1, 0)])

    (text,) = [text for text in shown if "days from 2001-09-09 to 2017-05-09" in text]
    # From 2001-09-09 to 2017-05-09 are 5,722 days; five of them have an impression.
    shows(text)
    shows(text)


@pytest.mark.parametrize(("n_bad", "is_shown"), [(2, False), (50, True)])
def test_many_rows_that_cannot_be_used_are_told_with_the_reason(n_bad, is_shown, tmp_path):
    bad = [(1, MIDNIGHT, 1, "p", 1, 1)] * (n_bad - 1) + [("x y", MIDNIGHT, 1, "p", 1, 7)]

    text = warnings_of(tmp_path, [*ROWS, *bad])

    n_rows = len(ROWS) + n_bad
    large = (
        f"{100 * n_bad / n_rows:.0f}\u00a0% of the rows of impressions could not be used, "
        f"most of them for: is_click contradicts is_not_click ({n_bad - 1})."
    )
    assert (large in text) == is_shown
    assert any(each.startswith(f"{n_bad} ") for each in text)
    shows(text)
