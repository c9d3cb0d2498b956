"""The gate before the dashboard: nothing is served before the password, not even a file."""

import asyncio
import hashlib
import hmac
import re
import secrets
import time
import unicodedata
from collections import Counter
from collections.abc import Iterable, MutableMapping
from html import escape
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote

from segmentry.present.theme import page_colours
from segmentry.runtime.web import App, Guesses, Receive, Scope, Send, address_in, header_of, host_of

COOKIE = "segmentry_session"
_SECONDS_VALID = 12 * 3600
_MAX_FORMS, _MAX_FORMS_OF_ONE, _SECONDS_TO_SEND = 64, 8, 10.0
"""Forms on their way at one time, together and of one address, and how long each may take."""
_LARGEST_FORM = 4096
_LOGIN = "/login"
_POLICY = (
    "style-src 'self' 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'; object-src 'none'"
)
_MESSAGE = "<!-- message -->"
_OWN_PAGE = re.compile(r"/(?![/\\])[!-~]{0,2000}")


class Gate:
    """An ASGI application around another one that lets nobody through without the password.

    It stands before every route: pages, scripts, media, downloads, health checks and WebSockets.
    A visitor who knows the password gets a cookie signed with a key that lives as long as the
    server and is valid for 12 hours. Wrong passwords are counted by address and together
    (`segmentry.runtime.web.Guesses`), and forms that do not arrive are given up.

    Parameters
    ----------
    app : ASGI application
        What is behind the gate.
    password : str or None
        None lets everybody through whose request is meant for one of `hosts`.
    hosts : iterable of str
        Names by which the server may be addressed (against DNS rebinding); empty for any.
    is_secure : bool
        Whether all cookies are sent over TLS only, those of the application behind the gate too.

    Notes
    -----
    A WebSocket that a page of another site opens is refused here: Streamlit would first ask a
    server on the internet for the outer address of this machine, to compare it.
    """

    def __init__(
        self,
        app: App,
        *,
        password: str | None,
        hosts: Iterable[str] = (),
        is_secure: bool = False,
    ) -> None:
        self._app = app
        self._key = secrets.token_bytes(32)
        # The digest has one length, so that comparing tells nothing about that of the password.
        self._wanted = None if password is None else self._digest(password)
        self._hosts = frozenset(hosts)
        self._is_secure = is_secure
        self._guesses, self._arriving = Guesses(), Counter[str]()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
        elif not self._is_meant_for_us(scope):
            await self._refuse(scope, receive, send, status=421, text="Unknown host.\n")
        elif scope["type"] == "websocket" and not _is_same_site(scope):
            await self._refuse(scope, receive, send, status=403, text="")
        elif self._wanted is None or self._is_known(scope):
            await self._app(scope, receive, _secured(send) if self._is_secure else send)
        elif scope["type"] == "websocket":
            await self._refuse(scope, receive, send, status=403, text="")
        elif scope["method"] == "POST" and scope["path"] == _LOGIN:
            await self._log_in(scope, receive, send)
        else:
            await answer(send, status=401, body=_page(text="", requested=_requested(scope)))

    def _digest(self, text: str) -> bytes:
        # One password however a keyboard composes its letters.
        same = unicodedata.normalize("NFC", text)
        return hmac.new(self._key, same.encode("utf-8", "surrogatepass"), hashlib.sha256).digest()

    def _is_meant_for_us(self, scope: Scope) -> bool:
        if not self._hosts:
            return True
        return host_of(header_of(scope, b"host")) in self._hosts

    def _is_known(self, scope: Scope) -> bool:
        cookies = SimpleCookie()
        try:
            cookies.load(header_of(scope, b"cookie"))
        except CookieError:
            return False
        found = cookies.get(COOKIE)
        if found is None:
            return False
        until, _, signature = found.value.partition(".")
        is_signed = hmac.compare_digest(signature.encode(), self._signature(until).encode())
        return is_signed and until.isdigit() and int(until) > time.time()

    def _signature(self, until: str) -> str:
        return hmac.new(self._key, f"session {until}".encode(), hashlib.sha256).hexdigest()

    async def _log_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        address, arriving = address_in(scope), self._arriving
        if arriving[address] >= _MAX_FORMS_OF_ONE or arriving.total() >= _MAX_FORMS:
            await self._ask_again(send, seconds=int(_SECONDS_TO_SEND))
            return
        arriving[address] += 1
        try:
            async with asyncio.timeout(_SECONDS_TO_SEND):
                fields = await _form_of(receive)
        except TimeoutError:
            await answer(send, status=408, body="", headers=[(b"connection", b"close")])
            return
        finally:
            arriving[address] -= 1
            arriving += Counter()  # forgets who has none
        requested, seconds = (
            _within(fields.get("requested", "")),
            self._guesses.seconds_left(address),
        )
        if seconds:
            await self._ask_again(send, seconds=seconds, requested=requested)
            return
        assert self._wanted is not None, "requested only where there is one"  # noqa: S101 - our own
        # Nothing is waited for between the look at the limit and the count.
        if not hmac.compare_digest(self._digest(fields.get("password", "")), self._wanted):
            self._guesses.add_wrong(address)
            text = '<p role="alert">That is not the password.</p>'
            await answer(send, status=401, body=_page(text=text, requested=requested))
            return
        self._guesses.add_right(address)
        until = str(int(time.time()) + _SECONDS_VALID)
        cookie = f"{COOKIE}={until}.{self._signature(until)}; Path=/; HttpOnly; SameSite=Strict"
        cookie += f"; Max-Age={_SECONDS_VALID}" + ("; Secure" if self._is_secure else "")
        headers = [(b"location", requested.encode("ascii")), (b"set-cookie", cookie.encode())]
        await answer(send, status=303, body="", headers=headers)

    async def _ask_again(self, send: Send, *, seconds: int, requested: str = "/") -> None:
        text = f'<p role="alert">Too many attempts; try again in {seconds} seconds.</p>'
        headers = [(b"retry-after", str(seconds).encode())]
        await answer(send, status=429, body=_page(text=text, requested=requested), headers=headers)

    async def _refuse(
        self, scope: Scope, receive: Receive, send: Send, *, status: int, text: str
    ) -> None:
        if scope["type"] == "websocket":
            await receive()  # the offer to connect
            await send({"type": "websocket.close", "code": 1008})
        else:
            await answer(send, status=status, body=text, kind="text/plain; charset=utf-8")


