"""Normalising and hashing, against values that were worked out by hand."""

import hashlib

import polars as pl
import pytest

from segmentry.activate.audience import hashed_emails, hashed_phones


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("given", "google", "meta"),
    [
        ("test@example.com", "test@example.com", "test@example.com"),
        ("  Test@Example.COM ", "test@example.com", "test@example.com"),
        # The two examples of Google's own page.
        (
            "cloudy.sanfrancisco+shopping@gmail.com",
            "cloudysanfrancisco@gmail.com",
            "cloudy.sanfrancisco+shopping@gmail.com",
        ),
        ("user.name+NYC@Example.com", "user.name+nyc@example.com", "user.name+nyc@example.com"),
        ("a.b@googlemail.com", "ab@googlemail.com", "a.b@googlemail.com"),
        ("a.b@notgmail.com", "a.b@notgmail.com", "a.b@notgmail.com"),
        ("two words@example.com", "twowords@example.com", "twowords@example.com"),
        ("nobody", None, None),
        ("", None, None),
        (None, None, None),
    ],
)
def test_emails_are_normalised_as_each_platform_asks(given, google, meta):
    emails = pl.Series([given], dtype=pl.String)

    expected = [None if each is None else sha256(each) for each in (google, meta)]
    found = [hashed_emails(emails, platform=each)[0] for each in ("google", "meta")]
    assert found == expected


@pytest.mark.parametrize(
    ("given", "country_code", "digits"),
    [
        ("(800)555-0100", "1", "18005550100"),
        ("+1 (800) 555-0100", None, "18005550100"),
        ("0044 20 7031 3000", "1", "442070313000"),
        ("+44 (0)20 7031 3000", None, "442070313000"),
        ("0170 123 4567", "49", "491701234567"),
        ("06 698 12345", "39", "390669812345"),
        ("0170 123 4567", None, None),
        ("+12", "49", None),
        ("+1234567890123456", "49", None),
        ("call me at 0170 1234567", "49", None),
        ("", "49", None),
        (None, "49", None),
    ],
)
def test_phones_carry_a_country_code_or_are_not_used(given, country_code, digits):
    phones = pl.Series([given], dtype=pl.String)

    google = hashed_phones(phones, platform="google", country_code=country_code)[0]
    meta = hashed_phones(phones, platform="meta", country_code=country_code)[0]
    assert google == (None if digits is None else sha256("+" + digits))
    assert meta == (None if digits is None else sha256(digits))


def test_a_hash_is_the_one_that_is_published_for_its_text():
    # "abc" is the first test vector of FIPS 180-4; an address is hashed by the same function.
    assert sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    found = hashed_emails(pl.Series(["a@b.org"]), platform="meta")[0]
    assert found == hashlib.sha256(b"a@b.org").hexdigest()
