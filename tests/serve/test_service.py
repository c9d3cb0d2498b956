"""Segments over HTTP: the same as `score`, and a problem document for whatever is wrong."""

import asyncio
import json
import shutil

import polars as pl
import pytest
from tests.asgi import ask, run_in_thread
from tests.serve.service import JSON, Client
from tests.texts import says

from segmentry.results.run_folder import read_user_table
from segmentry.runtime.web import MAX_WRONG
from segmentry.serve import _bodies
from segmentry.serve._app import build_app
from segmentry.serve._guard import Guard
from segmentry.serve._live import LiveRun
from segmentry.serve._metrics import Metrics

USER = {"user_id": 3, "ctr_shrunk": 0.05, "n_impressions": 20, "n_active_days": None}
TOKEN = "a token of some length"


def served(folder, **options):
    live = LiveRun(folder, has_users=False)
    return Client(build_app(live, Metrics(), has_users=False, **options), live)


def segments_of(folder):
    return pl.read_parquet(folder / "segments.parquet")


@pytest.mark.parametrize("name", ["plain_run", "attribute_run"])
def test_every_user_of_a_run_is_where_the_run_put_it(name, request):
    """In one batch, one by one, and in the files of the run: the same bits."""
    folder = request.getfixturevalue(name).folder
    client, table, expected = served(folder), read_user_table(folder), segments_of(folder)

    batch = client.score(table).json["users"]
    singles = [client.score(table[i]).json["users"][0] for i in range(0, table.height, 100)]

    for field in ("user_id", "segment_id", "segment_name", "margin"):
        assert [each[field] for each in batch] == expected[field].to_list()
    assert singles == batch[::100]


def test_users_and_fields_come_in_any_order(service, plain_run):
    table = read_user_table(plain_run.folder).head(50)
    forth, back = service.score(table).json["users"], service.score(table.reverse()).json["users"]
    reordered = {"users": [dict(reversed(USER.items()))]}

    assert forth == back[::-1]
    assert service.post(reordered).json == service.post({"users": [USER]}).json


def test_a_level_that_was_not_there_is_counted(attribute_run):
    client = served(attribute_run.folder)
    table = read_user_table(attribute_run.folder).filter("is_profiled").head(2)
    rows = table.select(f.name for f in client.live.model.of_users.fields).to_dicts()
    rows[0]["gender"], rows[1]["gender"] = "7", 1

    found = client.post({"users": rows}).json

    assert found["unseen_levels"] == {"gender": 1}
    expected = client.post({"users": [{**rows[1], "gender": "1"}]}).json
    assert found["users"][1] == expected["users"][0]


@pytest.mark.parametrize(
    ("changed", "pointers"),
    [
        ({"ctr_shrunk": float("nan")}, ["#/users/1/ctr_shrunk"]),
        ({"ctr_shrunk": float("inf")}, ["#/users/1/ctr_shrunk"]),
        ({"n_impressions": 10**400}, ["#/users/1/n_impressions"]),
        ({"n_impressions": "12"}, ["#/users/1/n_impressions"]),
        ({"n_impressions": True}, ["#/users/1/n_impressions"]),
        ({"user_id": None}, ["#/users/1/user_id"]),
        ({"user_id": 2**63}, ["#/users/1/user_id"]),
        ({"user_id": 1.5}, ["#/users/1/user_id"]),
        ({"clicks/day": 1, "~": 2}, ["#/users/1/clicks~1day", "#/users/1/~0"]),
    ],
)
def test_a_wrong_field_is_named(service, changed, pointers):
    reply = service.post({"users": [USER, {**USER, **changed}]})

    assert reply.status == 422
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.pointers == pointers
    says(reply.json["detail"])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b'{"users": [', 400),
        (b"\xff", 400),
        (b"[" * 10_000, 400),
        (b"[]", 422),
        (b'{"people": []}', 422),
        (b'{"users": {}}', 422),
        (b'{"users": []}', 422),
        (b'{"users": [3]}', 422),
        (b'{"users": [{"user_id": 1}]}', 422),
    ],
)
def test_a_body_of_another_shape_is_refused(service, body, status):
    reply = service.post(body)

    assert reply.status == reply.json["status"] == status
    says({key: reply.json.get(key) for key in ("title", "detail", "errors")})


