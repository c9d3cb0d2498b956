"""The section from impression to purchase, from counts worked out by hand."""

import re
from dataclasses import replace

from tests.conversions import added, near, with_conversions
from tests.texts import says, shows

from segmentry.describe.conversions import PurchaseVerdict
from segmentry.present.report import added_sentence, render_report


def text_of(summary):
    page = render_report(summary, figures={})
    section = page[page.index('<section id="conversions"') :]
    text = re.sub(r"<[^>]+>", " ", section[: section.index("</section>")])
    return re.sub(r"\s+", " ", text)


def test_the_section_is_there_only_with_behaviours(make_summary):
    summary = make_summary(n_points=5)

    assert "From impression to purchase" not in render_report(summary, figures={})
    assert 'href="#conversions"' in render_report(with_conversions(summary), figures={})


def test_it_says_what_the_behaviours_add_and_where_they_add_nothing(make_summary):
    text = text_of(with_conversions(make_summary(n_points=5)))

    shows(text)
    shows(text)
    shows(text)
    shows(text)


def test_steps_have_intervals_and_hidden_ones_a_dash(make_summary):
    text = text_of(with_conversions(make_summary(n_points=5)))

    assert "1,000 50 5.00 % 4.00 % to 6.00 % 20 40.00 % 30.00 % to 50.00 %" in text
    assert "– 10.00 % 8.00 % to 12.00 % 500.00 400.00 to 600.00" in text
    shows(text)


def test_a_gain_that_is_sure_but_tiny_is_called_so():
    sure = added("purchases", 0.0003, 0.0001, verdict="adds")
    tiny = replace(sure, kept_with=near(0.014, 0.01), kept_without=near(0.010, 0.008))

    says(added_sentence(tiny).replace("\xa0", " "))
    shows(added_sentence(sure))


def test_segments_stand_against_all_users_and_these_have_their_own_interval(make_summary):
    text = text_of(with_conversions(make_summary(n_points=5)))

    shop = text[text.index("of each segment against all users") :]
    shows(shop)
    assert "80.00 % 78.40 % to 81.60 %" in shop
    shows(shop)


def test_verdicts_on_purchases_have_their_own_table(make_summary):
    judged = PurchaseVerdict("confirmed", "it buys more", 0.2, near(0.18, 0.02), 0.1)
    text = text_of(with_conversions(make_summary(n_points=5), purchases=judged))

    assert "all users later: 10.00 %" in text
    shows(text)


def test_where_nothing_was_measured_the_reason_is_told(make_summary):
    summary = with_conversions(make_summary(n_points=5))
    report = replace(summary.conversions, added=(), added_reason="the log has one day")

    shows(text_of(replace(summary, conversions=report)))
    none = replace(added("purchases", 0.0, 1.0, verdict="no signal"), reason="no click at all")
    says(added_sentence(none))
