"""A mapping is written by looking at files, and runs as it is."""

import pytest
from tests.ingest.mapping.shapes import EVENTS, T, column, users_from, write_csv
from tests.pipeline.runs import segmentry
from tests.texts import raises_text, says, shows

from segmentry.errors import ConfigError, DataError
from segmentry.ingest.mapping import parse_mapping, render_mapping

HEADER = ("user", "time_stamp", "item_id", "clk")


def test_a_log_is_recognised_and_runs_as_it_is(tmp_path):
    write_csv(tmp_path / "log.csv", EVENTS, header=HEADER)

    text = render_mapping(["log.csv"], base=tmp_path)

    log = parse_mapping(text, origin="m.toml").log
    assert (log.user_id, log.time, log.click, log.ad_id) == ("user", "time_stamp", "clk", "item_id")
    assert log.time_format == "seconds"
    assert column(users_from(tmp_path, text), "n_impressions") == {"a": 3, "b": 1, "c": 2}


@pytest.mark.parametrize(
    ("user", "time", "value"),
    [
        ("customer", "ordered_on", "order_total"),
        ("buyer", "Purchase Date", "price_paid"),
        ("household_key", "transaction_date", "sales_value"),
    ],
)
def test_a_purchase_log_is_recognised_by_the_names_that_shops_give(user, time, value, tmp_path):
    rows = [(f"c{i % 20}", f"2024-0{1 + i % 9}-0{1 + i % 7}", f"{i}.50") for i in range(60)]
    write_csv(tmp_path / "orders.csv", rows, header=(user, time, value))

    log = parse_mapping(render_mapping(["orders.csv"], base=tmp_path), origin="m.toml").log

    assert (log.user_id, log.time, log.value) == (user, time, value)


@pytest.mark.parametrize(
    ("header", "roles"),
    [
        (
            "Kundennummer;Bestelldatum;Artikelnummer;Menge;Betrag",
            {
                "user_id": "Kundennummer",
                "time": "Bestelldatum",
                "ad_id": "Artikelnummer",
                "quantity": "Menge",
                "value": "Betrag",
            },
        ),
        (
            "Käufer;Datum;Produkt-ID;Stückzahl;Umsatz",
            {
                "user_id": "Käufer",
                "time": "Datum",
                "ad_id": "Produkt-ID",
                "quantity": "Stückzahl",
                "value": "Umsatz",
            },
        ),
    ],
)
def test_a_log_is_recognised_by_german_heads(tmp_path, header, roles):
    rows = [
        f"{i % 9};{i % 28 + 1:02}.0{i % 9 + 1}.2024;{i % 7};{i % 3 + 1};{i},50" for i in range(60)
    ]
    (tmp_path / "verkauf.csv").write_text("\n".join([header, *rows]), encoding="utf-8")

    log = parse_mapping(render_mapping(["verkauf.csv"], base=tmp_path), origin="m.toml").log

    assert {role: getattr(log, role) for role in roles} == roles
    assert log.time_format == "%d.%m.%Y"


@pytest.mark.parametrize(
    "title", ["Impressions\n", "Report,2017\n\nall accounts\n", '"a, b"\n' * 19]
)
@pytest.mark.parametrize("header", [HEADER, ("device_id", "hour", "banner_pos", "click")])
def test_a_log_below_the_title_of_a_report_is_recognised(tmp_path, title, header):
    file = write_csv(tmp_path / "log.csv", EVENTS, header=header)
    file.write_text("\ufeff" + title + file.read_text())

    text = render_mapping(["log.csv"], base=tmp_path)

    log = parse_mapping(text, origin="m.toml").log
    assert (log.user_id, log.skip_lines) == (header[0], title.count("\n"))
    assert sum(column(users_from(tmp_path, text), "n_impressions").values()) == 6


def test_a_log_is_recognised_by_the_heads_of_a_spreadsheet(tmp_path):
    header = ("Customer No.", "Event Date/Time", "Creative Name", "Clicked (Y/N)")
    rows = [(f"K{i % 9}", f"0{1 + i % 9}.06.2024 10:30", i % 4, "NY"[i % 2]) for i in range(40)]
    write_csv(tmp_path / "export.csv", rows, header=header)

    log = parse_mapping(render_mapping(["export.csv"], base=tmp_path), origin="m.toml").log

    assert (log.user_id, log.time, log.ad_id, log.click) == header


