"""The palette: what it promises to readers who see colours otherwise, measured as they see it."""

import math
from itertools import combinations, pairwise

import pytest
from tests.texts import shows

from segmentry.present import figures as plots
from segmentry.present.theme import SCALE

GROUNDS = ("#fdfcf9", "#15181b")
VISIONS = {  # Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB
    "normal": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    "protan": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deutan": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.01182, 0.04294, 0.968881),
    ),
    "tritan": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.3039),
    ),
}


def linear(colour: str) -> list[float]:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]


def luminance(colour: str) -> float:
    red, green, blue = linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def simulated(colour: str, matrix: tuple) -> list[float]:
    return [
        min(1.0, max(0.0, sum(m * c for m, c in zip(row, linear(colour), strict=True))))
        for row in matrix
    ]


def lab(rgb: list[float]) -> tuple[float, float, float]:
    """Return CIE L*a*b* under D65 of linear sRGB."""
    red, green, blue = rgb
    x = (0.4124564 * red + 0.3575761 * green + 0.1804375 * blue) / 0.95047
    y = 0.2126729 * red + 0.7151522 * green + 0.072175 * blue
    z = (0.0193339 * red + 0.119192 * green + 0.9503041 * blue) / 1.08883

    def root(t: float) -> float:
        return t ** (1 / 3) if t > (6 / 29) ** 3 else t / (3 * (6 / 29) ** 2) + 4 / 29

    return 116 * root(y) - 16, 500 * (root(x) - root(y)), 200 * (root(y) - root(z))


def ciede2000(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Return the colour difference of CIE 2000; formula as in Sharma, Wu and Dalal (2005)."""
    (l1, a1, b1), (l2, a2, b2) = one, other
    mean_c = (math.hypot(a1, b1) + math.hypot(a2, b2)) / 2
    g = 0.5 * (1 - math.sqrt(mean_c**7 / (mean_c**7 + 25**7)))
    a1, a2 = (1 + g) * a1, (1 + g) * a2
    c1, c2 = math.hypot(a1, b1), math.hypot(a2, b2)
    h1, h2 = (math.degrees(math.atan2(b, a)) % 360 for a, b in ((a1, b1), (a2, b2)))
    turn = 0.0 if c1 * c2 == 0 else (h2 - h1 + 180) % 360 - 180
    hue = 2 * math.sqrt(c1 * c2) * math.sin(math.radians(turn / 2))
    mean_l, chroma = (l1 + l2) / 2, (c1 + c2) / 2
    mean_h = h1 + h2 if c1 * c2 == 0 else (h1 + turn / 2) % 360

    def cos(degrees: float) -> float:
        return math.cos(math.radians(degrees))

    t = 1 - 0.17 * cos(mean_h - 30) + 0.24 * cos(2 * mean_h)
    t += 0.32 * cos(3 * mean_h + 6) - 0.2 * cos(4 * mean_h - 63)
    lift = (mean_l - 50) ** 2
    parts = (
        (l2 - l1) / (1 + 0.015 * lift / math.sqrt(20 + lift)),
        (c2 - c1) / (1 + 0.045 * chroma),
        hue / (1 + 0.015 * chroma * t),
    )
    twist = 60 * math.exp(-(((mean_h - 275) / 25) ** 2))
    r = -2 * math.sqrt(chroma**7 / (chroma**7 + 25**7)) * math.sin(math.radians(twist))
    return math.sqrt(sum(part**2 for part in parts) + r * parts[1] * parts[2])


def distances(n_colours: int, vision: str) -> list[float]:
    """Return the differences of all pairs of the first colours, as a reader sees them."""
    seen = [
        lab(simulated(plots.segment_colour(i), VISIONS[vision])) for i in range(1, n_colours + 1)
    ]
    return [ciede2000(one, other) for one, other in combinations(seen, 2)]


@pytest.mark.parametrize(
    ("one", "other", "difference"),
    [  # pairs 1, 5, 7, 11, 17, 25 and 34 of table 1 of Sharma, Wu and Dalal (2005)
        ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
        ((50.0, -1.1848, -84.8006), (50.0, 0.0, -82.7485), 1.0),
        ((50.0, 0.0, 0.0), (50.0, -1.0, 2.0), 2.3669),
        ((50.0, 2.49, -0.001), (50.0, -2.49, 0.0011), 7.2195),
        ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_differences_of_colours_are_the_published_ones(one, other, difference):
    assert ciede2000(one, other) == pytest.approx(difference, abs=1e-4)


@pytest.mark.parametrize("vision", VISIONS)
def test_the_eight_hues_stay_apart_for_every_reader(vision):
    # A difference of 1 is just seen side by side; 10 is seen at a glance.
    assert min(distances(8, vision)) >= 11


@pytest.mark.parametrize("vision", VISIONS)
def test_no_hue_is_taken_for_the_grey_of_users_without_a_segment(vision):
    matrix = VISIONS[vision]
    grey = lab(simulated(plots.segment_colour(0), matrix))
    hues = [lab(simulated(plots.segment_colour(i), matrix)) for i in range(1, 9)]

    assert min(ciede2000(hue, grey) for hue in hues) >= 8


@pytest.mark.parametrize("vision", ["protan", "deutan", "tritan"])
def test_more_than_eight_segments_are_not_promised_to_be_told_apart_by_colour(vision):
    assert min(distances(40, vision)) < 2
    shows(plots.segment_colour.__doc__)


@pytest.mark.parametrize("ground", GROUNDS)
def test_every_colour_of_a_segment_stands_out_on_light_and_dark_ground(ground):
    colours = [plots.segment_colour(i) for i in range(1, 41)]

    # 3 is what WCAG 2 asks of graphical objects (1.4.11).
    assert min(contrast(colour, ground) for colour in colours) >= 3


def test_sixteen_segments_have_sixteen_colours_and_readable_numbers():
    ids = range(1, 17)

    assert len({plots.segment_colour(each) for each in ids}) == 16
    assert [plots.segment_colour(each + 16) for each in ids] == list(map(plots.segment_colour, ids))
    for each in ids:
        assert contrast(plots.segment_colour(each), plots.segment_ink(each)) >= 4.5


@pytest.mark.parametrize("vision", VISIONS)
def test_steps_of_a_feature_grow_evenly_in_lightness_for_every_reader(vision):
    for colours in ([role.light for role in SCALE], [role.dark for role in SCALE]):
        lightness = [lab(simulated(colour, VISIONS[vision]))[0] for colour in colours]
        steps = [later - earlier for earlier, later in pairwise(lightness)]
        assert all(step > 3 for step in steps) or all(step < -3 for step in steps)


@pytest.mark.parametrize("step", [-3.0, -1.0, -0.6, -0.3, 0.0, 0.3, 0.6, 1.0, 3.0])
def test_numbers_in_the_heat_map_can_be_read(step):
    assert contrast(plots.heat_colour(step), plots.heat_ink(step)) >= 4.5
