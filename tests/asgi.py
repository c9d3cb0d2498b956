"""Asking an application of the web, without a server."""

import asyncio
from concurrent.futures import ThreadPoolExecutor


def ask(application, path="/", *, method="GET", body=b"", headers=(), kind="http", query=b""):
    """Return the messages that an application sends."""
    sent = []

    async def receive():
        if kind == "websocket":
            return {"type": "websocket.connect"}
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message):
        sent.append(message)

    scope = {"type": kind, "path": path, "method": method, "headers": list(headers)}
    scope["query_string"] = query
    # In a thread of its own: where a browser is driven, this one has a loop already.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: asyncio.run(application(scope, receive, send))).result()
    return sent
