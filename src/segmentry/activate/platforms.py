"""What each advertising platform takes: one entry a platform.

What a platform's own help says is cited in its entry; ``docs/guide/audience.md`` shows the table.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

from segmentry.activate import contacts

Kind = Literal[
    "email",
    "phone",
    "first_name",
    "last_name",
    "postal_code",
    "country",
    "mobile_id",
    "external_id",
    "value",
]

COLUMN_NAMES: Mapping[Kind, tuple[str, ...]] = MappingProxyType(
    {
        "email": ("email", "emailaddress", "mail"),
        "phone": ("phone", "phonenumber", "mobilephone", "telephone"),
        "first_name": ("firstname", "givenname", "fn"),
        "last_name": ("lastname", "familyname", "surname", "ln"),
        "postal_code": ("postalcode", "postcode", "zip", "zipcode"),
        "country": ("country", "countrycode"),
        "mobile_id": ("mobileid", "mobileadvertisingid", "mobiledeviceid", "madid", "maid"),
        "external_id": ("externalid", "externid", "customerid"),
    }
)
"""How columns of contacts may be called, without case, blanks, signs and a number at the end."""


@dataclass(frozen=True, slots=True)
class Key:
    """One kind of contact as a platform takes it."""

    kind: Kind
    heading: str
    read: contacts.Reading
    """Of clean texts; of E.164 numbers for phones."""
    is_hashed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """What one platform takes, and where it says so."""

    title: str
    lists: tuple[tuple[Key, ...], ...]
    """Keys that stand in one list; the first list of which the contacts have a column is made."""
    address: tuple[Kind, ...]
    """Keys that match together, without an e-mail address or a phone number."""
    is_address_whole: bool = False
    """Whether a part of an address is of no use, and left out."""
    headings: tuple[str, ...] = ()
    """All headings where the platform's template may not be changed."""
    is_repeated: bool = True
    """Whether a heading may stand up to three times; else a user has a row for each contact."""
    form: Literal["csv", "requests"] = "csv"
    smallest: int
    largest: int | None = None
    source: str
    """Of keys, headings and normalisation, with the date of that page where it has one."""
    smallest_source: str


def _keys(*keys: tuple[Kind, str, contacts.Reading, bool]) -> tuple[Key, ...]:
    return tuple(Key(*key) for key in keys)


_FULL_ADDRESS: tuple[Kind, ...] = ("first_name", "last_name", "postal_code", "country")

_GOOGLE = Platform(
    title="Google Customer Match",
    lists=(
        _keys(
            ("email", "Email", contacts.gmail_folded, True),
            ("phone", "Phone", contacts.with_plus, True),
            ("first_name", "First Name", contacts.given_name, True),
            ("last_name", "Last Name", contacts.family_name, True),
            ("country", "Country", contacts.country, False),
            ("postal_code", "Zip", contacts.postal_code, False),
        ),
        _keys(("mobile_id", "Mobile Device ID", contacts.mobile_id, False)),
        _keys(("external_id", "User ID", contacts.external_id, False)),
    ),
    address=_FULL_ADDRESS,
    is_address_whole=True,
    smallest=100,
    source="support.google.com/google-ads/answer/7659867; "
    "developers.google.com/data-manager/api/devguides/concepts/formatting",
    smallest_source="developers.google.com/data-manager/api/devguides/audiences/"
    "send-audience-members, looked up in November 2026",
)

PLATFORMS: Mapping[str, Platform] = MappingProxyType(
    {
        "google": _GOOGLE,
        "google-api": replace(
            _GOOGLE,
            title="Google's Data Manager API",
            form="requests",
            source="developers.google.com/data-manager/api/devguides/audiences/google-ads/"
            "customer-match/upload-data; …/devguides/limits",
        ),
        "meta": Platform(
            title="Meta",
            lists=(
                _keys(
                    ("email", "email", contacts.email, True),
                    ("phone", "phone", contacts.without_plus, True),
                    ("mobile_id", "madid", contacts.mobile_id, False),
                    ("first_name", "fn", contacts.name, True),
                    ("last_name", "ln", contacts.name, True),
                    ("postal_code", "zip", contacts.squeezed_postal_code, True),
                    (
                        "country",
                        "country",
                        lambda text: contacts.country(text).str.to_lowercase(),
                        True,
                    ),
                    ("external_id", "extern_id", contacts.external_id, False),
                    ("value", "value", contacts.money, False),
                ),
            ),
            address=_FULL_ADDRESS,
            smallest=100,
            source="facebook.com/business/help/2082575038703844; developers.facebook.com/"
            "documentation/ads-commerce/conversions-api/parameters/"
            "customer-information-parameters, 9 January 2026",
            smallest_source="facebook.com/business/help/2082575038703844, looked up in "
            "November 2026",
        ),
        "tiktok": Platform(
            title="TikTok",
            lists=(
                _keys(
                    ("email", "Email_SHA256", contacts.email, True),
                    ("phone", "Phone_SHA256", contacts.with_plus, True),
                    ("mobile_id", "MAID_SHA256", contacts.mobile_id, True),
                ),
            ),
            address=(),
            smallest=1000,
            source="ads.tiktok.com/help/article/"
            "how-to-create-a-custom-audience-with-a-customer-file, September 2025",
            smallest_source="ads.tiktok.com/help/article/custom-audiences, July 2025",
        ),
        "linkedin": Platform(
            title="LinkedIn",
            lists=(
                _keys(
                    ("email", "email", contacts.email, True),
                    ("first_name", "firstname", contacts.plain_name, False),
                    ("last_name", "lastname", contacts.plain_name, False),
                    ("country", "country", contacts.country, False),
                    ("mobile_id", "googleaid", contacts.mobile_id, False),
                ),
            ),
            address=("first_name", "last_name"),
            headings=(
                *("email", "firstname", "lastname", "jobtitle", "employeecompany", "country"),
                "googleaid",
            ),
            is_repeated=False,
            smallest=300,
            largest=300_000,
            source="linkedin.com/help/lms/answer/a1489764 and its template, July 2026",
            smallest_source="linkedin.com/help/lms/answer/a1489764, July 2026",
        ),
        "amazon": Platform(
            title="Amazon Ads",
            lists=(
                _keys(
                    ("email", "email", contacts.email_without_signs, True),
                    ("phone", "phone", contacts.without_plus, True),
                    ("first_name", "firstName", contacts.ascii_name, True),
                    ("last_name", "lastName", contacts.ascii_name, True),
                    ("postal_code", "postal", contacts.squeezed_postal_code, True),
                    ("country", "countryCode", contacts.country, False),
                    ("mobile_id", "maid", contacts.mobile_id, False),
                    ("external_id", "externalId", contacts.external_id, False),
                ),
            ),
            address=_FULL_ADDRESS,
            is_repeated=False,
            smallest=2000,
            source="advertising.amazon.com/help/GCCXMZYCK4RXWS6C",
            smallest_source="advertising.amazon.com/help/GD9DJBUXY5QEX272, looked up in "
            "November 2026",
        ),
    }
)
