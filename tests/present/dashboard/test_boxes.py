"""Small drawings as boxes: what they show and where, and what stays an image."""

import base64
import re

import pytest
from tests.summaries import make_summary

from segmentry.present.card import card_of
from segmentry.present.dashboard._images import as_boxes, with_images
from segmentry.present.report import render_card
from segmentry.present.theme import PAGE


def styles(html):
    return [
        dict(re.findall(r"([a-z-]+):([^;]+)", each))
        for each in re.findall('<i[^>]*style="([^"]*)', html)
    ]


def test_a_rectangle_lies_where_it_was_drawn():
    html = as_boxes(
        '<svg width="100%" height="10">'
        '<rect x="20%" width="30%" y="1" height="8" fill="#123456"/></svg>'
    )

    assert styles(html) == [
        {"left": "20%", "top": "1px", "width": "30%", "height": "8px", "background": "#123456"}
    ]


def test_lines_are_a_pixel_wide_along_their_axis():
    html = as_boxes(
        '<svg width="100%" height="16"><line class="base" x1="0" x2="100%" y1="8" y2="8"/>'
        '<line class="everybody" x1="40%" x2="40%" y1="1" y2="15"/></svg>'
    )

    along, across = styles(html)
    assert (along["top"], along["height"], along["right"]) == ("8px", "1px", "calc(100% - 100%)")
    assert (across["left"], across["width"], across["height"]) == ("40%", "1px", "14px")
    assert 'class="everybody"' in html


def test_a_ring_is_a_circle_without_fill():
    (ring,) = styles(
        as_boxes(
            '<svg width="9" height="16"><circle cx="50%" cy="8" r="4" stroke="#abcdef"/></svg>'
        )
    )

    assert ring["left"] == "calc(50% - 4px)"
    assert ring["top"] == "4px"
    assert ring["border"] == "1.8px solid #abcdef"


@pytest.mark.parametrize(
    "svg",
    [
        '<svg width="5" height="5"><text>A</text></svg>',
        '<svg width="5" height="5" viewBox="0 0 5 5"><rect width="5" height="5" fill="red"/></svg>',
        '<svg width="5" height="5"><svg><rect width="5" height="5" fill="red"/></svg></svg>',
    ],
)
def test_what_holds_more_stays_an_image(svg):
    assert as_boxes(svg) == ""
    assert with_images(svg, is_dark=False).startswith("<img ")


def test_a_card_has_two_images_its_disc_and_the_sign_of_its_decision():
    summary = make_summary(n_segments=3, n_points=5)

    html = with_images(render_card(summary.segments[0], summary), is_dark=False)

    assert html.count("<img ") == 2
    measures = card_of(summary, 1).measures
    assert html.count('class="flat') == 1 + len(measures)


def test_a_figure_lets_the_shadow_behind_it_be_seen_and_keeps_its_grounds_elsewhere():
    ground = '<rect width="400" height="90" fill="#fdfcf9"/>'
    svg = (
        '<svg width="400" height="90" viewBox="0 0 400 90" aria-labelledby="a">'
        f'{ground}<rect width="5" height="5" fill="#fdfcf9"/></svg>'
    )

    html = with_images(svg, is_dark=False)

    drawn = base64.b64decode(re.search(r"base64,([^\"]+)", html)[1]).decode()
    assert ground not in drawn
    assert '<rect width="5" height="5" fill="#fdfcf9"/>' in drawn
    assert "max-width: max(100%, 300px)" in html  # three quarters; narrower screens scroll


@pytest.mark.parametrize(
    ("is_dark", "colour"), [(False, PAGE["good"].light), (True, PAGE["good"].dark)]
)
def test_an_image_has_the_colours_of_its_page(is_dark, colour):
    html = with_images(
        '<svg width="12"><path d="M1 1z" fill="var(--good)"/></svg>', is_dark=is_dark
    )

    drawn = base64.b64decode(re.search(r"base64,([^\"]+)", html)[1]).decode()
    assert f'fill="{colour}"' in drawn
