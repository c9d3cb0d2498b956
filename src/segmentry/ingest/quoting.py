"""Names and texts as SQL writes them."""


def quoted_name(value: str) -> str:
    """Return a name as an SQL identifier.

    >>> quoted_name('a "b" c')
    '"a ""b"" c"'
    """
    return '"' + value.replace('"', '""') + '"'


def quoted_text(value: str) -> str:
    """Return a text as an SQL literal.

    >>> print(quoted_text("it's"))
    'it''s'
    """
    return "'" + value.replace("'", "''") + "'"
