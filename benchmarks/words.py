"""Count what a reader of a report sees: words of its parts, and printed A4 pages.

Usage: python benchmarks/words.py RUN_DIR

A number with its unit is one word. The first screen may have 150 words, a card 250, all that is
visible before the part for the analyst 150 and 250 for each segment (1,900 for seven), on at most
15 printed pages; a report that has more ends the benchmark with code 1.
"""

import argparse
import re
import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from segmentry.results.summary import read_summary

FIRST, CARD = 150, 250
MOST_PAGES = 15
PARTS = {
    "first screen": "#found",
    "longest card": "[id^=segment-]",
    "before the part for the analyst": "main",
}


def n_words(text: str) -> int:
    """Count what holds a letter or a digit; narrow spaces keep a number with its unit."""
    return sum(bool(re.search(r"\w", word)) for word in text.replace("\u00a0", "").split())


def main() -> None:
    """Print a row for each part."""
    parser = argparse.ArgumentParser()
    parser.add_argument("run_dir", type=Path)
    report = parser.parse_args().run_dir.resolve() / "report.html"
    with sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(report.as_uri())
        pdf = page.pdf(format="A4")
        page.evaluate("document.querySelector('#analyst').remove()")
        counted = {
            part: max(n_words(text) for text in page.locator(selector).all_inner_texts())
            for part, selector in PARTS.items()
        }
        browser.close()
    n_cards = len(read_summary(report.parent).segments)
    most = dict(zip(PARTS, (FIRST, CARD, FIRST + n_cards * CARD), strict=True))
    n_pages = len(re.findall(rb"/Type\s*/Page\b", pdf))
    for part, n in counted.items():
        print(f"{part}: {n:,} words of at most {most[part]:,}")
    print(f"printed A4 pages: {n_pages} of at most {MOST_PAGES}")
    if n_pages > MOST_PAGES or any(n > most[part] for part, n in counted.items()):
        sys.exit(1)


if __name__ == "__main__":
    main()
