"""Version of segmentry, which every file of a run names as its writer."""

__version__ = "0.2.0"
