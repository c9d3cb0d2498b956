"""Audiences: who is in a list, who was left out, what is refused."""

import hashlib
import json
import random
import sys
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.pipeline.runs import segmentry
from tests.texts import raises_text, says

from segmentry.activate._lists import split
from segmentry.activate.audience import TARGETS, export_audience
from segmentry.activate.platforms import PLATFORMS
from segmentry.errors import BundleError, ConfigError, DataError, OutputError, SchemaError
from segmentry.runtime.sampling import hash_shares

NAMES = {0: None, 1: "High responders", 2: "=HYPERLINK(1)"}
ENDINGS = {"parquet": ".parquet", "openrtb": ".jsonl", "google-api": ""}


def run_of(folder, *, n_users=400, ids=None, names=NAMES):
    """A run folder as an export reads it: segments 1 and 2 in turn, every tenth user in none."""
    users = list(range(1, n_users + 1)) if ids is None else ids
    segment = [0 if place % 10 == 9 else 1 + place % 2 for place in range(len(users))]
    folder.mkdir(exist_ok=True)
    table = {
        "user_id": users,
        "segment_id": segment,
        "segment_name": [names[each] for each in segment],
    }
    pl.DataFrame(table).write_parquet(folder / "segments.parquet")
    return folder


@pytest.fixture
def run_dir(tmp_path):
    return run_of(tmp_path / "run")


@pytest.fixture(scope="module")
def large_run(tmp_path_factory):
    return run_of(tmp_path_factory.mktemp("large") / "run", n_users=3000)


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def contacts_of(file, users, **columns):
    """Contacts of users, each column from a function of the user."""
    made = {name: [cell(user) for user in users] for name, cell in columns.items()}
    table = pl.DataFrame({"user_id": list(users)} | made)
    table.write_parquet(file) if file.suffix == ".parquet" else table.write_csv(file)
    return file


def email_of(user):
    return f"U.{user}@Example.com"


def held_out(users, share, salt="hold-out"):
    return set(pl.Series(users).filter(pl.Series(hash_shares(pl.Series(users), salt=salt) < share)))


def of_segment(run_dir, segment):
    table = pl.read_parquet(run_dir / "segments.parquet")
    return table.filter(pl.col("segment_id") == segment)["user_id"].to_list()


def lines_of(file):
    return file.read_text().splitlines()


def test_ids_are_written_once_in_order_of_their_lines_and_every_user_is_counted(run_dir, tmp_path):
    out = tmp_path / "a.csv"

    audience = export_audience(run_dir, out, segment_ids=[1], to="csv", hold_out=0.25, salt="s")

    ones = of_segment(run_dir, 1)
    left = [user for user in ones if user not in held_out(ones, 0.25, "s")]
    expected = sorted(f"{user},1,High responders" for user in left)
    assert lines_of(out) == ["user_id,segment_id,segment_name", *expected]
    assert audience.n_users == 200
    assert audience.n_held_out == 200 - len(left)
    assert audience.n_written == audience.n_reached == len(left)
    assert 30 < audience.n_held_out < 70


def test_the_same_salt_holds_the_same_users_out_of_every_segment(run_dir, tmp_path):
    files = [tmp_path / f"{name}.parquet" for name in ("one", "both")]
    for file, segments in zip(files, ([1], [1, 2]), strict=True):
        export_audience(run_dir, file, segment_ids=segments, to="parquet", hold_out=0.5)

    one, both = (set(pl.read_parquet(file)["user_id"]) for file in files)
    assert one == both & set(of_segment(run_dir, 1))


