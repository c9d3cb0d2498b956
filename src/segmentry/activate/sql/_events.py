"""From raw events to the user table: counted as `features` does, one grouping per key."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from segmentry.activate.sql._trees import (
    Step,
    all_of,
    any_of,
    case,
    column,
    double,
    equal,
    is_null,
    less,
    minus,
    more,
    n_rows,
    n_where,
    named,
    not_null,
    number,
    quotient,
    select,
    text,
    times,
    total,
    whole,
    whole_part,
    with_comment,
)
from segmentry.features import EVERY_LOG_FEATURE, BetaPrior, ad_columns_of, counts_of
from segmentry.features.events import midnight_of
from segmentry.results.scoring import Bundle
from segmentry.schema import (
    EVENT_COLUMNS,
    IMPRESSIONS_COLUMNS,
    MICRO,
    SECONDS_PER_DAY,
    Window,
)

_HALF_HOUR = 1800
_QUARTER_DAY = SECONDS_PER_DAY // 4
_QUARTERS = ("night", "morning", "afternoon", "evening")
_LARGEST_AMOUNT = 1e9
LOG_NAMES = frozenset(feature.name for feature in EVERY_LOG_FEATURE)
EVENTS = (*IMPRESSIONS_COLUMNS, "is_not_click", *EVENT_COLUMNS)
ADS = ("category_id", "brand_id", "campaign_id", "price")


@dataclass(frozen=True, slots=True, eq=False)
class Log:
    """The tables that hold the events, and what is in them."""

    tables: Mapping[str, exp.Table]
    """By role: ``events``, ``ads``, ``profiles``."""
    called: Callable[[str], str]
    """The name of a column by segmentry's own."""
    moment: Callable[[exp.Expr], exp.Expr]
    """The epoch seconds of ``shown_at``, whole."""
    amounts: Sequence[str]
    """Those of value and quantity that the log has."""
    has_time: bool
    has_clicks: bool
    checks_not_clicked: bool
    """Whether ``is_not_click`` has to be the opposite of ``is_click``."""
    has_profiles: bool

    def of(self, table: str, own: str) -> exp.Expr:
        """Return a column of a table."""
        return column(self.called(own), table)


def user_steps(bundle: Bundle, log: Log) -> list[Step]:
    """Return the steps from events to ``users``: one row per user with the model's features."""
    names = dict.fromkeys(
        (*(each for each in bundle.columns if each in LOG_NAMES), "n_impressions")
    )
    features = [feature for feature in EVERY_LOG_FEATURE if feature.name in names]
    counts, of_ads = counts_of(features), ad_columns_of(features)
    groupings = {
        title: {count: value for count, value in answers.items() if count in counts}
        for title, answers in _answers(bundle).items()
    }
    if groupings["by_day"] and groupings["by_row"].keys() <= {"n_impressions", "n_clicks"}:
        sums = {"n_impressions": "n", "n_clicks": "n_clicked"}
        groupings["by_day"] |= {
            count: exp.Sum(this=column(sums[count])) for count in groupings.pop("by_row")
        }
    found = {title: answers for title, answers in groupings.items() if answers}
    steps = [_valid(bundle, log, counts, of_ads)]
    for title, answers in found.items():
        steps += _grouped(title, answers)
    return [*steps, *_users(bundle, log, tuple(names), found)]