def test_a_merged_file_is_parted_into_what_is_of_users_and_what_is_not(tmp_path):
    rows = [
        (*row, "north" if row[0] == "a" else "south", place) for place, row in enumerate(EVENTS)
    ]
    write_csv(tmp_path / "log.csv", rows, header=(*HEADER, "area", "noise"))

    text = render_mapping(["log.csv"], base=tmp_path)

    attributes = parse_mapping(text, origin="m.toml").profiles.attributes
    assert {name: each.kind for name, each in attributes.items()} == {"area": "categorical"}
    assert '# noise = {column = "noise"' in text
    assert "differs within a user" in text


def test_a_file_without_names_is_guessed_by_content_and_says_so(tmp_path):
    rows = [(f"{user:05d}", "0001", f"199701{1 + user % 28:02d}", 2, "29.33") for user in range(40)]
    write_csv(tmp_path / "sample.txt", rows * 2, header=None, delimiter="  ")

    text = render_mapping(["sample.txt"], base=tmp_path)

    log = parse_mapping(text, origin="m.toml").log
    assert log.format == "whitespace"
    assert log.names == tuple(f"column_{place}" for place in range(1, 6))
    assert (log.user_id, log.time, log.value) == ("column_1", "column_3", "column_5")
    shows(text)
    assert column(users_from(tmp_path, text), "value_sum")["00000"] == pytest.approx(58.66)


def test_a_user_table_is_recognised_and_useless_columns_are_left_out(tmp_path):
    rows = [(i, ("a", "b")[i % 2], i * i, "x", f"2012-01-{1 + i % 28:02d}") for i in range(40)]
    write_csv(tmp_path / "users.csv", rows, header=("ID", "Plan", "Spend", "Same", "Since"))

    text = render_mapping(["users.csv"], base=tmp_path)

    mapping = parse_mapping(text, origin="m.toml")
    assert mapping.log is None
    kinds = {name: each.kind for name, each in mapping.profiles.attributes.items()}
    assert kinds == {"plan": "categorical", "spend": "count", "since": "duration"}
    assert "# same = " in text
    since = column(users_from(tmp_path, text), "since")
    assert since["0"] == 27.0  # from the first of January until the last that is there, the 28th


def test_the_ids_of_users_are_not_written_down(tmp_path):
    write_csv(tmp_path / "log.csv", [("secret-id", T, 1, 0)] * 3, header=HEADER)

    assert "secret-id" not in render_mapping(["log.csv"], base=tmp_path)


def test_parts_of_a_log_are_one_log_in_any_order_of_columns_and_some_without_rows(tmp_path):
    write_csv(tmp_path / "logs" / "1.csv", EVENTS[:3], header=HEADER)
    turned = [row[::-1] for row in EVENTS[3:]]
    write_csv(tmp_path / "logs" / "2.csv", turned, header=HEADER[::-1], delimiter=";")
    write_csv(tmp_path / "logs" / "3.csv", [], header=HEADER)
    (tmp_path / "logs" / "4.csv").write_text("")

    as_folder = render_mapping(["logs"], base=tmp_path)
    one_by_one = render_mapping([f"logs/{n}.csv" for n in (1, 2)], base=tmp_path)

    assert parse_mapping(as_folder, origin="m").log.files == ("logs",)
    assert parse_mapping(one_by_one, origin="m").log.files == ("logs/1.csv", "logs/2.csv")
    for text in (as_folder, one_by_one):
        assert column(users_from(tmp_path, text), "n_impressions") == {"a": 3, "b": 1, "c": 2}


def test_attributes_have_names_that_a_mapping_can_hold_and_a_run_does_not_make(tmp_path):
    header = ("id", "\u5e74\u9f84", "\u6027\u522b", "Margin", "a-b", "a b", "caf\u00e9", "MntWines")
    rows = [(u, u % 7, u % 3, u * u, u % 4, u % 5, u % 6, u % 8) for u in range(1, 60)]
    write_csv(tmp_path / "users.csv", rows, header=header)

    text = render_mapping(["users.csv"], base=tmp_path)

    attributes = parse_mapping(text, origin="m.toml").profiles.attributes
    assert {name: (each.column, each.label) for name, each in attributes.items()} == {
        "attribute": ("\u5e74\u9f84", "\u5e74\u9f84"),
        "attribute_2": ("\u6027\u522b", "\u6027\u522b"),
        "profile_margin": ("Margin", "Margin"),
        "a_b": ("a-b", None),
        "a_b_2": ("a b", "a b"),
        "caf": ("caf\u00e9", "caf\u00e9"),
        "mnt_wines": ("MntWines", None),
    }
    assert column(users_from(tmp_path, text), "profile_margin")["3"] == 9


def test_files_that_cannot_be_told_apart_are_refused(tmp_path):
    write_csv(tmp_path / "a.csv", EVENTS, header=HEADER)
    write_csv(tmp_path / "b.csv", EVENTS, header=(*HEADER[:3], "click"))

    with raises_text(DataError):
        render_mapping(["a.csv", "b.csv"], base=tmp_path)


