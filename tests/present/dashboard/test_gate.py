"""The gate: nothing is served before the password."""

import asyncio
import html
import itertools
import re
import unicodedata
from collections import Counter
from urllib.parse import quote, urlencode

import pytest
from tests.asgi import ask, run_in_thread
from tests.texts import says

from segmentry.present.dashboard import _gate
from segmentry.present.dashboard._gate import Gate
from segmentry.runtime import web
from segmentry.runtime.web import MAX_WRONG, MAX_WRONG_TOGETHER

PASSWORD = "öffne dich, Sesam"
PATHS = ["/", "/segments", "/_stcore/health", "/_stcore/host-config", "/media/abc.csv",
         "/static/js/index.js", "/component/x/y", "/_stcore/upload_file/1/2", "/login"]  # fmt: skip


class Behind:
    """An application that remembers who came through."""

    def __init__(self):
        self.seen = []
        self.headers = []

    async def __call__(self, scope, _, send):
        self.seen.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": self.headers})
        await send({"type": "http.response.body", "body": b"secret"})


def log_in(gate, password):
    body = urlencode({"password": password}).encode()
    return ask(gate, "/login", method="POST", body=body)


def posts(gate, passwords, *, addresses=("10.0.0.1",), is_whole=True):
    """Send forms all at once, each on a connection of its own, from addresses in turn."""

    async def status_of(password, address):
        sent, body = [], urlencode({"password": password}).encode()

        async def receive():
            if not is_whole:
                await asyncio.sleep(60)
            return {"type": "http.request", "body": body}

        async def send(message):
            sent.append(message)

        scope = {"type": "http", "path": "/login", "method": "POST", "headers": []}
        await gate({**scope, "client": (address, 1)}, receive, send)
        return sent[0]["status"]

    async def together():
        places = itertools.cycle(addresses)
        return await asyncio.gather(*(status_of(p, next(places)) for p in passwords))

    return Counter(run_in_thread(together()))


def cookie_of(sent):
    headers = dict(sent[0]["headers"])
    return headers[b"set-cookie"].decode()


@pytest.fixture
def behind():
    return Behind()


@pytest.fixture
def gate(behind):
    return Gate(behind, password=PASSWORD)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_nothing_is_served_before_the_password(gate, behind, path, method):
    sent = ask(gate, path, method=method)

    assert sent[0]["status"] == 401
    assert b"secret" not in sent[1]["body"]
    assert behind.seen == []


def test_no_socket_is_opened_before_the_password(gate, behind):
    sent = ask(gate, "/_stcore/stream", kind="websocket")

    assert sent == [{"type": "websocket.close", "code": 1008}]
    assert behind.seen == []


def test_the_password_opens_everything_by_a_cookie_that_scripts_cannot_read(gate, behind):
    sent = log_in(gate, PASSWORD)

    assert sent[0]["status"] == 303
    cookie = cookie_of(sent)
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    header = [(b"cookie", cookie.partition(";")[0].encode())]
    for path in PATHS:
        assert ask(gate, path, headers=header)[0]["status"] == 200
    assert behind.seen == PATHS


@pytest.mark.parametrize("wrong", ["", "x", PASSWORD + " ", PASSWORD[:-1], "\ud800"])
def test_a_wrong_password_opens_nothing(gate, behind, wrong):
    sent = ask(
        gate, "/login", method="POST", body=b"password=" + wrong.encode("utf-8", "surrogatepass")
    )

    assert sent[0]["status"] == 401
    assert b"set-cookie" not in dict(sent[0]["headers"])
    assert behind.seen == []


def test_parallel_guesses_of_an_address_are_not_compared_beyond_a_few(gate, behind):
    assert posts(gate, ["guess"] * 200) == {401: MAX_WRONG, 429: 200 - MAX_WRONG}
    assert posts(gate, [PASSWORD]) == {429: 1}
    assert posts(gate, [PASSWORD], addresses=["10.0.0.2"]) == {303: 1}
    assert behind.seen == []


