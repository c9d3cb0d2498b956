"""Take the pictures of README and the site again: the demo's report and dashboard, in Chromium.

Usage: python docs/pictures.py RUN_DIR
"""

import io
import re
import shutil
import subprocess
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

IMAGES = Path(__file__).parent / "images"
MAX_COLOURS = 256
PARTS = {"card": ".card", "later": "#figure-ctr_later"}
"""Parts of the report that the page about it shows."""
PANES = (("segments", "light", ".card"), ("map", "dark", ".stVegaLiteChart canvas"))
"""Pages of the dashboard, with what must be there before a picture is taken."""


def main(run_dir: Path) -> None:
    """Write the first screen and parts of the report, and ``dashboard.png``."""
    with sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        write("report", shot_of_report(browser, run_dir))
        for name, part in PARTS.items():
            write(f"report-{name}", shot_of_report(browser, run_dir, part))
        write("dashboard", side_by_side(shots_of_dashboard(browser, run_dir)))
        browser.close()


def shot_of_report(browser: Browser, run_dir: Path, part: str = "") -> Image.Image:
    """Return the first screen of the report, or the part that a selector names."""
    page = browser.new_page(viewport={"width": 1280, "height": 660})
    page.goto((run_dir.absolute() / "report.html").as_uri())
    if not part:
        return Image.open(io.BytesIO(page.screenshot()))
    page.evaluate("document.getElementById('analyst').open = true")
    return Image.open(io.BytesIO(page.locator(part).first.screenshot()))


def shots_of_dashboard(browser: Browser, run_dir: Path) -> list[Image.Image]:
    """Return each page of `PANES` as the dashboard shows it."""
    words = [sys.executable, "-m", "segmentry", "dashboard", str(run_dir), "--port", "0"]
    server = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        found = re.search(r"http://\S+", server.stdout.readline() if server.stdout else "")
        if found is None:
            sys.exit("the dashboard did not start")
        return [_shot(browser, f"{found[0]}/{path}", *rest) for path, *rest in PANES]
    finally:
        server.terminate()
        server.wait(20)


def _shot(browser: Browser, url: str, scheme: str, awaited: str) -> Image.Image:
    context = browser.new_context(
        color_scheme="dark" if scheme == "dark" else "light",
        viewport={"width": 1080, "height": 840},
    )
    page = context.new_page()
    page.goto(url)
    page.locator(awaited).first.wait_for(timeout=60_000)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(1000)
    shot = Image.open(io.BytesIO(page.screenshot()))
    context.close()
    return shot


def side_by_side(shots: list[Image.Image]) -> Image.Image:
    """Return pictures of one size in a row."""
    width, height = shots[0].size
    row = Image.new("RGB", (len(shots) * width, height))
    for place, shot in enumerate(shots):
        row.paste(shot, (place * width, 0))
    return row


def write(name: str, picture: Image.Image) -> None:
    """Write a picture with few colours, which makes it a third as large."""
    file = IMAGES / f"{name}.png"
    picture.convert("RGB").quantize(MAX_COLOURS).save(file, optimize=True)
    sys.stdout.write(f"{file}: {file.stat().st_size / 1000:.0f} kB\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
