"""Progress of a step, where somebody listens."""

from collections.abc import Callable

from segmentry.schema import Progress

__all__ = ["told"]


def told(progress: Progress | None, step: str) -> Callable[[int, int], None]:
    """Return what tells the progress of one step, if anybody wants to hear it."""

    def tell(done: int, total: int) -> None:
        if progress is not None:
            progress(step, done, total)

    return tell
