"""The report of a run: one HTML file, made from a `Summary` and its figures.

Pictures are drawn by `segmentry.plots`; numbers become text in small frozen records; the templates
only put them in place.
"""

from segmentry.report._page import render_report

__all__ = ["render_report"]
