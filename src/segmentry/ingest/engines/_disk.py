"""What an engine says where it cannot write, in words that tell what to do."""

_REASONS = ("No space left on device", "File too large", "Disk quota exceeded")


def disk_cause(message: str) -> str | None:
    """Return the reason and its remedy if a failure is one of the disk; nothing otherwise.

    Examples
    --------
    >>> disk_cause('IO Error: {"exception_message":"No space left on device","errno":"28"}')
    'No space left on device for temporary files; free some, or have them on a larger disk'
    >>> disk_cause("Conversion Error") is None
    True
    """
    for reason in _REASONS:
        if reason.lower() in message.lower():
            return f"{reason} for temporary files; free some, or have them on a larger disk"
    return None