def test_the_hold_out_is_logged_with_arms_that_are_alike(run_dir, tmp_path):
    ones = of_segment(run_dir, 1)
    contacts = contacts_of(
        tmp_path / "c.csv", ones, email=lambda user: "" if user % 5 == 0 else email_of(user)
    )
    export_audience(
        run_dir,
        tmp_path / "meta.csv",
        segment_ids=[1],
        to="meta",
        contacts=contacts,
        hold_out=0.3,
        salt="=spring",
        today=date(2026, 5, 4),
    )

    log = pl.read_csv(tmp_path / "meta.csv.hold-out.csv")
    held = held_out(ones, 0.3, "=spring")
    assert set(log["user_id"]) == {user for user in ones if user % 5}
    assert set(log.filter(pl.col("arm") == "control")["user_id"]) == {u for u in held if u % 5}
    assert set(log["arm"]) == {"control", "treatment"}
    assert log.select("segment_id", "date", "salt").unique().rows() == [
        (1, "2026-05-04", "'=spring")
    ]


HEADERS = {
    "google": "Email,Email,Email,Phone,First Name,Last Name,Country,Zip",
    "meta": "email,email,email,phone,madid,fn,ln,zip,country,extern_id,value",
    "tiktok": "Email_SHA256,Email_SHA256,Email_SHA256,Phone_SHA256,MAID_SHA256",
    "linkedin": "email,firstname,lastname,jobtitle,employeecompany,country,googleaid",
    "amazon": "email,phone,firstName,lastName,postal,countryCode,maid,externalId",
}


@pytest.fixture(scope="module")
def full_contacts(tmp_path_factory):
    """Contacts of every key, under names as people give them."""
    users = range(1, 3001)
    made = {
        "User ID": users,
        "E-Mail": [f"U.{user}@gmail.com" for user in users],
        "email 2": [f"{user}@example.org" if user % 2 else "" for user in users],
        "email3": [f"u.{user}@gmail.com" if user % 3 else None for user in users],
        "Phone Number": [f"0170 10{user:05d}" for user in users],
        "First Name": ["Zoë"] * 3000,
        "Last name": [
            f"O'{'ABCDEFGHIJ'[user % 10]}{'abcdefghij'[user // 10 % 10]}" for user in users
        ],
        "ZIP": [f"{10000 + user}" for user in users],
        "Country Code": ["de"] * 3000,
        "MAID": [f"AECE52E7-03EE-455A-B3C4-{user:012d}" for user in users],
        "Customer ID": [f"c-{user}" for user in users],
        "worth": [user / 4 for user in users],
    }
    file = tmp_path_factory.mktemp("contacts") / "contacts.csv"
    pl.DataFrame(made).write_csv(file)
    return file


@pytest.mark.parametrize("to", HEADERS)
def test_each_platform_gets_its_headings_and_its_keys(large_run, full_contacts, tmp_path, to):
    out = tmp_path / "a.csv"

    audience = export_audience(
        large_run,
        out,
        segment_ids=[1, 2],
        to=to,
        contacts=full_contacts,
        country="49",
        value="worth" if to == "meta" else None,
    )

    header, *rows = lines_of(out)
    assert header == HEADERS[to]
    assert rows == sorted(set(rows))
    assert audience.n_invalid == {}
    assert audience.n_written == len(rows)
    user_7 = {
        "google": [
            *(sha256("u7@gmail.com"), sha256("7@example.org"), "", sha256("+491701000007")),
            *(sha256("zoë"), sha256("oha"), "DE", "10007"),
        ],
        "meta": [
            *(sha256("u.7@gmail.com"), sha256("7@example.org"), "", sha256("491701000007")),
            *("aece52e7-03ee-455a-b3c4-000000000007", sha256("zoë"), sha256("oha")),
            *(sha256("10007"), sha256("de"), "c-7", "1.75"),
        ],
        "tiktok": [
            *(sha256("u.7@gmail.com"), sha256("7@example.org"), "", sha256("+491701000007")),
            sha256("aece52e7-03ee-455a-b3c4-000000000007"),
        ],
        "linkedin": [
            *(sha256("7@example.org"), "Zoë", "O'Ha", "", "", "DE"),
            "aece52e7-03ee-455a-b3c4-000000000007",
        ],
        "amazon": [
            *(sha256("u.7@gmail.com"), sha256("491701000007"), sha256("zoe"), sha256("oha")),
            *(sha256("10007"), "DE", "aece52e7-03ee-455a-b3c4-000000000007", "c-7"),
        ],
    }
    assert ",".join(user_7[to]) in rows
    # Where a heading stands once, a user has a row for each e-mail address.
    assert (audience.n_written > audience.n_reached) == (to in ("linkedin", "amazon"))