def _valid(bundle: Bundle, log: Log, counts: frozenset[str], of_ads: Sequence[str]) -> Step:
    """Keep the rows that `score` uses, with what is counted of them."""
    window, midnight = bundle.window, midnight_of(bundle.window)
    moment = log.moment(log.of("e", "shown_at")) if log.has_time else whole(midnight)
    click = log.of("e", "is_click") if log.has_clicks else whole(0)
    columns = [
        named(log.of("e", "user_id"), "user_id"),
        named(minus(moment, whole(midnight)), "second"),
        named(click, "is_click"),
    ]
    if counts & {"n_ads", "n_repeat_impressions", "n_repeat_clicks"}:
        columns.append(named(log.of("e", "ad_id"), "ad_id"))
    if "n_placed" in counts:
        columns.append(named(log.of("e", "placement"), "placement"))
    columns += [
        named(_fixed_point(log.of("e", amount)), amount)
        for amount in log.amounts
        if amount in counts
    ]
    columns += [named(log.of("a", own), own) for own in of_ads if own != "price"]
    if "price" in of_ads:
        columns.append(named(_log_price(log.of("a", "price")), "log_price"))
    query = select(*columns, of=exp.alias_(log.tables["events"].copy(), "e", table=True))
    if of_ads:
        ads = exp.alias_(log.tables["ads"].copy(), "a", table=True)
        query = query.join(
            ads, on=equal(log.of("e", "ad_id"), log.of("a", "ad_id")), join_type="left"
        )
    query = query.where(all_of(_rules(log, window, moment)), copy=False)
    return "events_used", with_comment(query, "The rows that are sound and in the window.")


def _rules(log: Log, window: Window, moment: exp.Expr) -> list[exp.Expr]:
    click = log.of("e", "is_click")
    rules = [not_null(log.of("e", "user_id"))]
    if log.has_time:
        rules += [
            exp.GTE(this=moment.copy(), expression=whole(window.start)),
            less(moment.copy(), whole(window.end)),
        ]
    if log.has_clicks:
        rules.append(any_of(equal(click, whole(0)), equal(click.copy(), whole(1))))
    if log.checks_not_clicked:
        both = total([click.copy(), log.of("e", "is_not_click")])
        rules.append(equal(both, whole(1)))
    for amount in log.amounts:
        value = log.of("e", amount)
        size = exp.Abs(this=value)
        is_possible: exp.Expr = all_of(
            [
                exp.LTE(this=size, expression=number(_LARGEST_AMOUNT)),
                any_of(
                    equal(value.copy(), whole(0)),
                    exp.GTE(this=size.copy(), expression=number(1 / MICRO)),
                ),
            ]
        )
        if not log.has_clicks:
            # A return does not count as an event.
            is_possible = all_of([is_possible, exp.GTE(this=value.copy(), expression=whole(0))])
        rules.append(any_of(is_null(value.copy()), is_possible))
    return rules


def _fixed_point(value: exp.Expr) -> exp.Expr:
    return whole_part(total([times(double(value), number(MICRO)), number(0.5)]))


def _log_price(price: exp.Expr) -> exp.Expr:
    """Return ln(1 + price) in fixed point, null for a price that is not above 0."""
    logs = exp.Round(this=times(exp.Ln(this=total([number(1), double(price)])), number(MICRO)))
    is_possible = all_of(
        [more(price.copy(), whole(0)), exp.LTE(this=double(price.copy()), expression=number(1e300))]
    )
    return case([(is_possible, exp.cast(logs, exp.DataType.Type.BIGINT))])


