"""The exposure curve by showings of the same ad."""

from segmentry.present.figures._exposure import exposure_figure

FIGURE = exposure_figure(
    "repeat", name="exposure", title="Exposure: showings of the same ad", order=15
)
