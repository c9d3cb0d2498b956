"""How do other programs ask for a user's segment?

In: a run folder. Out: its saved model and its segments over HTTP, the same numbers as `score`; a
run folder that is replaced is taken over while requests are served.
"""

from segmentry.serve._server import Service, serve

__all__ = ["Service", "serve"]