def test_users_with_a_table_of_their_own_are_not_taken_from_the_log_too(tmp_path):
    rows = [(*row, "north" if row[0] == "a" else "south") for row in EVENTS]
    write_csv(tmp_path / "log.csv", rows, header=(*HEADER, "area"))
    people = [("a", "north"), ("b", "south"), ("c", "south")]
    write_csv(tmp_path / "people.csv", people, header=("user", "area"))

    text = render_mapping(["log.csv", "people.csv"], base=tmp_path)

    assert parse_mapping(text, origin="m.toml").profiles.files == ("people.csv",)
    assert column(users_from(tmp_path, text), "area") == dict(people)


def test_of_two_logs_the_one_with_clicks_is_taken_and_the_other_named(tmp_path):
    write_csv(tmp_path / "shown.csv", EVENTS, header=HEADER)
    visits = [(user, page) for user in "abc" for page in range(9)]
    write_csv(tmp_path / "visits.csv", visits, header=("user", "page"))

    text = render_mapping([str(tmp_path / "shown.csv"), "visits.csv"], base=tmp_path)

    assert parse_mapping(text, origin="m.toml").log.click == "clk"
    shows(text)


def test_another_id_of_the_user_is_no_attribute_and_is_not_written_down(tmp_path):
    rows = [(f"u{user}", T + day, 1, 0, f"{user:04d}") for user in range(50) for day in range(3)]
    write_csv(tmp_path / "log.csv", rows, header=(*HEADER, "sample"))

    text = render_mapping(["log.csv"], base=tmp_path)

    assert parse_mapping(text, origin="m.toml").profiles is None
    assert "# sample = " in text
    shows(text)


def test_a_table_of_users_with_a_row_too_many_is_still_one(tmp_path):
    rows = [(user, user % 3, user % 7) for user in range(30)]
    write_csv(tmp_path / "users.csv", [*rows, rows[0]], header=("id", "plan", "visits"))

    assert parse_mapping(render_mapping(["users.csv"], base=tmp_path), origin="m").log is None


def test_the_command_writes_it_and_says_what_to_decide(tmp_path):
    write_csv(tmp_path / "log.csv", EVENTS, header=HEADER)
    out = tmp_path / "m.toml"

    answer = segmentry("init", tmp_path / "log.csv", "--out", out)
    again = segmentry("init", tmp_path / "log.csv", "--out", out)

    assert (answer.code, answer.err) == (0, "")
    shows(answer.out)
    assert again.code == 2
    says(again.err)
    assert segmentry("data", "check", "--mapping", out).code == 0


SHOP = [("a", T, "pv", 7, 70), ("a", T + 9, "buy", 7, 70), ("b", T, "cart", 8, 81)] * 9
SHOP_HEADER = ("user", "time_stamp", "btag", "cate", "brand")


def test_a_behaviour_log_beside_a_log_with_clicks_is_recognised_and_runs(tmp_path):
    write_csv(tmp_path / "log.csv", EVENTS, header=HEADER)
    write_csv(tmp_path / "shop.csv", SHOP, header=SHOP_HEADER)

    text = render_mapping(["."], base=tmp_path)

    found = parse_mapping(text, origin="m.toml").behaviours
    assert found.files == ("shop.csv",)
    assert dict(found.roles) == {
        "user_id": "user",
        "happened_at": "time_stamp",
        "action": "btag",
        "category_id": "cate",
        "brand_id": "brand",
    }
    assert found.time_format == "seconds"
    shows(text)
    assert "left out" not in text


def test_a_log_of_actions_alone_stays_the_log(tmp_path):
    write_csv(tmp_path / "shop.csv", SHOP, header=SHOP_HEADER)

    mapping = parse_mapping(render_mapping(["shop.csv"], base=tmp_path), origin="m.toml")

    assert mapping.behaviours is None
    assert mapping.log.user_id == "user"


def test_a_second_log_of_other_words_is_left_out_in_one_comment(tmp_path):
    write_csv(tmp_path / "log.csv", EVENTS, header=HEADER)
    write_csv(tmp_path / "shop.csv", [(*row[:2], "swim", 7, 7) for row in SHOP], header=SHOP_HEADER)

    text = render_mapping(["."], base=tmp_path)

    assert parse_mapping(text, origin="m.toml").behaviours is None
    shows(text)


