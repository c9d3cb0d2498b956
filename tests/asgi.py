"""Asking an application of the web, without a server."""

import asyncio
from concurrent.futures import ThreadPoolExecutor


def run_in_thread(asked):
    """Run a coroutine in a thread of its own: where a browser is driven, this one has a loop."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, asked).result()


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
    run_in_thread(application(scope, receive, send))
    return sent