def test_guesses_of_many_addresses_are_limited_together_and_keep_no_known_one_out(gate):
    posts(gate, [PASSWORD], addresses=["192.0.2.7"])

    many = [f"10.0.{i}.1" for i in range(200)]

    assert posts(gate, ["guess"] * 200, addresses=many) == {
        401: MAX_WRONG_TOGETHER,
        429: 200 - MAX_WRONG_TOGETHER,
    }
    assert posts(gate, [PASSWORD] * 2, addresses=["10.9.9.9", "192.0.2.7"]) == {429: 1, 303: 1}


def test_a_network_of_ipv6_is_one_address(gate):
    one = [f"2001:db8:1:2::{i:x}" for i in range(1, 99)]

    assert posts(gate, ["guess"] * 98, addresses=one)[401] == MAX_WRONG


def test_guesses_are_forgotten_after_five_minutes(gate, monkeypatch):
    posts(gate, ["guess"] * 20)
    later = web.time.monotonic() + web.SECONDS_COUNTED
    monkeypatch.setattr(web.time, "monotonic", lambda: later)

    assert posts(gate, [PASSWORD]) == {303: 1}


def test_forms_that_do_not_arrive_are_few_and_given_up(gate, monkeypatch):
    monkeypatch.setattr(_gate, "_SECONDS_TO_SEND", 0.01)
    many = [f"10.0.{i}.1" for i in range(300)]

    assert posts(gate, [PASSWORD] * 300, is_whole=False) == {408: 8, 429: 292}
    assert posts(gate, [PASSWORD] * 300, addresses=many, is_whole=False) == {408: 64, 429: 236}
    assert posts(gate, [PASSWORD]) == {303: 1}


@pytest.mark.parametrize(
    "body", [b"", b"password", b"a=b&" * 9, b"password=" + b"x" * 9000, b"\xff\xfe"]
)
def test_a_broken_form_opens_nothing(gate, body):
    assert ask(gate, "/login", method="POST", body=body)[0]["status"] == 401


def test_a_cookie_that_was_changed_or_is_of_another_server_or_late_opens_nothing(
    gate, behind, monkeypatch
):
    name, _, value = cookie_of(log_in(gate, PASSWORD)).partition(";")[0].partition("=")
    until, _, signature = value.partition(".")
    forged = [
        f"{int(until) + 1}.{signature}",
        f"{until}.{'0' * 64}",
        f"{until}.",
        until,
        "",
        "\x00.é",
        f"{until}.{signature}x",
    ]
    for each in forged:
        header = [(b"cookie", f"{name}={each}".encode("latin-1"))]
        assert ask(gate, headers=header)[0]["status"] == 401
    other = Gate(behind, password=PASSWORD)
    assert ask(other, headers=[(b"cookie", f"{name}={value}".encode())])[0]["status"] == 401
    monkeypatch.setattr(_gate.time, "time", lambda: int(until) + 1)
    assert ask(gate, headers=[(b"cookie", f"{name}={value}".encode())])[0]["status"] == 401
    assert behind.seen == []


@pytest.mark.parametrize("host", [b"", b"127.0.0.1:8501"])
def test_a_page_without_origin_opens_no_socket_of_a_host_without_name(behind, host):
    headers = [(b"host", host), (b"origin", b"null")]

    ask(Gate(behind, password=None), "/_stcore/stream", kind="websocket", headers=headers)

    assert behind.seen == []


def test_the_page_of_the_password_runs_no_script_and_is_framed_by_none(gate):
    policy = dict(ask(gate)[0]["headers"])[b"content-security-policy"].decode()

    says(policy)


def test_the_password_is_compared_in_constant_time(gate, monkeypatch):
    compared = []

    def compare(one, other):
        compared.append((len(one), len(other)))
        return False

    monkeypatch.setattr(_gate.hmac, "compare_digest", compare)
    log_in(gate, "short")
    log_in(gate, "a much longer one than the other")

    assert compared == [(32, 32), (32, 32)]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8501", 200),
        ("localhost", 200),
        ("[::1]:80", 200),
        ("evil.example", 421),
        ("", 421),
    ],
)
def test_a_local_server_answers_to_its_own_names_only(behind, host, status):
    gate = Gate(behind, password=None, hosts=("127.0.0.1", "localhost", "::1"))

    assert ask(gate, headers=[(b"host", host.encode())])[0]["status"] == status