def _page(*, text: str, requested: str) -> str:
    page = Path(__file__).with_name("login.html").read_text(encoding="utf-8")
    for kind in ("light", "dark"):
        page = page.replace(f"/* {kind} */", page_colours(is_dark=kind == "dark"))
    field = f'<input type="hidden" name="requested" value="{escape(requested)}">'
    return page.replace(_MESSAGE, text + field)


def _requested(scope: Scope) -> str:
    """Return the page that was requested, with the choices in its address."""
    query = bytes(scope.get("query_string", b"")).decode("ascii", "replace")
    return _within(quote(scope["path"]) + (f"?{query}" if query else ""))


def _within(address: str) -> str:
    """Return an address of this site; its first page for any other, for `//elsewhere` above all."""
    is_own = _OWN_PAGE.fullmatch(address) is not None and address != _LOGIN
    return address if is_own else "/"


def _is_same_site(scope: Scope) -> bool:
    """Tell whether a page of this site asks; what is not a browser does not say who asks."""
    host = header_of(scope, b"host").encode("latin-1")
    origins = [bytes(value) for key, value in scope["headers"] if key == b"origin"]
    return all(host and each.partition(b"://")[2] == host for each in origins)


def _secured(send: Send) -> Send:
    async def sent(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            headers = [
                (k, v + b"; Secure")
                if k == b"set-cookie" and b"; secure" not in v.lower()
                else (k, v)
                for k, v in message.get("headers", ())
            ]
            message = {**message, "headers": headers}
        await send(message)

    return sent


async def _form_of(receive: Receive) -> dict[str, str]:
    """Return the fields of a small form; none of any other."""
    body, is_more = b"", True
    while is_more and len(body) <= _LARGEST_FORM:
        message = await receive()
        body += message.get("body", b"")
        is_more = message.get("more_body", False)
    if len(body) > _LARGEST_FORM:
        return {}
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=4)
    except ValueError:  # more fields than the form has
        return {}
    return {name: values[0] for name, values in fields.items()}


async def answer(
    send: Send,
    *,
    status: int,
    body: str,
    kind: str = "text/html; charset=utf-8",
    headers: Iterable[tuple[bytes, bytes]] = (),
    scripts: str = "default-src 'none'",
) -> None:
    """Send a whole answer that no cache keeps and no other page frames; no script runs by default.

    `scripts` begins its content security policy.
    """
    data = body.encode()
    fixed = [
        (b"content-type", kind.encode()),
        (b"content-length", str(len(data)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        (b"x-frame-options", b"DENY"),
        (b"referrer-policy", b"no-referrer"),
        (b"content-security-policy", f"{scripts}; {_POLICY}".encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": [*fixed, *headers]})
    await send({"type": "http.response.body", "body": data})
