"""Contacts as platforms take them, against values worked out by hand and by the library."""

import hashlib
import sys
from pathlib import Path

import phonenumbers
import polars as pl
import pytest
from tests.texts import raises_text

from segmentry.activate import contacts
from segmentry.activate.platforms import PLATFORMS
from segmentry.errors import ConfigError, MissingExtraError
from segmentry.ingest.user_files import read_user_file


def read(reading, given):
    texts = contacts.as_texts(pl.Series("given", [given], dtype=pl.String))
    return texts.to_frame().select(reading(pl.col("given")))["given"][0]


def phone(given, region):
    return contacts.phones(contacts.as_texts(pl.Series([given])), regions=[region])[0]


@pytest.mark.parametrize(
    ("given", "google", "meta", "amazon"),
    [
        ("  Test@Example.COM ", *["test@example.com"] * 3),
        # The two examples of Google's own page.
        (
            "cloudy.sanfrancisco+shopping@gmail.com",
            "cloudysanfrancisco@gmail.com",
            "cloudy.sanfrancisco+shopping@gmail.com",
            "cloudy.sanfranciscoshopping@gmail.com",
        ),
        (
            "user.name+NYC@Example.com",
            "user.name+nyc@example.com",
            "user.name+nyc@example.com",
            "user.namenyc@example.com",
        ),
        ("a.b@googlemail.com", "ab@googlemail.com", "a.b@googlemail.com", "a.b@googlemail.com"),
        ("a.b@notgmail.com", *["a.b@notgmail.com"] * 3),
        ("two words@example.com", *["twowords@example.com"] * 3),
        ("Ann C <ann.c@example.org>", *["ann.c@example.org"] * 3),
        ("mailto:ann.d@example.org", *["ann.d@example.org"] * 3),
        ("'ann.f@example.org',", *["ann.f@example.org"] * 3),
        ("=ann.g@example.org.", *["ann.g@example.org"] * 3),
        ("ＡＮＮ\u200b@example.org\ufeff", *["ann@example.org"] * 3),
        ("ann@münchen.example", "ann@münchen.example", "ann@münchen.example", None),
        ("+x@gmail.com", None, "+x@gmail.com", "x@gmail.com"),
        *(
            (wrong, None, None, None)
            for wrong in (
                *("nobody", "", None, "@example.org", "ann@example", "ann@example..org"),
                *("n/a@n/a.n/a", "a@b.org;c@d.org", "a@b.org (work)", "ann..p@example.org"),
            )
        ),
    ],
)
def test_emails_are_normalised_as_each_platform_asks_or_are_none(given, google, meta, amazon):
    readings = (contacts.gmail_folded, contacts.email, contacts.email_without_signs)
    assert [read(each, given) for each in readings] == [google, meta, amazon]


def every_example():
    """Example numbers of all kinds of all regions, and each as people write it."""
    style = phonenumbers.PhoneNumberFormat
    wide = str.maketrans("0123456789+", "０１２３４５６７８９＋")
    kinds = [kind for kind in vars(phonenumbers.PhoneNumberType).values() if isinstance(kind, int)]
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        found = [phonenumbers.example_number_for_type(region, kind) for kind in kinds]
        for number in filter(None, found):
            full = phonenumbers.format_number(number, style.E164)
            national = phonenumbers.format_number(number, style.NATIONAL)
            spaced = phonenumbers.format_number(number, style.INTERNATIONAL)
            code, _, rest = spaced.partition(" ")
            written = {
                *(full, national, spaced, full[1:], f"({code}) {rest}"),
                *(spaced.replace(" ", "-"), spaced.replace(" ", "."), spaced.replace(" ", "/")),
                *(full.translate(wide), national.translate(wide), f"tel:{full}", f"'{full}"),
            }
            yield from ((region, each, full) for each in sorted(written))


def test_phones_are_those_of_the_library_for_its_examples_of_all_regions():
    table = sorted(set(every_example()))
    found = contacts.phones(
        contacts.as_texts(pl.Series([written for _, written, _ in table])),
        regions=[region for region, _, _ in table],
    )
    wrong = [row for row, each in zip(table, found, strict=True) if each != row[2]]
    assert wrong == []
    assert len({region for region, _, _ in table}) == len(phonenumbers.SUPPORTED_REGIONS)
    assert len(table) > 9000


@pytest.mark.parametrize(
    ("given", "region", "full"),
    [
        # The three examples of Meta's own page.
        ("1-234-567-8910", "US", "+12345678910"),
        ("12345678910", "US", "+12345678910"),
        ("+44 844 412 4653", "US", "+448444124653"),
        ("(800)555-0100", "US", "+18005550100"),
        ("011 49 170 1234501", "US", "+491701234501"),
        ("0044 20 7031 3000", None, "+442070313000"),
        ("+44 (0)20 7031 3000", None, "+442070313000"),
        ("+49 0170 1234511", "DE", "+491701234511"),
        ("(0049)170 1234504", "DE", "+491701234504"),
        ("170 1234505", "DE", "+491701234505"),
        ("06 698 12345", "IT", "+390669812345"),
        ("8 (912) 345-67-01", "RU", "+79123456701"),
        ("٠٥٠١٢٣٤٥٠١", "SA", "+966501234501"),
        ("+1 800 555 0108 #12", "US", "+18005550108"),
        ("+1-800-555-0109,,45", "US", "+18005550109"),
        ("\u202a+1 800 555 0111\u202c", "US", "+18005550111"),
        ('"=+18005550115"', "US", "+18005550115"),
        ("p:+18005550116", "US", "+18005550116"),
        ("491701234507.0", "DE", "+491701234507"),
        ("1.8005550119E+10", "US", "+18005550119"),
        ("1.80E+10", "US", None),
        ("4.91701E+11", "DE", None),
        ("+1 800 555 0117 / +1 800 555 0118", "US", None),
        ("0170 123 4567", None, None),
        ("+12", "DE", None),
        ("+1234567890123456", "DE", None),
        ("call me at 0170 1234567", "DE", None),
        ("0170 1234567 Anna", "DE", None),
        ("", "DE", None),
        ("n/a", "DE", None),
    ],
)
def test_phones_are_valid_numbers_or_none(given, region, full):
    assert phone(given, region) == full