def test_amounts_with_signs_are_numbers_and_padded_codes_are_levels(tmp_path):
    rows = [(i, f'"${i},{i}00.50 "', f"{i * 3}%", f"0{4400 + i % 5}") for i in range(1, 10)]
    write_csv(tmp_path / "u.csv", rows, header=("user_id", "income", "discount", "zip"))

    text = render_mapping(["u.csv"], base=tmp_path)

    assert 'income = {column = "income", kind = "number"}' in text
    assert 'discount = {column = "discount", kind = "number"}' in text
    assert 'zip = {column = "zip", kind = "categorical"}' in text


def test_ads_are_joined_by_the_column_that_the_log_has(tmp_path):
    write_csv(
        tmp_path / "log.csv",
        [(i % 5, T + i, 0, i % 9) for i in range(40)],
        header=("user_id", "time", "click", "creative_id"),
    )
    write_csv(
        tmp_path / "ads.csv",
        [(i, 100 + i, "shoes") for i in range(9)],
        header=("creative_id", "ad_id", "category"),
    )

    text = render_mapping(["log.csv", "ads.csv"], base=tmp_path)

    assert [line.split("  #")[0] for line in text.splitlines() if line.startswith("ad_id")] == [
        'ad_id = "creative_id"',
        'ad_id = "creative_id"',
    ]


def test_a_file_without_names_may_repeat_a_number_in_its_first_line(tmp_path):
    rows = [(i % 2, 1, 10**12 + i % 30, 1_494_000_000 + i) for i in range(1, 90)]
    write_csv(tmp_path / "log.csv", rows, header=None)

    text = render_mapping(["log.csv"], base=tmp_path)

    assert 'names = ["column_1", "column_2", "column_3", "column_4"]' in text


def test_columns_of_counts_are_recognised_by_their_names(tmp_path):
    rows = "".join(f"{user % 7},{user},{1 + user % 3},{user % 2}\n" for user in range(30))
    (tmp_path / "log.csv").write_text("user,ad_id,impressions,click\n" + rows)

    text = render_mapping(["log.csv"], base=tmp_path)

    mapping = parse_mapping(text, origin="log.toml")
    assert (mapping.log.n_impressions, mapping.log.n_clicks) == ("impressions", "click")
    assert mapping.log.click is None


@pytest.mark.parametrize(
    ("shown", "clicks"),
    [("views", "clicks"), ("Shows", "clicks"), ("served", "Click Count"), ("imp", "n_clicks")],
)
def test_what_is_shown_next_to_clicks_is_a_count_of_impressions(shown, clicks, tmp_path):
    rows = [(f"u{user % 7}", 20 + user, user % 3) for user in range(30)]
    write_csv(tmp_path / "log.csv", rows, header=("user", shown, clicks))

    log = parse_mapping(render_mapping(["log.csv"], base=tmp_path), origin="m.toml").log

    assert (log.n_impressions, log.n_clicks) == (shown, clicks)


def test_views_of_fewer_than_the_clicks_are_no_impressions(tmp_path):
    rows = [(f"u{user % 7}", user % 2, 1 + user % 3) for user in range(30)]
    write_csv(tmp_path / "log.csv", rows, header=("user", "views", "clicks"))

    text = render_mapping(["log.csv"], base=tmp_path)

    assert "n_impressions" not in text
    with raises_text(ConfigError):
        parse_mapping(text, origin="m.toml")


@pytest.mark.parametrize(
    ("row", "roles"),
    [
        # A label first, as the files of competitions have it.
        (lambda i: (i % 2, f"c{i % 23}", 1_494_000_000 + i), ("column_2", "column_3", "column_1")),
        (lambda i: (f"s{i % 4}", i % 2, 100 + i % 40), ("column_3", None, "column_2")),
        (
            lambda i: (2 + i % 3, 900 + i % 31, "yes" if i % 5 else "no"),
            ("column_2", None, "column_3"),
        ),
        (lambda i: (1_400_000_000 + i % 30, 1_494_000_000 + i, 3), ("column_1", "column_2", None)),
    ],
    ids=["label first", "placement first", "age group first", "ids like times"],
)
def test_without_names_a_column_of_few_values_is_no_user(row, roles, tmp_path):
    write_csv(tmp_path / "log.csv", [row(i) for i in range(120)], header=None)

    log = parse_mapping(render_mapping(["log.csv"], base=tmp_path), origin="m.toml").log

    assert (log.user_id, log.time, log.click) == roles


def test_a_column_of_flags_is_no_user_whatever_its_name(tmp_path):
    rows = [(("no", "yes")[i % 2], f"p{i % 9}", T + 60 * i, i % 2) for i in range(60)]
    write_csv(tmp_path / "log.csv", rows, header=("customer", "buyer", "time", "clk"))

    log = parse_mapping(render_mapping(["log.csv"], base=tmp_path), origin="m.toml").log

    assert log.user_id == "buyer"