def test_requests_hold_10_000_members_each_and_say_whether_they_consented(tmp_path):
    users = range(1, 25_001)
    run_dir = run_of(tmp_path / "run", n_users=25_000)
    contacts = contacts_of(
        tmp_path / "c.parquet",
        users,
        email=email_of,
        first_name=lambda _: "Ann",
        last_name=lambda user: "" if user == 1 else "Lee",
        zip=lambda user: str(10_000 + user),
    )
    options = {"segment_ids": [1, 2], "to": "google-api", "contacts": contacts, "country": "DE"}
    consent = contacts_of(tmp_path / "yes.csv", users, consent=lambda _: "granted")

    export_audience(run_dir, tmp_path / "plain", **options)
    export_audience(run_dir, tmp_path / "asked", consent=consent, **options)

    bodies = [json.loads(file.read_text()) for file in sorted((tmp_path / "plain").glob("all-*"))]
    members = [body["audienceMembers"] for body in bodies]
    assert [len(each) for each in members] == [10_000, 10_000, 2_500]
    assert {json.dumps(body | {"audienceMembers": []}) for body in bodies} == {
        '{"destinations": [], "encoding": "HEX", "audienceMembers": []}'
    }
    address = {
        "givenName": sha256("ann"),
        "familyName": sha256("lee"),
        "postalCode": "10002",
        "regionCode": "DE",
    }
    identifiers = [{"emailAddress": sha256("u.2@example.com")}, {"address": address}]
    every = [member for each in members for member in each]
    assert {"compositeData": {"userData": {"userIdentifiers": identifiers}}} in every
    # A part of an address is left out.
    only = {"userIdentifiers": [{"emailAddress": sha256("u.1@example.com")}]}
    assert {"compositeData": {"userData": only}} in every
    asked = json.loads((tmp_path / "asked" / "all-0001.json").read_text())
    assert set(asked["consent"].values()) == {"CONSENT_GRANTED"}


@pytest.mark.parametrize(
    ("column", "heading", "member"),
    [
        ("madid", "Mobile Device ID", '{"mobileData":{"mobileIds":["'),
        ("customer_id", "User ID", '{"userIdData":{"userId":"'),
    ],
)
def test_google_takes_ids_of_devices_or_of_ones_own_in_lists_of_their_own(
    run_dir, tmp_path, column, heading, member
):
    cell = {column: lambda user: f"aece52e7-03ee-455a-b3c4-{user:012d}"}
    contacts = contacts_of(tmp_path / "c.csv", range(1, 401), **cell)
    options = {"segment_ids": [1], "contacts": contacts}

    export_audience(run_dir, tmp_path / "a.csv", to="google", **options)
    export_audience(run_dir, tmp_path / "a", to="google-api", **options)

    assert lines_of(tmp_path / "a.csv")[:2] == [heading, "aece52e7-03ee-455a-b3c4-000000000001"]
    assert lines_of(tmp_path / "a" / "all-0001.json")[1].startswith(member)


def test_a_part_of_an_address_is_left_out_of_googles_list_and_said_to_be(run_dir, tmp_path):
    cells = {"email": email_of, "zip": lambda _: "10115", "country": lambda _: "DE"}
    contacts = contacts_of(tmp_path / "c.csv", range(1, 401), **cells)
    options = {"segment_ids": [1], "to": "google", "contacts": contacts}

    audience = export_audience(run_dir, tmp_path / "a.csv", **options)

    assert lines_of(tmp_path / "a.csv")[0] == "Email"
    assert audience.unused == ("zip", "country")


