"""A log that a cluster prepares: as block by block here, and the same bytes."""

import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from segmentry.ingest.engines import total_account
from segmentry.ingest.engines.spark import ClusterEngine, Place, WrittenPart, inputs_of
from segmentry.ingest.store.blocks import prepared_log
from segmentry.ingest.store.journal import Work
from segmentry.ingest.store.prepared import Inputs
from segmentry.ingest.store.slices import cut_days, write_days
from segmentry.schema import TableSource


def prepare_on_cluster(
    work: Work, engine: ClusterEngine, table: TableSource, *, n_parts: int, offset: int
) -> tuple[TableSource, Inputs]:
    """Read a log in tasks, and write its parts there; what was begun before is begun again."""
    whole = work.whole.absolute()
    shutil.rmtree(whole / table.role, ignore_errors=True)
    found = engine.shuffle(
        table,
        n_parts=n_parts,
        write=partial(_write, table=table, whole=whole, offset=offset),
        block_bytes=work.block_bytes,
    )
    files = {
        name: each for part in sorted(found.parts) for name, each in found.parts[part].files.items()
    }
    account = total_account(table, found.accounts, n_repeated=found.n_repeated)
    return prepared_log(work.whole, table, files, account), inputs_of(table, found.blocks)


def _write(
    place: Place, pieces: Sequence[Path], *, table: TableSource, whole: Path, offset: int
) -> WrittenPart:
    n_rows = place.engine.count_days(table.role, pieces, offset=offset)
    files = write_days(
        place.engine,
        place.part,
        pieces,
        cut_days(n_rows, []),
        table=table,
        whole=whole,
        scratch=place.scratch,
        offset=offset,
    )
    return WrittenPart(files, n_rows=sum(each.n_rows for each in files.values()))