def _answers(bundle: Bundle) -> dict[str, dict[str, exp.Expr]]:
    """Return how counts follow of groupings, by the key they are grouped by."""
    window = bundle.window
    first_day = (midnight_of(window) + round(window.utc_offset_hours * 3600)) // SECONDS_PER_DAY
    weekday = total([column("day"), whole((first_day + 3) % 7)])  # day 0 was a Thursday
    weekday = minus(
        weekday, times(whole(7), whole_part(quotient(double(weekday.copy()), number(7))))
    )
    second, click, price = column("second"), column("is_click"), column("log_price")
    clock = minus(second, times(_span(second.copy(), SECONDS_PER_DAY), whole(SECONDS_PER_DAY)))
    quarter = _span(clock, _QUARTER_DAY)
    is_clicked = equal(click, whole(1))
    n, ones = column("n"), n_rows()
    is_first = equal(column("first_clicked"), column("first_shown"))
    n_log_n = exp.Round(this=times(times(double(n), exp.Ln(this=double(n.copy()))), number(MICRO)))
    return {
        "by_row": {
            "n_impressions": ones,
            "n_clicks": exp.Sum(this=click.copy()),
            "last_seen_at": total([exp.Max(this=second.copy()), whole(midnight_of(window))]),
            "first_seen_at": total([exp.Min(this=second.copy()), whole(midnight_of(window))]),
            "n_placed": exp.Count(this=column("placement")),
            "n_main_placement": n_where(
                equal(column("placement"), text(bundle.main_placement or ""))
            ),
            **{
                f"n_{name}": n_where(equal(quarter.copy(), whole(place)))
                for place, name in enumerate(_QUARTERS)
            },
            "value": exp.Sum(this=column("value")),
            "n_valued": exp.Count(this=column("value")),
            "quantity": exp.Sum(this=column("quantity")),
            "n_quantified": exp.Count(this=column("quantity")),
            "n_priced": exp.Count(this=price),
            "n_priced_clicks": n_where(all_of([is_clicked, not_null(price.copy())])),
            "log_price_seen": exp.Sum(this=price.copy()),
            "log_price_clicked": n_where(
                all_of([is_clicked.copy(), not_null(price.copy())]), price.copy()
            ),
        },
        "by_day": {
            "n_active_days": ones.copy(),
            "n_click_days": n_where(more(column("n_clicked"), whole(0))),
            "n_weekend": n_where(exp.GTE(this=weekday, expression=whole(5)), n.copy()),
        },
        "by_half_hour": {"n_bursts": ones.copy()},
        "by_ad": {
            "n_ads": ones.copy(),
            "n_repeat_impressions": minus(exp.Sum(this=n.copy()), ones.copy()),
            "n_repeat_clicks": minus(exp.Sum(this=column("n_clicked")), n_where(is_first)),
        },
        "by_category": {
            "n_categories": ones.copy(),
            "n_categorised": exp.Sum(this=n.copy()),
            "n_top_category": exp.Max(this=n.copy()),
            "n_log_n": exp.Sum(this=exp.cast(n_log_n, exp.DataType.Type.BIGINT)),
        },
        "by_brand": {"n_brands": ones.copy()},
        "by_campaign": {"n_campaigns": ones.copy()},
    }


def _span(second: exp.Expr, length: int) -> exp.Expr:
    return whole_part(quotient(double(second), number(length)))


def _grouped(title: str, answers: Mapping[str, exp.Expr]) -> list[Step]:
    """Count by user and key, then by user."""
    values = [named(value, count) for count, value in answers.items()]
    user = column("user_id")
    if title == "by_row":
        return [(f"{title}_counts", select(user, *values, of="events_used").group_by("user_id"))]
    key = _KEYS[title]
    is_clicked = equal(column("is_click"), whole(1))
    within = select(
        user,
        named(key, title.removeprefix("by_")),
        named(n_rows(), "n"),
        named(exp.Sum(this=column("is_click")), "n_clicked"),
        of="events_used",
    )
    if title == "by_ad":
        first = exp.Min(this=column("second"))
        first_clicked = exp.Min(this=case([(is_clicked, column("second"))]))
        within = within.select(named(first, "first_shown"), named(first_clicked, "first_clicked"))
    if isinstance(key, exp.Column):
        within = within.where(not_null(key.copy()))
    within = within.group_by(user.copy(), key.copy())
    return [
        (title, within),
        (f"{title}_counts", select(user.copy(), *values, of=title).group_by("user_id")),
    ]


_KEYS = {
    "by_day": _span(column("second"), SECONDS_PER_DAY),
    "by_half_hour": _span(column("second"), _HALF_HOUR),
    "by_ad": column("ad_id"),
    "by_category": column("category_id"),
    "by_brand": column("brand_id"),
    "by_campaign": column("campaign_id"),
}