def test_openrtb_lines_are_users_with_their_data(run_dir, tmp_path):
    export_audience(run_dir, tmp_path / "a.jsonl", segment_ids=[1, 2], to="openrtb")

    users = [json.loads(line) for line in lines_of(tmp_path / "a.jsonl")]
    assert len(users) == 360
    segment = {"id": "2", "name": "=HYPERLINK(1)"}
    assert {"id": "2", "data": [{"name": "segmentry", "segment": [segment]}]} in users


def test_contacts_that_are_hashed_already_pass_through_and_a_mix_is_refused(run_dir, tmp_path):
    users = range(1, 401)
    plain = contacts_of(tmp_path / "plain.csv", users, email=email_of)
    hashed = contacts_of(
        tmp_path / "hashed.csv", users, email=lambda user: sha256(email_of(user).lower()).upper()
    )
    mixed = contacts_of(
        tmp_path / "mixed.csv",
        users,
        email=lambda user: email_of(user) if user == 7 else sha256(email_of(user)),
    )
    options = {"segment_ids": [1, 2], "to": "meta"}

    export_audience(run_dir, tmp_path / "p.csv", contacts=plain, **options)
    export_audience(run_dir, tmp_path / "h.csv", contacts=hashed, **options)

    assert (tmp_path / "p.csv").read_bytes() == (tmp_path / "h.csv").read_bytes()
    with raises_text(SchemaError):
        export_audience(run_dir, tmp_path / "m.csv", contacts=mixed, **options)


def test_invalid_contacts_are_counted_and_never_hashed(run_dir, tmp_path):
    users = range(1, 401)
    contacts = contacts_of(
        tmp_path / "c.csv",
        users,
        email=lambda user: "n/a" if user % 4 == 0 else email_of(user),
        phone=lambda user: "0170 12" if user % 4 == 1 else "4.9E+11",
    )

    audience = export_audience(
        run_dir, tmp_path / "a.csv", segment_ids=[1, 2], to="meta", contacts=contacts, country="DE"
    )

    without = [user for s in (1, 2) for user in of_segment(run_dir, s) if user % 4 == 0]
    assert audience.n_invalid == {"email": len(without), "phone": 360}
    assert audience.n_without_contact == len(without)
    assert sha256("n/a") not in (tmp_path / "a.csv").read_text()


def test_the_country_of_a_row_goes_before_the_one_that_is_named(run_dir, tmp_path):
    users = range(1, 401)
    cells = {"phone": lambda _: "0170 1234567", "country": lambda user: "de" if user % 4 else ""}
    contacts = contacts_of(tmp_path / "c.csv", users, email=email_of, **cells)
    options = {"segment_ids": [1, 2], "to": "meta", "contacts": contacts}

    export_audience(run_dir, tmp_path / "a.csv", **options)
    export_audience(run_dir, tmp_path / "b.csv", country="FR", **options)

    german = sha256("491701234567")
    for file in (tmp_path / "a.csv", tmp_path / "b.csv"):
        rows = {line.split(",")[0]: line.split(",") for line in lines_of(file)}
        assert rows[sha256("u.1@example.com")][1:] == [german, sha256("de")]
        assert rows[sha256("u.4@example.com")][1:] == ["", ""]


def test_who_gave_no_consent_is_left_out_with_the_contacts_of_who_said_no(run_dir, tmp_path):
    users = list(range(1, 401))
    same = {3: email_of(1)}  # user 3 consented, and has the address of user 1, who said no
    contacts = contacts_of(tmp_path / "c.csv", users, email=lambda u: same.get(u, email_of(u)))
    said = {1: "no", 5: "", 7: "TRUE"}
    consent = contacts_of(
        tmp_path / "consent.csv", [*users[:300], 7], consent=lambda user: said.get(user, "yes")
    )

    audience = export_audience(
        run_dir, tmp_path / "a.csv", segment_ids=[1], to="meta", contacts=contacts, consent=consent
    )

    ones = of_segment(run_dir, 1)
    expected = {sha256(email_of(u).lower()) for u in ones if u <= 300} - {
        sha256(email_of(u).lower()) for u in (1, 3, 5)
    }
    assert set(lines_of(tmp_path / "a.csv")[1:]) == expected
    assert audience.n_without_consent == len([u for u in ones if u > 300]) + 2
    assert audience.n_shared == 1


