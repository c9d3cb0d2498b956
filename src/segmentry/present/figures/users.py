"""A sample of users on the map, coloured by segment or by any feature, to hover over."""

from collections.abc import Sequence

from segmentry.formats import count
from segmentry.present.figures._colouring import label_of, largest_in
from segmentry.present.figures._figure import Caption, Drawing, Figure, absent
from segmentry.present.figures._marks import layered, own_colours
from segmentry.present.figures._plane import (
    WIDTH,
    UserPlace,
    center_marks,
    map_axes,
    map_frame,
    user_layers,
    values_note,
)
from segmentry.results.summary import Summary


def _caption(
    summary: "Summary", users: Sequence[UserPlace], *, feature: str | None = None
) -> Caption:
    """Say which users the map shows, and where a feature is large."""
    if not users:
        return absent("No user can be drawn")
    if feature is None:
        finding = f"{count(len(users))} users, in the colours of their segments"
    else:
        largest = largest_in(summary, feature)
        finding = f"{count(len(users))} users by {label_of(summary, feature)}{largest}"
    return Caption(
        finding=finding,
        reading="A sample by hash of the id. Hover over a dot for the user. Numbered discs: the "
        f"segments’ centres.{values_note(users, feature)}",
        alt=f"Scatter plot of sampled users. {finding}.",
    )


def _draw(
    summary: "Summary", users: Sequence[UserPlace], *, feature: str | None = None
) -> Drawing | None:
    """Draw a sample of users on the map."""
    if not users:
        return None
    frame = map_frame([(user.x, user.y) for user in users])
    axes = map_axes(frame, summary.map)
    layers, datasets = user_layers(summary, users, feature, axes=axes, name="users")
    layers += center_marks(summary, frame)
    return Drawing(own_colours(layered(layers, width=frame.width, height=frame.height)), datasets)


FIGURE = Figure(name="users", title="Map: users", width=WIDTH, caption=_caption, draw=_draw)
