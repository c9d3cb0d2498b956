"""The pages of the site: every link leads somewhere, and what is broken is found."""

import importlib.util
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[2] / "tools" / "build_site.py"


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("build_site", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_page_stands_in_the_navigation_once_and_its_links_lead_somewhere(tool, tmp_path):
    known = tool.pages()

    tool.stage(known, tmp_path)

    files = [
        file
        for section in tool.navigation(known)
        for pages in section.values()
        for page in pages
        for file in page.values()
    ]
    assert sorted(files) == sorted(f"{name}.md" for name in known)
    assert all((tmp_path / file).is_file() for file in files)


def test_links_leave_the_site_only_for_files_that_are_no_pages(tool, tmp_path):
    tool.stage(tool.pages(), tmp_path)

    changelog = (tmp_path / "changelog.md").read_text()
    assert "(decisions/rooms.md)" in changelog
    contributing = (tmp_path / "contributing.md").read_text()
    assert "(architecture.md)" in contributing


def test_a_link_to_nowhere_in_a_page_ends_the_build(tool, tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Page\n[there](nowhere.md)\n")

    with pytest.raises(SystemExit, match=r"a link to nowhere\.md, which is not there"):
        tool.stage({"page": page}, tmp_path / "staged")


def test_broken_links_anchors_and_requests_are_found_in_the_built_site(tool, tmp_path):
    (tmp_path / "index.html").write_text(
        '<h1 id="top"></h1><a href="#top"></a><a href="other.html#here"></a>'
        '<a href="other.html#gone"></a><a href="lost.html"></a><a href="https://example.org"></a>'
        '<script src="https://example.org/x.js"></script>'
    )
    (tmp_path / "other.html").write_text('<h2 id="here"></h2><img src="data:image/png;base64,AA">')

    assert sorted(tool.faults(tmp_path)) == [
        "index.html: loads https://example.org/x.js from the network",
        "index.html: lost.html is not there",
        "index.html: other.html#gone has no such place",
    ]
