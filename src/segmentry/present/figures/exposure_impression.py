"""The exposure curve by impressions of the user."""

from segmentry.present.figures._exposure import exposure_figure

FIGURE = exposure_figure(
    "impression", name="exposure_impression", title="Exposure: impressions of the user", order=16
)
