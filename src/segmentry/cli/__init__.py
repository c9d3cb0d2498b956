"""What did the user ask for, and how is the answer printed?

In: words of a command line. Out: calls of the pipeline, text for people or JSON, an exit code.
"""

from segmentry.cli._app import app, main

__all__ = ["app", "main"]
