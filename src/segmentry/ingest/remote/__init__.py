"""Where are the bytes, and which of them are needed here?

In: a name such as ``s3://bucket/log``. Out: local files with what is read of them, and an account
of the bytes. All that reads files reads local ones, so that rows are judged in one way only.
"""

from segmentry.ingest.remote._folders import (
    at_hand,
    changed_at,
    put_folder,
    require_free,
    require_writable,
)
from segmentry.ingest.remote._names import Place, place_of
from segmentry.ingest.remote._places import Places, Session, Wanted, fetch
from segmentry.ingest.remote._pruning import TimeBounds
from segmentry.ingest.remote._rows import (
    Rows,
    database_address,
    is_table,
    lake_options,
    query_rows,
)
from segmentry.ingest.remote._stores import object_store_of, store_of

__all__ = [
    "Place",
    "Places",
    "Rows",
    "Session",
    "TimeBounds",
    "Wanted",
    "at_hand",
    "changed_at",
    "database_address",
    "fetch",
    "is_table",
    "lake_options",
    "object_store_of",
    "place_of",
    "put_folder",
    "query_rows",
    "require_free",
    "require_writable",
    "store_of",
]
