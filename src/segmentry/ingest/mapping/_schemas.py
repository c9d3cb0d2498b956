"""Logs that many people have: the names of their columns, and what is to be known of each."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KnownSchema:
    """Roles by the names that a tool or a public data set gives its columns."""

    title: str
    needed: tuple[str, ...]
    """Columns by which it is recognised, in lower case, with ``_`` for all other signs."""
    roles: Mapping[str, tuple[str, ...]]
    """The columns that may play a role, the likeliest first."""
    advice: str = ""
    """What a person has to decide."""
    event: str = "event"
    """What a row is; empty for an impression."""


KNOWN_SCHEMAS = (
    KnownSchema(
        "GA4, exported to BigQuery",
        ("user_pseudo_id", "event_timestamp", "event_name"),
        {
            "user_id": ("user_pseudo_id",),
            "time": ("event_timestamp",),
            "event_type": ("event_name",),
            "value": ("event_value_in_usd",),
        },
        "user_id of GA4 is empty for who has not signed in; user_pseudo_id is a browser",
    ),
    KnownSchema(
        "Snowplow, atomic.events",
        ("domain_userid", "collector_tstamp", "event_name"),
        {
            "user_id": ("domain_userid", "network_userid"),
            "time": ("derived_tstamp", "collector_tstamp"),
            "event_type": ("event_name",),
            "value": ("tr_total", "se_value"),
            "placement": ("page_urlpath",),
        },
        "domain_userid is a browser; user_id is set for who has signed in alone",
    ),
    KnownSchema(
        "Segment, warehouse tables",
        ("anonymous_id", "received_at", "event"),
        {
            "user_id": ("anonymous_id",),
            "time": ("timestamp", "original_timestamp", "received_at"),
            "event_type": ("event",),
            "value": ("revenue", "total", "value"),
        },
        "anonymous_id is a browser; user_id is set for who has signed in alone",
    ),
    KnownSchema(
        "Amplitude, exported events",
        ("amplitude_id", "event_time", "event_type"),
        {
            "user_id": ("amplitude_id",),
            "time": ("event_time",),
            "event_type": ("event_type",),
            "value": ("revenue", "event_properties_revenue"),
        },
    ),
    KnownSchema(
        "Criteo, attribution",
        ("uid", "timestamp", "campaign", "click", "conversion"),
        {
            "user_id": ("uid",),
            "time": ("timestamp",),
            "click": ("click",),
            "ad_id": ("campaign",),
        },
        event="",
    ),
    KnownSchema(
        "Avazu, click-through rates",
        ("click", "hour", "banner_pos", "device_id", "device_ip"),
        {
            "user_id": ("device_id",),
            "time": ("hour",),
            "click": ("click",),
            "placement": ("banner_pos",),
            "ad_id": ("c14",),
        },
        "most rows have the device_id a99f214a, which is none: make a column of device_ip and "
        "device_model, or add missing = {user_id = 'a99f214a'}",
        event="",
    ),
    KnownSchema(
        "iPinYou, real-time bidding",
        ("ipinyouid", "timestamp", "creative", "slotid"),
        {
            "user_id": ("ipinyouid",),
            "time": ("timestamp",),
            "click": ("click", "nclick"),
            "ad_id": ("creative",),
            "placement": ("slotid",),
            "advertiser_id": ("advertiser",),
        },
        event="",
    ),
    KnownSchema(
        "Outbrain, click prediction",
        ("uuid", "document_id", "timestamp"),
        {
            "user_id": ("uuid",),
            "time": ("timestamp",),
            "click": ("clicked",),
            "ad_id": ("ad_id",),
            "placement": ("platform",),
            "campaign_id": ("campaign_id",),
            "advertiser_id": ("advertiser_id",),
        },
        "join clicks and events by display_id into one row per shown ad; the times are "
        'milliseconds from origin = "2016-06-14T03:59:59.998+00:00"',
        event="",
    ),
    KnownSchema(
        "Tencent, advertising algorithm competition",
        ("user_id", "creative_id", "click_times"),
        {
            "user_id": ("user_id",),
            "time": ("time",),
            "ad_id": ("creative_id",),
            "n_impressions": ("click_times",),
        },
        'a row counts clicks, not impressions; time is the number of a day: time_format = "days"',
        event="click",
    ),
    KnownSchema(
        "Online Retail",
        ("stockcode", "quantity", "invoicedate"),
        {
            "user_id": ("customerid", "customer_id"),
            "time": ("invoicedate",),
            "ad_id": ("stockcode",),
            "quantity": ("quantity",),
            "price": ("unitprice", "price"),
        },
        "no column says what a row is worth: add one of quantity times price and name it as value",
        event="purchase",
    ),
)


def known_schema(names: Collection[str]) -> KnownSchema | None:
    """Return the schema that has all of its columns among some names, if one has.

    >>> known_schema(["ipinyouid", "timestamp", "creative", "slotid", "ip"]).title
    'iPinYou, real-time bidding'
    >>> known_schema(["user", "time"]) is None
    True
    """
    return next((each for each in KNOWN_SCHEMAS if set(each.needed) <= set(names)), None)