def test_only_so_many_faults_are_listed(service):
    reply = service.post({"users": [{}] * 1_000})

    assert len(reply.pointers) == 20


def test_a_body_of_another_type_is_refused(service):
    assert service.post(b"a,b", headers=[(b"content-type", b"text/csv")]).status == 415
    assert service.post(b"{}", headers=[]).status == 415


def test_paths_and_methods_that_are_not_served_are_problems_too(service):
    for reply, status in ((service.get("/nowhere"), 404), (service.get("/score"), 405)):
        assert reply.json["status"] == reply.status == status
    assert service.get("/score").headers["allow"] == "POST"
    assert service.get("/users/" + "9" * 300).status == 422


def test_segments_are_listed_and_found(service):
    listed = service.get("/segments").json
    first = listed["segments"][0]

    summary = service.live.model.summary
    assert [each["n_users"] for each in listed["segments"]] == [s.n_users for s in summary.segments]
    assert first["expected_rate"]["value"] == summary.segments[0].expected_rate.value
    assert service.get(f"/segments/{first['segment_key']}").json == first
    assert service.get("/segments/1").json == first
    assert service.get("/segments/0").status == 404


def test_users_of_the_run_can_be_looked_up_only_where_asked_for(service, plain_run):
    row = segments_of(plain_run.folder).row(0, named=True)

    found = service.get(f"/users/{row['user_id']}").json

    assert {name: found[name] for name in ("segment_id", "segment_name", "margin")} == {
        name: row[name] for name in ("segment_id", "segment_name", "margin")
    }
    assert service.get("/users/-5").status == service.get("/users/x").status == 404
    assert served(plain_run.folder).get(f"/users/{row['user_id']}").status == 404


def test_a_model_is_replaced_as_a_whole_or_not_at_all(plain_run, attribute_run, tmp_path):
    run_dir = tmp_path / "run"
    shutil.copytree(plain_run.folder, run_dir)
    client = served(run_dir)
    first = client.get("/health").json

    (run_dir / "model" / "bundle.json").write_text("{")
    client.live.look()
    damaged, still = client.get("/health").json, client.post({"users": [USER]})
    shutil.rmtree(run_dir)
    shutil.copytree(attribute_run.folder, run_dir)
    client.live.look()
    second = client.get("/health").json

    assert (first["status"], damaged, still.status) == ("ok", {**first, "status": "stale"}, 200)
    assert second["status"] == "ok"
    assert second["model"] != first["model"]
    assert client.post({"users": [USER]}).pointers == ["#/users/0/ctr_shrunk", *MISSING]
    assert "segmentry_model_swaps_total 1" in client.get("/metrics").text


MISSING = ["#/users/0/n_active_days", "#/users/0/gender", "#/users/0/age_level"]


def test_what_is_served_is_counted(plain_run):
    live, metrics = LiveRun(plain_run.folder, has_users=False), Metrics()
    guard = Guard(build_app(live, metrics, has_users=False), token=None, hosts=(), metrics=metrics)
    client = Client(guard, live)

    client.post({"users": [USER, USER]})
    client.post({"users": 1})
    for path in ("/a", "/b"):
        client.get(path)

    lines = client.get("/metrics").text.splitlines()
    assert 'segmentry_requests_total{path="/score",method="POST",status="200"} 1' in lines
    assert 'segmentry_requests_total{path="/score",method="POST",status="422"} 1' in lines
    assert 'segmentry_requests_total{path="other",method="other",status="404"} 2' in lines
    assert 'segmentry_request_seconds_count{path="/score"} 2' in lines
    assert "segmentry_users_scored_total 2" in lines


