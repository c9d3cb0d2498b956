"""Which file and column plays which role?

In: a TOML file, or files to guess one from. Out: a `Source`.
"""

from segmentry.ingest.mapping._attributes import attribute_feature
from segmentry.ingest.mapping._files import find_files
from segmentry.ingest.mapping._model import (
    AdsMapping,
    Attribute,
    BehavioursMapping,
    DataMapping,
    LogMapping,
    ProfilesMapping,
    load_mapping,
    parse_mapping,
)
from segmentry.ingest.mapping._resolve import resolve_mapping
from segmentry.ingest.mapping._tables import Moments
from segmentry.ingest.mapping._write import render_mapping

__all__ = [
    "AdsMapping",
    "Attribute",
    "BehavioursMapping",
    "DataMapping",
    "LogMapping",
    "Moments",
    "ProfilesMapping",
    "attribute_feature",
    "find_files",
    "load_mapping",
    "parse_mapping",
    "render_mapping",
    "resolve_mapping",
]
