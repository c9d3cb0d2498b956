"""Send a segment: the list for a platform, who is left out, and the download."""

import io
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from segmentry.activate.audience import TARGETS, Audience, count_audience, export_audience
from segmentry.activate.platforms import PLATFORMS
from segmentry.describe.profiles import SegmentProfile
from segmentry.errors import SegmentryError
from segmentry.formats import count, percent
from segmentry.present.dashboard._ask import choose, slider
from segmentry.present.dashboard._runs import Run
from segmentry.present.dashboard._show import Fact, facts, heading, notice, part

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

_IDS = {"csv": "User ids, CSV", "parquet": "User ids, Parquet", "openrtb": "User ids, OpenRTB"}
_FOLDERS = ("google-api",)
"""Targets that are folders of files: the command line writes them."""
_FILES = {"csv": ".csv", "parquet": ".parquet", "openrtb": ".jsonl"}


@part
def show_sending(run: Run, segment: SegmentProfile) -> None:
    """Count the list that the reader asks for, and hand it out."""
    heading("Send this segment", level=2)
    names = {
        each: _IDS.get(each) or PLATFORMS[each].title for each in TARGETS if each not in _FOLDERS
    }
    left, right = st.columns(2)
    with left:
        to = choose("Format", names, key="to")
    with right:
        hold_out = slider(
            "Users to leave out, to measure the effect, in %", 0, 50, 10, 5, key="out"
        )
    contacts, country = None, ""
    if to not in _IDS:
        contacts = st.file_uploader(
            "Contacts: a table with user_id and email or phone. It stays on this machine.",
            type=["csv", "parquet"],
            key="contacts",
        )
        country = st.text_input(
            "Country of phone numbers without +, such as DE", key="country", max_chars=3
        ).strip()
        if contacts is None:
            notice("This platform takes hashed contacts: add the table of contacts to go on.")
            return
    try:
        if contacts is None:
            audience = _counted_ids(run, segment.segment_id, to, hold_out)
            data: bytes | Callable[[], bytes] = partial(
                _list_of_ids, run, segment.segment_id, to, hold_out
            )
        else:
            audience, data = _made(
                run, segment.segment_id, to, hold_out, contacts=contacts, country=country
            )
    except SegmentryError as error:
        notice(f"No list can be made: {error}")
        return
    facts(_counts(audience, hold_out))
    st.download_button(
        f"Download the list of {count(audience.n_written)} users",
        data=data,
        file_name=f"segment-{segment.segment_id}-{to}.zip",
        mime="application/zip",
        on_click="ignore",
        type="primary",
        key="take-list",
    )


def _counts(audience: Audience, hold_out: int) -> tuple[Fact, ...]:
    found = [
        ("In the segment", count(audience.n_users), "users"),
        ("Left out", count(audience.n_held_out), f"{percent(hold_out / 100, digits=0)}, by chance"),
    ]
    if audience.n_without_contact:
        found.append(("Without a usable contact", count(audience.n_without_contact), "users"))
    if audience.n_shared:
        shared = count(audience.n_shared)
        found.append(("Same contact as a user left out", shared, "left out too"))
    return (*found, ("In the list", count(audience.n_written), "rows"))


@lru_cache(maxsize=4)
def _counted_ids(run: Run, segment_id: int, to: str, hold_out: int) -> Audience:
    return count_audience(run.folder, segment_ids=[segment_id], to=to, hold_out=hold_out / 100)


@lru_cache(maxsize=4)
def _list_of_ids(run: Run, segment_id: int, to: str, hold_out: int) -> bytes:
    """Make the list once it is requested: of half a million users it takes two seconds."""
    return _made(run, segment_id, to, hold_out)[1]


def _made(
    run: Run,
    segment_id: int,
    to: str,
    hold_out: int,
    *,
    contacts: "UploadedFile | None" = None,
    country: str = "",
) -> tuple[Audience, bytes]:
    """Return what was counted, and a ZIP of the list and all that belongs to it."""
    with tempfile.TemporaryDirectory() as home:
        file = None
        if contacts is not None:
            file = Path(home) / f"contacts{Path(contacts.name).suffix}"
            file.write_bytes(contacts.getvalue())
        folder = Path(home) / "list"
        folder.mkdir()
        audience = export_audience(
            run.folder,
            folder / f"segment-{segment_id}{_FILES.get(to, '.csv')}",
            segment_ids=[segment_id],
            to=to,
            hold_out=hold_out / 100,
            contacts=file,
            country=country or None,
        )
        return audience, _zipped({file.name: file for file in sorted(folder.iterdir())})


def _zipped(files: Mapping[str, Path]) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, file in files.items():
            packed.write(file, name)
    return sink.getvalue()
