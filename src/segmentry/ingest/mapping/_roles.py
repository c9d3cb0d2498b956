"""Guess which column of a file plays which role: by its name, else by what it holds."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from segmentry.ingest.files import FLAGS, FileLayout
from segmentry.ingest.moments import find_time_format

# Names by which a column is recognised, English ones before German ones, the likeliest first;
# without case, blanks, dashes and the dots of umlauts.
NAMES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "user_id": (
            "user_id", "userid", "user", "uid", "customer_id", "customerid", "client_id",
            "visitor_id", "visitorid", "member_id", "account_id", "person_id", "player_id",
            "household_key", "device_id", "user_no", "user_number", "customer_no", "cust_id",
            "cust_no", "customer_number", "client_no", "member_no", "customer", "client", "visitor",
            "buyer", "cookie", "id",
            "kundennummer", "kunden_nummer", "kundennr", "kunden_nr", "kd_nr", "kdnr",
            "kunden_id", "kundenid", "nutzer_id", "nutzerid", "benutzer_id", "benutzerid",
            "besucher_id", "mitgliedsnummer", "kunde", "nutzer", "benutzer", "besucher",
            "kaufer", "kaeufer",
        ),
        "time": (
            "time_stamp", "timestamp", "time", "ts", "event_time", "shown_at", "datetime",
            "event_date_time", "created_at", "invoicedate", "invoice_date", "order_date",
            "ordered_on", "ordered_at",
            "order_time", "purchase_date", "purchased_at", "purchased_on", "transaction_date",
            "event_timestamp", "event_date", "occurred_at", "date_time", "date", "day", "when",
            "zeitstempel", "zeitpunkt", "datum_uhrzeit", "datum_zeit", "bestelldatum",
            "kaufdatum", "rechnungsdatum", "buchungsdatum", "bestellt_am", "gekauft_am",
            "erstellt_am", "datum", "tag", "uhrzeit", "zeit",
        ),
        "click": (
            "clk", "click", "clicked", "is_click", "is_clicked", "clicked_y_n",
            "klick", "geklickt", "angeklickt",
        ),
        "event_type": (
            "event_type", "event", "action", "behavior_type", "btag", "type",
            "ereignis", "ereignistyp", "aktion", "typ",
        ),
        "n_impressions": (
            "n_impressions", "impressions", "impression", "imps", "impr", "imp",
            "num_impressions", "impression_count", "impressions_served", "ad_impressions",
            "impressionen", "anzahl_impressionen", "einblendungen", "anzahl_einblendungen",
        ),
        "n_clicks": (
            "n_clicks", "clicks", "num_clicks", "click_count", "total_clicks", "ad_clicks",
            "klicks", "anzahl_klicks",
        ),
        "no_click": (
            "nonclk", "no_click", "is_not_click",
            "kein_klick",
        ),
        "ad_id": (
            "adgroup_id", "ad_id", "adid", "creative_id", "item_id", "itemid", "product_id",
            "productid", "stockcode", "sku", "creative", "creative_name", "ad_name",
            "anzeigen_id", "anzeige_id", "anzeige", "werbemittel_id", "werbemittel",
            "artikelnummer", "artikel_nr", "artikel_id", "artikel", "produkt_id",
            "produktnummer", "produkt",
        ),
        "placement": (
            "pid", "placement", "placement_id", "position", "slot", "site",
            "platzierung", "werbeplatz",
        ),
        "value": (
            "amount", "value", "revenue", "total", "spend", "sales", "order_value", "order_total",
            "total_amount", "total_price", "sales_value", "price_paid", "gmv",
            "betrag", "gesamtbetrag", "rechnungsbetrag", "umsatz", "bestellwert", "warenwert",
            "gesamtpreis", "wert", "summe",
        ),
        "quantity": (
            "quantity", "qty", "items", "units",
            "menge", "anzahl", "stuckzahl", "stueckzahl",
        ),
        "category_id": (
            "cate_id", "category_id", "category", "cate",
            "kategorie_id", "kategorie", "warengruppe",
        ),
        "campaign_id": (
            "campaign_id", "campaign",
            "kampagnen_id", "kampagne",
        ),
        "advertiser_id": (
            "advertiser_id", "advertiser",
            "werbekunde", "werbetreibender",
        ),
        "brand_id": (
            "brand_id", "brand",
            "marken_id", "marke",
        ),
        "price": (
            "price", "unit_price", "unitprice",
            "preis", "einzelpreis", "stuckpreis", "stueckpreis",
        ),
    }
)  # fmt: skip
_OF_ONE_EVENT = ("click", "no_click", "event_type", "value", "quantity")
_SHOWN = (
    "views", "shows", "shown", "displays", "exposures", "served", "n_views", "view_count",
    "ad_views",
)  # fmt: skip
"""What counts impressions next to clicks, and something else without them."""
_MIN_ROWS, _MAX_FEW = 20, 10


def is_plain_number(text: str) -> bool:
    """Whether a text is a number as programs write it, without exponent."""
    return re.fullmatch(r"[+-]?\d+(\.\d+)?", text) is not None


def plain_name(name: str) -> str:
    """Return a name without case, blanks, dashes and the dots of umlauts.

    >>> plain_name("Stückzahl "), plain_name("Kunden-Nr.")
    ('stuckzahl', 'kunden_nr')
    """
    letters = unicodedata.normalize("NFKD", name.casefold())
    plain = "".join(each for each in letters if not unicodedata.combining(each))
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")


def named_roles(layout: FileLayout, named: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """Return the columns that are recognised by their names.

    A column of flags, such as "customer" of yes and no, does not hold users.
    """
    plain = {plain_name(name): name for name in reversed(layout.all_names)}
    roles: dict[str, str] = {}
    for role, names in named.items():
        found = [plain[name] for name in names if name in plain]
        free = [name for name in found if name not in roles.values()]
        if role == "user_id":
            free = [name for name in free if not _are_flags(layout.values(name))]
        if free:
            roles[role] = free[0]
    if "n_clicks" in roles and "n_impressions" not in roles:
        shown = [plain[name] for name in _SHOWN if name in plain]
        likely = [name for name in shown if _holds_counts(layout, name, roles["n_clicks"])]
        roles |= {"n_impressions": likely[0]} if likely else {}
    return roles


def roles_by_content(layout: FileLayout) -> dict[str, str]:
    """Guess the columns of a file without names.

    Times by their look, clicks by flags; the first other column of many values is the user.
    """
    roles: dict[str, str] = {}
    times = []
    for name in layout.names:
        values = layout.values(name)
        if _are_flags(values):
            roles.setdefault("click", name)
        elif any("." in value for value in values) and all(map(is_plain_number, values)):
            roles.setdefault("value", name)
        elif find_time_format(values):
            times.append(name)
    free = [name for name in layout.names if name not in {*roles.values(), *times}]
    many = [name for name in free if not _are_few(layout.values(name))]
    if not many and len(times) > 1:  # ids of ten digits look like seconds
        many.append(times.pop(0))
    roles |= {"time": times[0]} if times else {}
    return {"user_id": (many or free or list(layout.names))[0]} | roles


def _are_flags(values: Sequence[str]) -> bool:
    """Whether a column says yes or no of many rows."""
    return len(values) >= _MIN_ROWS and {value.lower() for value in values} <= dict(FLAGS).keys()


def _are_few(values: Sequence[str]) -> bool:
    """Whether so few different values in so many rows are no ids."""
    return len(set(values)) <= min(_MAX_FEW, len(values) // 10)


def _holds_counts(layout: FileLayout, shown: str, clicks: str) -> bool:
    """Whether no row has more clicks than times shown."""
    if not {shown, clicks} <= {*layout.names}:
        return False
    places = layout.names.index(shown), layout.names.index(clicks)
    pairs = [[row[each].strip() for each in places] for row in layout.sample if row[max(places) :]]
    counts = [(float(n), float(c)) for n, c in pairs if n.isdecimal() and c.isdecimal()]
    return 2 * len(counts) > len(pairs) and all(n >= c for n, c in counts)


def of_counts(roles: Mapping[str, str]) -> dict[str, str]:
    """Take clicks next to a column of impressions for counts too; what is of one event is not."""
    kept = {name: column for name, column in roles.items() if name not in _OF_ONE_EVENT}
    clicks = roles.get("n_clicks", roles.get("click"))
    return kept if clicks is None else kept | {"n_clicks": clicks}
