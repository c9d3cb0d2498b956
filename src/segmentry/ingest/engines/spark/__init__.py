"""How is a log read and counted by a cluster?

In: a `TableSource`, cut into units. Out: parts by user, counts and accounts, as DuckDB makes them
on one machine: tasks run the same reader on one thread, and Spark schedules, shuffles and commits.
"""

from segmentry.ingest.engines.spark._engine import ClusterEngine
from segmentry.ingest.engines.spark._session import opened_cluster
from segmentry.ingest.engines.spark._tables import session_of
from segmentry.ingest.engines.spark._tasks import Place, WrittenPart
from segmentry.ingest.engines.spark._units import inputs_of

__all__ = [
    "ClusterEngine",
    "Place",
    "WrittenPart",
    "inputs_of",
    "opened_cluster",
    "session_of",
]
