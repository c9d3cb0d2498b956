"""Asking the service without a server."""

import json
from dataclasses import dataclass
from typing import Any

import polars as pl
from tests.asgi import ask

from segmentry.serve._live import LiveRun

JSON = (b"content-type", b"application/json")


@dataclass(frozen=True)
class Reply:
    """An answer of the service."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        """What it says."""
        return json.loads(self.text)

    @property
    def pointers(self) -> list[str]:
        """Where it finds fault."""
        return [each["pointer"] for each in self.json["errors"]]


@dataclass(frozen=True)
class Client:
    """Asks an application."""

    app: Any
    live: LiveRun

    def get(self, path, headers=()):
        """Ask for a path."""
        return self._reply(ask(self.app, path, headers=headers))

    def post(self, content, *, headers=(JSON,), path="/score"):
        """Send a body, as JSON unless it is bytes."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        return self._reply(ask(self.app, path, method="POST", body=body, headers=headers))

    def score(self, table: pl.DataFrame):
        """Score the rows of a table; fields that the service does not take are left out."""
        names = [field.name for field in self.live.model.of_users.fields]
        return self.post({"users": table.select(names).to_dicts()})

    def _reply(self, sent):
        headers = {k.decode(): v.decode() for k, v in sent[0]["headers"]}
        text = b"".join(message.get("body", b"") for message in sent[1:]).decode()
        return Reply(sent[0]["status"], headers, text)
