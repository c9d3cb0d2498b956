"""Altair, loaded with the first chart: whoever imports the figures does not wait for it."""

from importlib import import_module
from typing import TYPE_CHECKING

__all__ = ["alt"]


class _Later:
    """Stands for a module until something of it is used."""

    def __getattr__(self, name: str) -> object:
        return getattr(import_module("altair"), name)


if TYPE_CHECKING:
    import altair as alt
else:
    alt = _Later()
