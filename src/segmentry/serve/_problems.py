"""What went wrong with a request, as a problem document (RFC 9457)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus

from starlette.responses import Response

MAX_FAULTS = 20
PROBLEM_JSON = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong in a body."""

    pointer: str
    """Where, as a JSON Pointer: "#/users/3/n_impressions"."""
    detail: str


class Problem(Exception):  # noqa: N818  # the word of RFC 9457
    """A request that is not answered, and why."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        faults: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail
        self.faults = tuple(faults[:MAX_FAULTS])
        self.headers = headers

    def response(self) -> Response:
        """Return the answer."""
        content: dict[str, object] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        if self.faults:
            content["errors"] = [asdict(fault) for fault in self.faults]
        return Response(
            json.dumps(content, ensure_ascii=False),
            status_code=self.status,
            headers=self.headers,
            media_type=PROBLEM_JSON,
        )


PROBLEM_SCHEMA: Mapping[str, object] = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "maxItems": MAX_FAULTS,
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}
