"""How are segments handed to the systems that act on them?

In: a run folder and, for contacts, a table of them. Out: audience files for ad platforms.
"""