def test_numbers_that_a_table_kept_as_floats_are_whole_again():
    given = pl.Series([491701234501.0, None, 491701234502.0])
    texts = contacts.as_texts(given)
    assert contacts.phones(texts, regions=["DE"] * 3).to_list() == [
        "+491701234501",
        None,
        "+491701234502",
    ]


@pytest.mark.parametrize(
    ("country", "region"), [("DE", "DE"), ("de", "DE"), ("49", "DE"), ("+49", "DE"), ("1", "US")]
)
def test_a_country_is_its_code_or_its_dialling_code(country, region):
    assert contacts.region_of(country) == region


@pytest.mark.parametrize("country", ["", "XX", "Germany", "999", "800", "+", "²"])
def test_what_is_no_country_is_refused(country):
    with pytest.raises(ConfigError):
        contacts.region_of(country)


@pytest.mark.parametrize(
    ("reading", "given", "expected"),
    [
        (contacts.given_name, " Mrs. Zoë ", "zoë"),
        (contacts.given_name, "Drew", "drew"),
        (contacts.family_name, "O'Brien, Jr.", "obrien"),
        (contacts.family_name, "van  der Berg", "van der berg"),
        (contacts.name, "Jean-Luc", "jeanluc"),
        (contacts.name, "...", None),
        (contacts.ascii_name, "Zoë-Ann", "zoeann"),
        (contacts.ascii_name, "Иван", None),
        (contacts.plain_name, "O'Brien", "O'Brien"),
        (contacts.plain_name, "=cmd|' /C calc'!A0", None),
        (contacts.plain_name, "-1+1", None),
        (contacts.postal_code, "94016-1234", "94016-1234"),
        (contacts.postal_code, "WC2H 8LG", "WC2H 8LG"),
        (contacts.postal_code, "@SUM(1)", None),
        (contacts.squeezed_postal_code, "94016-1234", "94016"),
        (contacts.squeezed_postal_code, "WC2H 8LG", "wc2h8lg"),
        (contacts.squeezed_postal_code, "12-345", "12345"),
        (contacts.country, "us", "US"),
        (contacts.country, "Germany", None),
        (
            contacts.mobile_id,
            "AECE52E7-03EE-455A-B3C4-E57283966239",
            "aece52e7-03ee-455a-b3c4-e57283966239",
        ),
        (contacts.mobile_id, "00000000-0000-0000-0000-000000000000", None),
        (contacts.external_id, "c-17", "c-17"),
        (contacts.external_id, "=1+1", None),
        (contacts.money, "12.50", "12.50"),
        (contacts.money, "-1", None),
    ],
)
def test_other_keys_are_normalised_or_none(reading, given, expected):
    assert read(reading, given) == expected


def test_a_hash_is_the_one_that_is_published_for_its_text():
    # "abc" is the first test vector of FIPS 180-4.
    found = contacts.sha256(pl.Series(["abc", None])).to_list()
    assert found == ["ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", None]
    assert found[0] == hashlib.sha256(b"abc").hexdigest()


@pytest.mark.parametrize("name", PLATFORMS)
def test_no_cell_of_a_platform_begins_like_a_formula(name):
    """Whatever stands in the contacts: a cell is a hash or begins with a letter or a digit."""
    attacks = ["=cmd|' /C calc'!A0", "+1+1", "-1+1", "@SUM(1)", "\t=1", "\r=1", '"=1"', "a,=1"]
    for keys in PLATFORMS[name].lists:
        for key in keys:
            if not key.is_hashed:
                found = [read(key.read, attack) for attack in attacks]
                assert [each for each in found if each and not each[0].isalnum()] == []
                assert [each for each in found if each and set(each) & set(',"\n\r')] == []


@pytest.mark.parametrize("name", PLATFORMS)
def test_the_guide_shows_what_the_table_of_platforms_says(name):
    guide = (Path(__file__).parents[2] / "docs" / "guide" / "audience.md").read_text()
    row = next(line for line in guide.splitlines() if line.startswith(f"| `{name}` |"))
    platform = PLATFORMS[name]

    assert f"| {platform.smallest:,} " in row
    if platform.form == "csv":
        headings = [*platform.headings, *(key.heading for keys in platform.lists for key in keys)]
        assert [each for each in headings if f"`{each}`" not in row] == []
    pages = platform.smallest_source.split(", ")[0].split("/")[-1]
    assert pages in guide


def test_without_the_library_only_phone_numbers_are_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, "phonenumbers", None)
    contacts._phone.cache_clear()
    with raises_text(MissingExtraError):
        phone("+49 170 1234567", None)
    assert read(contacts.email, "a@b.org") == "a@b.org"


def test_namibia_is_a_country_and_not_missing(tmp_path):
    """NA, as R writes what is missing, is missing in every other column."""
    file = tmp_path / "contacts.csv"
    file.write_text("user_id,country,email\n1,NA,NA\n2,,a@example.org\n3,N/A,NULL\n")

    read = read_user_file(file, ["user_id"], optional=["country", "email"])

    assert read["country"].to_list() == ["NA", None, None]
    assert read["email"].to_list() == [None, "a@example.org", None]