def test_a_user_with_two_rows_is_counted_once_and_equal_rows_are_written_once(run_dir, tmp_path):
    users = of_segment(run_dir, 1)
    contacts = contacts_of(tmp_path / "c.csv", users * 2 + [users[0]], email=email_of)
    with contacts.open("a") as file:
        file.write(f"{users[0]},second@example.com\n")

    audience = export_audience(
        run_dir, tmp_path / "a.csv", segment_ids=[1], to="meta", contacts=contacts
    )

    assert (audience.n_reached, audience.n_written) == (200, 201)
    assert audience.n_without_contact == 0


def test_a_file_is_the_same_whatever_the_pieces_it_is_read_in(run_dir, tmp_path, monkeypatch):
    contacts = contacts_of(tmp_path / "c.csv", range(1, 401), email=email_of)
    options = {"segment_ids": [1, 2], "to": "meta", "contacts": contacts, "hold_out": 0.2}
    export_audience(run_dir, tmp_path / "a.csv", **options)
    monkeypatch.setattr("segmentry.ingest.user_files._BATCH_ROWS", 33)
    export_audience(run_dir, tmp_path / "b.csv", **options)

    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    contacts.write_text(contacts.read_text() + f"400,{sha256('x')}\n")
    with raises_text(SchemaError):
        export_audience(run_dir, tmp_path / "c2.csv", **options)


def test_last_and_add_less_remove_is_now_byte_for_byte_over_1000_random_pairs(tmp_path):
    chance = random.Random(18)  # noqa: S311
    for pair in range(1000):
        folder = tmp_path / str(pair)
        folder.mkdir()
        pool = [f"{chance.randrange(10**6):06x}" for _ in range(chance.randrange(1, 40))]
        last, now = (
            sorted({x for x in pool if chance.random() < chance.choice([0, 0.5, 0.9])})
            for _ in range(2)
        )

        n_lines = split(iter(now), iter(last), folder).n_lines

        found, add, remove = (lines_of(folder / name) for name in ("all", "add", "remove"))
        again = sorted((set(last) | set(add)) - set(remove))
        assert (folder / "all").read_text() == "".join(f"{line}\n" for line in again)
        assert found == now
        assert (set(add) & set(last), set(remove) - set(last)) == (set(), set())
        assert n_lines == (len(now), len(add), len(remove))


def every_line(file):
    """Lines of a list, or members of all requests of a folder with that beginning."""
    if file.suffix:
        return lines_of(file)
    requests = sorted(file.parent.glob(f"{file.name}-*.json"))
    return [json.dumps(m) for f in requests for m in json.loads(f.read_text())["audienceMembers"]]


PAIRS = 1_000 if "--thorough" in sys.argv else 12
"""Pairs of exports: many in `make verify`."""