def test_a_foreign_name_with_a_password_gets_the_form_alone(gate, behind):
    """A name of another site that leads here: the browser keeps our cookie from it."""
    cookie = cookie_of(log_in(gate, PASSWORD))
    assert "domain" not in cookie.lower()
    foreign = [(b"host", b"evil.example:8501")]

    for path in PATHS:
        assert ask(gate, path, headers=foreign)[0]["status"] == 401
    assert ask(gate, "/_stcore/stream", kind="websocket", headers=foreign) == [
        {"type": "websocket.close", "code": 1008}
    ]
    assert behind.seen == []


def test_behind_tls_the_cookie_is_sent_over_tls_only(behind):
    gate = Gate(behind, password=PASSWORD, is_secure=True)

    sent = log_in(gate, PASSWORD)

    assert "Secure" in cookie_of(sent).split("; ")
    header = [(b"cookie", cookie_of(sent).partition(";")[0].encode())]
    behind.headers = [(b"set-cookie", b"a=1; Path=/"), (b"set-cookie", b"b=1; secure")]
    cookies = [value for _, value in ask(gate, headers=header)[0]["headers"]]
    assert cookies == [b"a=1; Path=/; Secure", b"b=1; secure"]


@pytest.mark.parametrize("password", [None, PASSWORD])
@pytest.mark.parametrize(
    ("origin", "is_served"),
    [
        (b"https://runs.example", True),
        (None, True),  # no browser
        (b"", False),
        (b"https://evil.example", False),
        (b"https://runs.example.evil.example", False),
        (b"null", False),
        (b"http://[", False),
        (b"http://[::1", False),
        (b"\xff\xfe", False),
        (b"runs.example", False),
    ],
)
def test_no_page_of_another_site_opens_a_socket(behind, password, origin, is_served):
    gate = Gate(behind, password=password)
    headers = [(b"host", b"runs.example"), *([] if origin is None else [(b"origin", origin)])]
    if password is not None:
        cookie = cookie_of(log_in(gate, password)).partition(";")[0]
        headers.append((b"cookie", cookie.encode()))

    sent = ask(gate, "/_stcore/stream", kind="websocket", headers=headers)

    assert behind.seen == (["/_stcore/stream"] if is_served else [])
    assert is_served or sent == [{"type": "websocket.close", "code": 1008}]


@pytest.mark.parametrize(
    ("asked", "query"),
    [
        ("/segments", b"segment=3&by=a%20b"),
        ("/", b""),
        ("/login", b""),
        ("//evil.example", b""),
        ("/\\evil.example", b""),
        ('/"><script>', b'x="><script>'),
    ],
)
def test_who_logs_in_gets_the_page_that_was_asked_for(gate, asked, query):
    form = ask(gate, asked, query=query)[1]["body"].decode()
    kept = html.unescape(re.search(r'name="requested" value="([^"]*)"', form)[1])
    body = urlencode({"password": PASSWORD, "requested": kept}).encode()

    sent = ask(gate, "/login", method="POST", body=body)

    assert "<script" not in form
    says(dict(sent[0]["headers"])[b"location"].decode())


@pytest.mark.parametrize(
    "asked", ["https://evil.example", "//evil.example", "/\\e", "/a\r\nb", "é"]
)
def test_no_form_leads_to_another_site(gate, asked):
    body = urlencode({"password": PASSWORD, "asked": asked}).encode()

    sent = ask(gate, "/login", method="POST", body=body)

    assert dict(sent[0]["headers"])[b"location"] == b"/"


def test_letters_are_the_same_however_they_are_composed(behind):
    gate = Gate(behind, password="pässwörter", hosts=())
    typed = unicodedata.normalize("NFD", "pässwörter").encode()

    assert (
        ask(gate, "/login", method="POST", body=b"password=" + quote(typed).encode())[0]["status"]
        == 303
    )
