"""The answer to a body of users or events."""

import json

import polars as pl

from segmentry.errors import DataError
from segmentry.schema import UNASSIGNED
from segmentry.serve._bodies import lists_of, parse_body, table_of
from segmentry.serve._events import RequestedUsers, event_users
from segmentry.serve._live import Model, key_of
from segmentry.serve._problems import Problem


def scored(body: bytes, model: Model) -> tuple[bytes, int]:
    """Return the answer as JSON, and the number of users in it.

    All of it works on columns, as a loop over users would take most of the time.

    Raises Problem if something is wrong with the body.
    """
    content = parse_body(body)
    try:
        if "events" in content:
            requested = event_users(content, model)
        else:
            (rows,) = lists_of(content, [model.of_users.name]).values()
            table = table_of(rows, model.of_users)
            requested = RequestedUsers(table["user_id"], table)
        scores = model.place(requested.table, requested.window)
    except DataError as error:
        raise Problem(422, f"the values cannot be placed: {error}") from error
    by_id = {each.segment_id: each for each in model.summary.segments}
    labels = [None, *model.bundle.names]
    keys = [None, *(key_of(by_id[i + 1]) for i in range(len(model.bundle.names)))]
    users = pl.DataFrame(
        [
            requested.table["user_id"],
            pl.Series("segment_id", scores.segment_ids, dtype=pl.Int64),
            pl.Series("margin", scores.margins, dtype=pl.Float64),
        ]
    )
    if "events" in content:
        named = requested.user_id.to_frame()
        users = named.join(users, on="user_id", how="left", maintain_order="left")
        users = users.with_columns(pl.col("segment_id").fill_null(UNASSIGNED))
    # Lists and not `gather`, whose query would take longer than all else of a single user.
    ids = users["segment_id"].to_list()
    users.insert_column(2, pl.Series("segment_key", [keys[each] for each in ids], dtype=pl.String))
    users.insert_column(
        3, pl.Series("segment_name", [labels[each] for each in ids], dtype=pl.String)
    )
    facts = {"model": model.version, "unseen_levels": scores.unseen, "left_out": requested.left_out}
    head = json.dumps(facts, ensure_ascii=False)
    return f'{head[:-1]}, "users": {users.write_json()}}}'.encode(), users.height