@settings(max_examples=PAIRS, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.integers(0, 2**32),
    st.sampled_from(
        [to for to in TARGETS if to not in ("parquet", "tiktok", "amazon", "linkedin")]
    ),
    st.sampled_from([0.0, 0.1, 0.4]),
)
def test_no_held_out_user_is_in_any_file_and_two_exports_differ_by_what_they_say(
    tmp_path_factory, seed, to, share
):
    """Two exports whose contacts changed in between; contacts of several users are the same."""
    chance = random.Random(seed)  # noqa: S311
    folder = tmp_path_factory.mktemp("pair")
    users = list(range(1, 401))
    run_dir = run_of(folder / "run", names=NAMES | {2: "Rarely reached"})
    held = held_out(users, share)
    ending = ENDINGS.get(to, ".csv")
    shared = [f"family{place}@example.com" for place in range(20)]
    of_held = {user: chance.choice(shared) for user in held if chance.random() < 0.3}

    def export(name, previous):
        cells = {
            user: of_held.get(user)
            or (email_of(user) if user in held else chance.choice([email_of(user)] * 80 + shared))
            for user in users
        }
        contacts = contacts_of(
            folder / f"{name}.contacts.csv",
            [user for user in users if user in held or chance.random() < 0.9],
            email=cells.get,
            phone=lambda user: f"+49170{1_000_000 + user}",
        )
        consent = contacts_of(
            folder / f"{name}.consent.csv",
            users,
            consent=lambda _: "yes" if chance.random() < 0.9 else "no",
        )
        out = folder / f"{name}{ending}"
        export_audience(
            run_dir,
            out,
            segment_ids=[1, 2],
            to=to,
            contacts=contacts if to in PLATFORMS else None,
            consent=consent,
            hold_out=share,
            previous=previous,
        )
        return out, {value.lower() for user, value in cells.items() if user in held}

    last, addresses = export("last", None)
    now, more = export("now", last)
    if ending:
        lists = [now, now.with_name(f"now.add{ending}"), now.with_name(f"now.remove{ending}")]
        before = every_line(last)
    else:
        lists = [now / name for name in ("all", "add", "remove")]
        before = every_line(last / "all")
    now_lines, add, remove = (every_line(file) for file in lists)
    head = set(now_lines[:1]) if ending == ".csv" else set()
    assert sorted(((set(before) | set(add)) - set(remove)) | head) == sorted(now_lines)
    text = "\n".join([*before, *now_lines, *add, *remove])
    # What the addresses of held-out users are hashed to never changes, and is nowhere.
    assert [each for each in addresses | more if sha256(each) in text] == []
    assert [user for user in held if sha256(f"+49170{1_000_000 + user}") in text] == []
    if to in ("csv", "openrtb"):
        ids = {
            line.split(",")[0].split('"')[-2 if to == "openrtb" else 0] for line in text.split("\n")
        }
        assert not {str(user) for user in held} & ids


def test_a_previous_list_of_another_audience_is_refused(run_dir, tmp_path):
    contacts = contacts_of(tmp_path / "c.csv", range(1, 401), email=email_of)
    more = contacts_of(tmp_path / "more.csv", range(1, 401), email=email_of, madid=lambda _: "x")
    options = {"segment_ids": [1], "to": "meta", "contacts": contacts, "hold_out": 0.1}
    last, out = tmp_path / "last.csv", tmp_path / "now.csv"
    export_audience(run_dir, last, **options)
    others = [
        {"segment_ids": [2]},
        {"salt": "summer"},
        {"hold_out": 0.2},
        {"to": "google"},
        {"contacts": more},
    ]
    for other in others:
        with raises_text(ConfigError):
            export_audience(run_dir, out, previous=last, **(options | other))
    last.write_text(last.read_text() + sha256("x") + "\n")
    with raises_text(ConfigError):
        export_audience(run_dir, out, previous=last, **options)
    last.write_bytes(b"email\n\xff\xfe\n")
    with pytest.raises(ConfigError):
        export_audience(run_dir, out, previous=last, **options)
    (tmp_path / "last.csv.record.json").unlink()
    with raises_text(BundleError):
        export_audience(run_dir, out, previous=last, **options)
    with raises_text(ConfigError):
        export_audience(run_dir, out, previous=tmp_path / "no.csv", **options)
    assert not list(tmp_path.glob("*now*"))


