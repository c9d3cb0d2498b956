"""Build the site from docs/ and check it: navigation, links, anchors, nothing from the network.

Usage: python tools/build_site.py [--out build/site]

Pages stand in the order of `SECTIONS`; a page that no section names follows at the end of the
section of its folder. Links to files outside of docs/ lead to the repository.
"""

import argparse
import functools
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
REPOSITORY = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Homepage"]
SECTIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "Start": ("start", ("index", "start/install", "start/first-run", "start/report")),
    "Tutorials": (
        "tutorials",
        (
            *("tutorials/taobao", "tutorials/purchases", "tutorials/table"),
            *("guide/month-two", "guide/cluster"),
        ),
    ),
    "How-to": (
        "guide",
        (
            *("guide/any-data", "guide/where-data-are", "guide/features", "guide/prepare"),
            *("guide/conversions", "guide/decisions", "guide/budget", "guide/ab-test"),
            *("guide/audience", "guide/dashboard", "guide/refresh", "guide/two-runs"),
            *("guide/sql", "guide/service"),
        ),
    ),
    "Reference": (
        "reference",
        (
            *("reference/cli", "reference/python", "reference/features", "reference/insights"),
            *("reference/figures", "reference/run-folder", "reference/mapping"),
            "reference/errors",
        ),
    ),
    "Explanation": (
        "explanation",
        (
            *("explanation/validation", "decisions/0005-choice-of-k", "explanation/algorithms"),
            *("explanation/exposure", "explanation/plans", "explanation/outcomes"),
            *("explanation/over-time", "explanation/security"),
        ),
    ),
    "Decisions": ("decisions", ("decisions/README",)),
    "Project": (".", ("compared", "architecture", "performance", "contributing", "changelog")),
}
OUTSIDE = {"changelog": "CHANGELOG.md", "contributing": "CONTRIBUTING.md"}
"""Pages of the site that stand in the root of the repository."""
SHIM = "https://unpkg.com/iframe-worker/shim"
_LINK = re.compile(r"(?<=\]\()(?!https?:|#|mailto:)([^)\s]+)(?=\))")
_TITLE = re.compile(r"^# (\d+\. )?(.+)$", re.MULTILINE)


def pages() -> dict[str, Path]:
    """Return every page by its name on the site."""
    found = {path.relative_to(DOCS).with_suffix("").as_posix(): path for path in DOCS.rglob("*.md")}
    return found | {name: ROOT / file for name, file in OUTSIDE.items()}


def navigation(known: dict[str, Path]) -> list[dict[str, list[dict[str, str]]]]:
    """Return the sections with their pages; every page stands in one."""
    named = {name for _, names in SECTIONS.values() for name in names}
    if missing := sorted(named - known.keys()):
        sys.exit(f"SECTIONS names pages that are not there: {', '.join(missing)}")
    left = sorted(known.keys() - named)
    return [
        {
            section: [
                {_title(known[name], is_numbered=section == "Decisions"): f"{name}.md"}
                for name in (*names, *(each for each in left if str(Path(each).parent) == folder))
            ]
        }
        for section, (folder, names) in SECTIONS.items()
    ]


def _title(page: Path, *, is_numbered: bool) -> str:
    found = _TITLE.search(page.read_text(encoding="utf-8"))
    if found is None:
        sys.exit(f"{page}: no title; begin the page with '# TITLE'")
    return ((found[1] or "") * is_numbered + found[2]).replace("`", "")


def stage(known: dict[str, Path], folder: Path) -> None:
    """Copy pages and pictures, with links that lead to other pages or to the repository."""
    homes = {path.resolve(): f"{name}.md" for name, path in known.items()}
    for name, path in known.items():
        target = folder / f"{name}.md"
        target.parent.mkdir(parents=True, exist_ok=True)
        moved = functools.partial(_moved, page=path, name=name, homes=homes)
        text = _LINK.sub(moved, path.read_text(encoding="utf-8"))
        target.write_text(text, encoding="utf-8")
    shutil.copytree(DOCS / "images", folder / "images")
    for name in ("site.css", "site.js"):
        shutil.copy(DOCS / name, folder)


def _moved(found: re.Match[str], *, page: Path, name: str, homes: dict[Path, str]) -> str:
    """Return a link of a page as it is on the site."""
    file, sign, anchor = found[0].partition("#")
    target = (page.parent / file).resolve()
    if not target.exists():
        sys.exit(f"{page}: a link to {found[0]}, which is not there")
    if target in homes or DOCS / "images" in target.parents:
        place = homes.get(target) or target.relative_to(DOCS).as_posix()
        return os.path.relpath(place, Path(name).parent) + sign + anchor
    kind = "tree" if target.is_dir() else "blob"
    return f"{REPOSITORY}/{kind}/main/{target.relative_to(ROOT).as_posix()}{sign}{anchor}"


class Page(HTMLParser):
    """What a built page links to, loads and can be linked at."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep what matters of a tag."""
        found = {name: value or "" for name, value in attrs}
        self.anchors.update(found[name] for name in ("id", "name") if found.get(name))
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        elif "src" in found:
            self.loads.append(found["src"])
        elif tag == "link" and found.get("rel") in ("stylesheet", "icon", "preload"):
            self.loads.append(found["href"])


def faults(site: Path) -> Iterator[str]:
    """Return broken links and anchors, and what is loaded from elsewhere."""
    built = {path.resolve(): Page(path) for path in sorted(site.rglob("*.html"))}
    for path, page in built.items():
        place = path.relative_to(site.resolve())
        for link in (*page.links, *page.loads):
            parts = urlsplit(unquote(link))
            if parts.scheme or parts.netloc:
                if link in page.loads and parts.scheme != "data":
                    yield f"{place}: loads {link} from the network"
                continue
            target = (path.parent / parts.path).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            if path.name == "404.html":  # whose links begin at the root of a server
                continue
            if not target.exists():
                yield f"{place}: {link} is not there"
            elif target in built and parts.fragment not in ("", *built[target].anchors):
                yield f"{place}: {link} has no such place"


def main() -> None:
    """Build and check; end with what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "site")
    site = parser.parse_args().out.resolve()
    work = site.parent / "site-source"
    for folder in (site, work):
        shutil.rmtree(folder, ignore_errors=True)
    known = pages()
    stage(known, work / "docs")
    place = 'docs_dir = "docs"\nsite_dir = "site"'
    settings = (DOCS / "zensical.toml").read_text(encoding="utf-8")
    nav = _toml(navigation(known))
    text = settings.replace("[project]\n", f"[project]\n{place}\nnav = {nav}\n", 1)
    (work / "zensical.toml").write_text(text, encoding="utf-8")
    zensical = Path(sys.executable).with_name("zensical")
    subprocess.run([zensical, "build", "--strict", "--clean"], cwd=work, check=True)
    shutil.move(work / "site", site)
    for page in site.rglob("*.html"):  # the one thing that pages would load from the network
        up = os.path.relpath(site, page.parent)
        page.write_text(page.read_text(encoding="utf-8").replace(SHIM, f"{up}/site.js"), "utf-8")
    wrong = list(faults(site))
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"{len(known)} pages, every link and anchor found: {site}/index.html")


def _toml(value: object) -> str:
    """Write lists and tables of texts, which is all that a navigation is made of."""
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(k)} = {_toml(v)}" for k, v in value.items()) + " }"
    return json.dumps(value)


if __name__ == "__main__":
    main()