class TestGuard:
    """Who may ask."""

    def status(self, guard, path="/segments", headers=()):
        return ask(guard, path, headers=headers)[0]["status"]

    def test_nothing_but_health_is_served_without_the_token(self, service):
        wrong = [[], [(b"authorization", b"Bearer wrong")], [(b"authorization", TOKEN.encode())]]

        for path in ("/segments", "/score", "/metrics", "/users/1", "/openapi.json", "/nowhere"):
            guard = Guard(service.app, token=TOKEN, hosts=(), metrics=Metrics())
            assert [self.status(guard, path, headers) for headers in wrong] == [401] * 3
        assert self.status(guard, "/health") == 200
        right = [(b"authorization", b"bearer " + TOKEN.encode())]
        assert self.status(guard, headers=right) == 200

    def test_tokens_of_a_guesser_are_not_compared_beyond_a_few(self, service):
        guard = Guard(service.app, token=TOKEN, hosts=(), metrics=Metrics())
        right = [(b"authorization", b"bearer " + TOKEN.encode())]

        wrong = [self.status(guard, headers=[(b"authorization", b"Bearer x")]) for _ in range(20)]

        assert wrong == [401] * MAX_WRONG + [429] * (20 - MAX_WRONG)
        assert self.status(guard, headers=right) == 429
        assert self.status(guard, "/health") == 200

    def test_a_name_of_another_host_is_refused(self, service):
        guard = Guard(service.app, token=None, hosts=("localhost",), metrics=Metrics())

        assert self.status(guard, headers=[(b"host", b"evil.example:80")]) == 421
        assert self.status(guard, headers=[(b"host", b"LOCALHOST:80")]) == 200

    def test_a_name_of_another_host_brings_no_token(self, service):
        guard = Guard(service.app, token=TOKEN, hosts=(), metrics=Metrics())

        for path in ("/segments", "/score", "/metrics", "/users/1"):
            assert self.status(guard, path, [(b"host", b"evil.example:80")]) == 401


class TestLimits:
    """Of size and time."""

    def post(self, service, messages, headers=(JSON,)):
        """Return status and how many messages of the body were read."""
        left, sent = list(messages), []

        async def receive():
            if not left:
                await asyncio.sleep(60)
            return left.pop(0)

        async def send(message):
            sent.append(message)

        scope = {"type": "http", "path": "/score", "method": "POST", "headers": list(headers)}
        scope["query_string"] = b""
        run_in_thread(service.app(scope, receive, send))
        return sent[0]["status"], len(messages) - len(left)

    def test_a_long_body_is_refused_before_it_is_read(self, service):
        chunk = {"type": "http.request", "body": b" " * 2**20, "more_body": True}
        length = (b"content-length", b"1000000000")

        assert self.post(service, [chunk] * 100, headers=(JSON, length)) == (413, 0)
        assert self.post(service, [chunk] * 100) == (413, 17)

    def test_a_slow_body_is_refused(self, service, monkeypatch):
        monkeypatch.setattr(_bodies, "SECONDS_TO_SEND", 0.02)
        begun = {"type": "http.request", "body": b"{", "more_body": True}

        assert self.post(service, [begun]) == (408, 1)

    def test_a_body_that_ends_early_is_no_bug(self, service):
        begun = {"type": "http.request", "body": b"{", "more_body": True}

        assert self.post(service, [begun, {"type": "http.disconnect"}])[0] == 400

    def test_only_so_much_is_held_at_one_time(self, service, monkeypatch):
        monkeypatch.setattr(_bodies, "_MAX_BYTES_HELD", 10)
        body = {"type": "http.request", "body": b" " * 11, "more_body": False}

        assert self.post(service, [body])[0] == 503
        assert self.post(service, [{**body, "body": b"{}"}])[0] == 422

    def test_too_many_users_are_refused(self, service, monkeypatch):
        monkeypatch.setattr(_bodies, "MAX_USERS", 2)

        assert service.post({"users": [USER] * 3}).pointers == ["#/users"]


def test_the_description_names_the_fields_of_the_model(service):
    described = service.get("/openapi.json").json
    body = described["paths"]["/score"]["post"]["requestBody"]["content"]["application/json"]

    user = body["schema"]["anyOf"][0]["properties"]["users"]["items"]
    assert user["required"] == list(USER)
    assert json.dumps(described)
