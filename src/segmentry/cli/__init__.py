"""The command line: reads options, calls the pipeline, prints for people or machines."""

from segmentry.cli._app import app, main

__all__ = ["app", "main"]
