"""Synthetic logs in the Taobao format, with a planted truth that analyses can be judged by."""

from segmentry.datasets.generate import generate_taobao
from segmentry.datasets.options import GeneratedData, GeneratorOptions
from segmentry.datasets.taobao import TAOBAO_ATTRIBUTES, find_taobao

__all__ = [
    "TAOBAO_ATTRIBUTES",
    "GeneratedData",
    "GeneratorOptions",
    "find_taobao",
    "generate_taobao",
]
