"""Where are the bytes, and which of them are needed here?

In: a name such as ``s3://bucket/log``. Out: local files with what is read of them, and an account
of the bytes. All that reads files reads local ones, so that rows are judged in one way only.
"""

from segmentry.ingest.remote._names import place_of
from segmentry.ingest.remote._places import Places
from segmentry.ingest.remote._pruning import TimeBounds
from segmentry.ingest.remote._rows import is_table, query_rows, table_rows

__all__ = ["Places", "TimeBounds", "is_table", "place_of", "query_rows", "table_rows"]