def _users(
    bundle: Bundle, log: Log, names: Sequence[str], found: Mapping[str, Mapping[str, exp.Expr]]
) -> list[Step]:
    """Join the counts, and the profiles where the model takes some."""
    home = {count: f"{title}_counts" for title, answers in found.items() for count in answers}
    titles = list(dict.fromkeys(home.values()))
    attributes = [each.name for each in bundle.attributes if each.name in bundle.columns]
    steps: list[Step] = []
    base = "by_row_counts" if "by_row_counts" in titles else "by_day_counts"
    if log.has_profiles:
        known = select(named(log.of("p", "user_id"), "user_id"), of=_profiles(log))
        known = known.where(not_null(log.of("p", "user_id")))
        everyone = exp.union(select(column("user_id"), of=base), known, distinct=True)
        steps.append(("everyone", everyone))
        base = "everyone"
    values = [named(_feature(name, bundle.window, bundle.prior, home), name) for name in names]
    is_profiled = not_null(log.of("p", "user_id")) if log.has_profiles else exp.false()
    query = select(
        named(column("user_id", base), "user_id"),
        named(is_profiled, "is_profiled"),
        *values,
        *(named(log.of("p", each), each) for each in attributes),
        of=base,
    )
    for title in titles:
        if title != base:
            on = equal(column("user_id", base), column("user_id", title))
            query = query.join(exp.to_table(title), on=on, join_type="left")
    if log.has_profiles:
        on = equal(column("user_id", base), log.of("p", "user_id"))
        query = query.join(_profiles(log), on=on, join_type="left")
    return [*steps, ("user_table", with_comment(query, "The features of each user."))]


def _profiles(log: Log) -> exp.Expr:
    return exp.alias_(log.tables["profiles"].copy(), "p", table=True)


def _feature(
    name: str, window: Window, prior: BetaPrior | None, home: Mapping[str, str]
) -> exp.Expr:
    def count(of: str) -> exp.Expr:
        return exp.Coalesce(this=column(of, home[of]), expressions=[whole(0)])

    def ratio(part: str, of: str) -> exp.Expr:
        share = quotient(double(column(part, home[part])), double(column(of, home[of])))
        return case([(more(column(of, home[of]), whole(0)), share)])

    if name in home and name not in _RATIOS:
        return count(name)
    if name in _RATIOS:
        found = ratio(*_RATIOS[name])
        return quotient(found, number(MICRO)) if name in _IN_MICRO else found
    if name == "recency_days":
        seen = minus(whole(window.end), column("last_seen_at", home["last_seen_at"]))
        return quotient(double(seen), number(SECONDS_PER_DAY))
    if name == "ctr_shrunk":
        assert prior is not None, "fitted with the feature"  # noqa: S101
        clicks = total([double(count("n_clicks")), number(prior.mean * prior.precision)])
        shown = total([double(count("n_impressions")), number(prior.precision)])
        return quotient(clicks, shown)
    if name == "category_entropy":
        n = double(column("n_categorised", home["n_categorised"]))
        mean = quotient(double(column("n_log_n", home["n_log_n"])), number(MICRO))
        entropy = minus(exp.Ln(this=n), quotient(mean, n.copy()))
        return case([(less(entropy, number(0)), number(0))], entropy.copy())
    known, amount = _SUMS[name]
    value = quotient(double(column(amount, home[amount])), number(MICRO))
    return case([(more(column(known, home[known]), whole(0)), value)])


_SUMS = {"value_sum": ("n_valued", "value"), "quantity_sum": ("n_quantified", "quantity")}
_RATIOS = {
    "impressions_per_burst": ("n_impressions", "n_bursts"),
    "ctr": ("n_clicks", "n_impressions"),
    "top_category_share": ("n_top_category", "n_categorised"),
    "mean_log_price_seen": ("log_price_seen", "n_priced"),
    "mean_log_price_clicked": ("log_price_clicked", "n_priced_clicks"),
    "main_placement_share": ("n_main_placement", "n_placed"),
    "weekend_share": ("n_weekend", "n_impressions"),
    "value_mean": ("value", "n_valued"),
    **{f"{each}_share": (f"n_{each}", "n_impressions") for each in _QUARTERS},
}
_IN_MICRO = frozenset({"mean_log_price_seen", "mean_log_price_clicked", "value_mean"})