@pytest.mark.parametrize("to", PLATFORMS)
def test_an_audience_below_the_minimum_of_its_platform_is_refused(large_run, tmp_path, to):
    platform = PLATFORMS[to]
    users = of_segment(large_run, 1) + of_segment(large_run, 2)
    options = {"segment_ids": [1, 2], "to": to, "min_size": 1}
    enough = contacts_of(tmp_path / "a.csv", users[: platform.smallest], email=email_of)
    few = contacts_of(tmp_path / "b.csv", users[: platform.smallest - 1], email=email_of)
    out = tmp_path / f"out{ENDINGS.get(to, '.csv')}"

    with raises_text(ConfigError):
        export_audience(large_run, out, contacts=few, **options)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "b.csv"]
    assert (
        export_audience(large_run, out, contacts=enough, **options).n_reached == platform.smallest
    )
    assert platform.smallest_source


def test_names_and_ids_cannot_run_in_a_spreadsheet(tmp_path):
    ids = [f"{sign}Mx{number}" for number in range(60) for sign in "-+u"]  # as some databases do
    run_dir = run_of(tmp_path / "run", ids=ids)
    out = tmp_path / "a.csv"

    export_audience(run_dir, out, segment_ids=[2], to="csv")

    assert "'=HYPERLINK(1)" in set(pl.read_csv(out)["segment_name"])
    assert set(pl.read_csv(out)["user_id"]) == set(of_segment(run_dir, 2))
    odd = run_of(tmp_path / "odd", ids=[*ids, "=cmd|' /C calc'!A0", "last"])
    with raises_text(SchemaError):
        export_audience(odd, tmp_path / "b.csv", segment_ids=[1], to="csv")


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"segment_ids": [3]}, ConfigError),
        ({"segment_ids": [0]}, ConfigError),
        ({"min_size": 201}, ConfigError),
        ({"hold_out": 1.0}, ConfigError),
        ({"min_size": 0}, ConfigError),
        ({"to": "google"}, ConfigError),
        ({"to": "parquet"}, ConfigError),
        ({"to": "google-api"}, ConfigError),
        ({"to": "pinterest"}, ConfigError),
        ({"to": "meta", "contacts": "c.csv", "country": "Germany"}, ConfigError),
        ({"to": "google", "contacts": "c.csv", "value": "worth"}, ConfigError),
        ({"to": "meta", "contacts": "c.csv", "value": "email"}, ConfigError),
        ({"to": "meta", "contacts": "c.csv", "value": "worth"}, SchemaError),
        ({"consent": "c.csv"}, SchemaError),
        ({"consent": "none.csv"}, DataError),
        ({"to": "meta", "contacts": "no_keys.csv"}, ConfigError),
        ({"to": "meta", "contacts": "texts.csv"}, SchemaError),
        ({"contacts": "texts.csv"}, ConfigError),
        ({"to": "meta", "contacts": "utf16.csv"}, DataError),
        ({"to": "meta", "contacts": "latin.csv"}, DataError),
        ({"to": "meta", "contacts": "four.csv"}, SchemaError),
        ({"to": "google", "contacts": "part.csv"}, ConfigError),
        ({"to": "linkedin", "contacts": "half.csv", "min_size": 1}, ConfigError),
        ({"to": "linkedin", "contacts": "first.csv"}, ConfigError),
        ({"to": "meta", "contacts": "nested.parquet"}, SchemaError),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line_and_nothing_is_written(
    run_dir, tmp_path, options, kind, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    files = {
        "c.csv": "user_id,email,worth,consent\n1,a@b.org,much,perhaps\n2,c@b.org,12,yes\n",
        "no_keys.csv": "user_id,name\n1,Jane\n",
        "texts.csv": "user_id,email\nu1,a@b.org\n",
        "first.csv": "user_id,first name\n1,Ann\n",
        "four.csv": "user_id,email,email2,email3,email4\n1,a,b,c,d\n",
        "part.csv": "user_id,email,first_name,last_name,zip\n1,a@b.org,Ann,Lee,10115\n",
        "half.csv": "user_id,email\n"
        + "".join(
            f"{user},{'none' if user % 4 == 1 else email_of(user)}\n" for user in range(1, 401)
        ),
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    nested = pl.DataFrame({"user_id": [1], "email": [["a@b.org"]]})
    nested.write_parquet(tmp_path / "nested.parquet")
    (tmp_path / "utf16.csv").write_text(files["texts.csv"], encoding="utf-16")
    rows = "".join(f"{user},{email_of(user)}\n" for user in range(20_000))
    (tmp_path / "latin.csv").write_bytes(
        f"user_id,email\n{rows}1,jos\xe9@b.org\n".encode("latin-1")
    )
    before = sorted(tmp_path.iterdir())
    paths = {k: Path(v) for k, v in options.items() if k in ("contacts", "consent")}
    with pytest.raises(kind) as raised:
        export_audience(
            run_dir, Path("a.csv"), **({"segment_ids": [1], "to": "csv"} | options | paths)
        )
    says(str(raised.value))
    assert "\n" not in str(raised.value)
    assert sorted(tmp_path.iterdir()) == before


def test_what_stands_in_the_place_is_kept_or_replaced_as_a_whole(run_dir, tmp_path):
    out, folder = tmp_path / "a.csv", tmp_path / "a"
    contacts = contacts_of(tmp_path / "c.csv", range(1, 401), email=email_of)
    options = {"segment_ids": [1], "to": "csv"}
    of_api = {"segment_ids": [1], "to": "google-api", "contacts": contacts}
    with raises_text(BundleError):
        export_audience(tmp_path, out, **options)
    out.write_text("mine")
    with raises_text(OutputError):
        export_audience(run_dir, out, **options)
    assert out.read_text() == "mine"
    folder.mkdir()
    with raises_text(OutputError):
        export_audience(run_dir, folder, overwrite=True, **of_api)
    folder.rmdir()
    with raises_text(OutputError):
        export_audience(run_dir, tmp_path / "no" / "a.csv", **options)

    export_audience(run_dir, out, hold_out=0.1, overwrite=True, **options)
    export_audience(run_dir, out, hold_out=0.1, previous=out, overwrite=True, **options)
    assert len(list(tmp_path.glob("a.*"))) == 5
    export_audience(run_dir, out, overwrite=True, **options)
    assert sorted(each.name for each in tmp_path.glob("a.*")) == ["a.csv", "a.csv.record.json"]
    export_audience(run_dir, folder, **of_api)
    export_audience(run_dir, folder, overwrite=True, previous=folder, **of_api)
    assert sorted(each.name for each in folder.iterdir()) == ["all-0001.json", "record.json"]


def test_the_command_tells_machines_and_people(run_dir, tmp_path):
    contacts = contacts_of(
        tmp_path / "c.csv",
        range(1, 401),
        email=lambda user: "n/a" if user % 3 else email_of(user),
        phone=lambda _: "n/a",
        job=lambda _: "none",
        zip=lambda _: "n/a",
    )
    words = ["export", "audience", run_dir, "--segment", "1,2", "--hold-out", "10%"]
    of_file = ["--to", "meta", "--contacts", contacts, "--country", "DE", "--out"]

    said = segmentry(*words, *of_file, tmp_path / "a.csv")
    assert (said.code, said.err) == (0, "")
    says(said.out.replace(str(tmp_path), "TMP"))
    said = segmentry(*words, *of_file, tmp_path / "b.csv", "--previous", tmp_path / "a.csv")
    says(said.out.replace(str(tmp_path), "TMP"))

    named = segmentry("export", "audience", "--help").out
    assert [to for to in TARGETS if to not in named] == []
    answer = segmentry(*words, "--out", tmp_path / "c.csv", "--overwrite", "--json")
    document = json.loads(answer.out)
    assert document["n_users"] == document["n_written"] + document["n_held_out"]

    wrong = segmentry(
        "export", "audience", run_dir, "--segment", "one", "--out", tmp_path / "d.csv"
    )
    assert (wrong.code, wrong.out) == (2, "")
    says(wrong.err)
