"""Counts of what was served, in the text format of Prometheus (version 0.0.4)."""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator

from segmentry.serve._live import LiveRun

_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Kept by the one thread of the event loop."""

    def __init__(self) -> None:
        self.n_users = 0
        self.n_in_flight = 0
        self._answers: Counter[tuple[str, str, int]] = Counter()
        self._buckets: dict[str, list[int]] = defaultdict(lambda: [0] * (len(_BOUNDS) + 1))
        self._seconds: Counter[str] = Counter()

    def add(self, path: str, method: str, status: int, seconds: float) -> None:
        """Count an answer."""
        self._answers[path, method, status] += 1
        self._buckets[path][bisect_left(_BOUNDS, seconds)] += 1
        self._seconds[path] += seconds  # type: ignore[assignment]  # a sum of seconds

    def render(self, live: LiveRun) -> str:
        """Return all counts."""
        return "\n".join(self._lines(live)) + "\n"

    def _lines(self, live: LiveRun) -> Iterator[str]:
        yield from _head("requests_total", "counter", "Answers by path, method and status.")
        for (path, method, status), n in sorted(self._answers.items()):
            labels = f'path="{path}",method="{method}",status="{status}"'
            yield f"segmentry_requests_total{{{labels}}} {n}"
        yield from _head("request_seconds", "histogram", "Seconds until an answer was sent.")
        for path, counts in sorted(self._buckets.items()):
            total = 0
            for bound, n in zip((*map(str, _BOUNDS), "+Inf"), counts, strict=True):
                total += n
                yield f'segmentry_request_seconds_bucket{{path="{path}",le="{bound}"}} {total}'
            yield f'segmentry_request_seconds_sum{{path="{path}"}} {self._seconds[path]:.6f}'
            yield f'segmentry_request_seconds_count{{path="{path}"}} {total}'
        for name, kind, text, value in (
            ("requests_in_flight", "gauge", "Requests being answered.", self.n_in_flight),
            ("users_scored_total", "counter", "Users put into segments.", self.n_users),
            ("model_swaps_total", "counter", "Models taken over since the start.", live.n_swaps),
            ("model_loaded_seconds", "gauge", "When it was read, epoch.", live.model.loaded_at),
            ("model_is_stale", "gauge", "1 if a newer one is unreadable.", int(bool(live.problem))),
        ):
            yield from _head(name, kind, text)
            yield f"segmentry_{name} {value}"
        yield from _head("model_info", "gauge", "Version of the model that is served.")
        yield f'segmentry_model_info{{version="{live.model.version}"}} 1'


def _head(name: str, kind: str, text: str) -> tuple[str, str]:
    return f"# HELP segmentry_{name} {text}", f"# TYPE segmentry_{name} {kind}"
