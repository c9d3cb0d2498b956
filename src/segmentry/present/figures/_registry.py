"""All figures: each public module of this package ends in one, ``FIGURE``."""

import pkgutil
import sys
from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType

from segmentry.present.figures._figure import Figure


def found() -> list["Figure[...]"]:
    """Return the figure of every public module of the package, in the order of the report."""
    package = __name__.rpartition(".")[0]
    names = [each.name for each in pkgutil.iter_modules(sys.modules[package].__path__)]
    public = [name for name in names if not name.startswith("_")]
    figures = [import_module(f"{package}.{name}").FIGURE for name in public]
    return sorted(figures, key=lambda figure: (figure.order, figure.name))


_ALL = found()
FIGURES: Mapping[str, Figure[...]] = MappingProxyType(
    {figure.name: figure for figure in _ALL if figure.section}
)
"""The figures of a run by the name of their files, in the order of the report."""
ANSWERS: Mapping[str, Figure[...]] = MappingProxyType(
    {figure.name: figure for figure in _ALL if not figure.section}
)
"""The figures that answer a question of a reader, by name."""
