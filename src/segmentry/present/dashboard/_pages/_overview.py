"""Overview: the first screen of the report, with what to do next."""

from segmentry.present.dashboard._runs import Run, can_be_planned
from segmentry.present.dashboard._show import of_report, put, recommended


def show_overview(run: Run) -> None:
    """Draw the first page."""
    of_report(run, "first_screen")
    segment_id = recommended(run.summary)
    if run.summary.segments[segment_id - 1].is_withheld:
        return
    page = f"/segments?segment={segment_id}"
    links = [(f"{page}&act=send", "Send"), (page, "Why?")]
    if can_be_planned(run):
        links.insert(1, (f"{page}&act=test", "Test"))
    buttons = "".join(
        f'<a href="{address}">{word}{"" if word == "Why?" else f" segment {segment_id}"}</a>'
        for address, word in links
    )
    put(f'<p class="next">{buttons}</p>')
