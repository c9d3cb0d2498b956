"""A figure that a run wrote is taken if it says what the run says, and nothing else is."""

import pytest

from segmentry.present import figures as plots


@pytest.fixture(scope="module")
def summary(make_summary):
    return make_summary(n_segments=3, n_points=60)


def test_a_saved_figure_is_the_one_that_was_drawn_for_the_page(summary, written):
    folder, inline = written

    for name, svg in inline.items():
        caption = plots.FIGURES[name].caption(summary)
        assert plots.saved_svg(folder, name, caption=caption) == svg
        assert "data-title-height" not in svg


@pytest.mark.parametrize(
    "harm",
    [
        lambda svg: svg[: len(svg) // 2],
        lambda _: "",
        lambda svg: svg.replace("<desc ", "<x/><desc ", 1).replace("holds", "hides"),
        lambda svg: svg.replace("</svg>", "<![CDATA[</svg><script>alert(1)</script>]]></svg>"),
        lambda svg: svg.replace("</svg>", "<!-- </svg><img src=x onerror=alert(1)> --></svg>"),
        lambda svg: svg.replace("</svg>", "<svg/></svg>"),
        lambda svg: svg.replace("</svg>", "<?x </svg><script>alert(1)</script>?></svg>"),
        lambda svg: '<!DOCTYPE svg [<!ENTITY a "x">]>' + svg,
        lambda svg: svg.replace("</svg>", "</svg><img src=x onerror=alert(1)>"),
        lambda svg: svg.replace(" data-title-height=", " data-other="),
    ],
)
def test_a_file_that_was_harmed_or_says_something_else_is_not_taken(
    summary, written, harm, tmp_path
):
    folder, _ = written
    text = (folder / "sizes.svg").read_text(encoding="utf-8")
    (tmp_path / "sizes.svg").write_text(harm(text), encoding="utf-8")

    assert harm(text) != text
    assert (
        plots.saved_svg(tmp_path, "sizes", caption=plots.FIGURES["sizes"].caption(summary)) is None
    )


def test_a_figure_of_other_names_is_not_taken(make_summary, written):
    folder, _ = written
    renamed = make_summary(names=("one", "two", "three"), n_points=60)

    assert plots.saved_svg(folder, "sizes", caption=plots.FIGURES["sizes"].caption(renamed)) is None
