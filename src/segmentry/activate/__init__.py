"""How are segments handed to the systems that act on them?

In: a run folder and, for contacts, a table of them. Out: audience files for ad platforms.
"""

HOLD_OUT_SALT = "hold-out"
"""Of the hash that holds users out of an audience, unless another one is requested."""
