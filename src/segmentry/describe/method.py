"""The method of a run in plain words, a paragraph each."""

from collections.abc import Iterator, Mapping

from segmentry.features.users import UserData
from segmentry.formats import percent
from segmentry.segments.forming import CellColumn, CellModel, Segmentation
from segmentry.segments.preprocessing import Choices

_CAUTION = (
    "Segments describe. Nothing here says that treating a segment differently would change "
    "what its users do; a randomised test does."
)


def describe_method(
    users: UserData,
    segmentation: Segmentation,
    *,
    choices: Choices,
    sample: float,
    is_exact: bool,
) -> tuple[str, ...]:
    """Say what was done with the data.

    `sample` is the share of the users that was read; `is_exact`, that the silhouette is of all
    users.
    """
    read = _reading(users)
    if sample < 1:
        read += (
            f" Only a sample of {percent(sample, digits=0)} of the users, by hash of the id, "
            "was used."
        )
    labels = {feature.name: feature.label for feature in users.catalogue}
    parts = (
        read,
        _lacking(users),
        _forming(segmentation, labels, choices),
        _fitting(segmentation),
        _silhouette(is_exact=is_exact),
        " ".join(_rates(users)),
        _CAUTION,
    )
    return tuple(filter(None, parts))


def _forming(segmentation: Segmentation, labels: Mapping[str, str], choices: Choices) -> str:
    if segmentation.cells is not None:
        return _cuts(segmentation.cells, labels)
    forming = ", ".join(labels.get(name, name) for name in segmentation.preprocessing.features)
    if segmentation.latent is not None:
        return (
            f"Segments are latent classes of {forming}: within a class clicks given impressions "
            "are beta-binomial, counts negative binomial, levels have shares, unknown being one of "
            "them, all independent. Nothing is weighted, clipped or scaled; pictures and "
            "silhouettes alone use features preprocessed as for other algorithms."
        )
    formed = (
        f"Segments were formed by {forming}: missing values filled, counts logged, extremes "
        "pulled in at the 1st and 99th percentile, each feature divided by its inter-quartile "
        "range (log-odds by at least 0.1, or luck alone would form segments), and weighted as the "
        "table of features says. Other features only describe."
    )
    return formed + (f" Requested otherwise: {choices.text}." if choices.given else "")


def _cuts(cells: CellModel, labels: Mapping[str, str]) -> str:
    """Say where each feature was cut, so that anybody can do it again by hand."""
    text = "; ".join(f"{labels[column.feature]}: {_classes(column)}" for column in cells.columns)
    return (
        f"Segments are cells with saved cut points ({text}). New users are put into the same "
        "cells. Pictures and silhouettes alone use features that are logged and scaled."
    )


def _classes(column: CellColumn) -> str:
    *scores, last = column.scores
    if not scores:
        return f"all score {last}"
    ends = [f"up to {cut:,.10g} {score}" for cut, score in zip(column.cuts, scores, strict=True)]
    return ", ".join((*ends, f"above {last}"))


def _fitting(segmentation: Segmentation) -> str:
    if segmentation.cells is not None:
        return segmentation.selection.rule
    return (
        f"Clusterings ({segmentation.algorithm}) were fitted for each number of segments from "
        f"many starts, exactly on all users. {segmentation.selection.rule}"
    )


def _silhouette(*, is_exact: bool) -> str:
    if is_exact:
        return (
            "The silhouette compares each user with all users, by Euclidean distance, exactly; 1 "
            "is a user in the middle of a clear group, 0 one between two groups."
        )
    return (
        "The silhouette compares each of a sample of users with all users, by Euclidean "
        "distance; 1 is a user in the middle of a clear group, 0 one between two groups. Its "
        "interval is for the sampling of users only."
    )


def _rates(users: UserData) -> Iterator[str]:
    if users.traits.has_clicks:
        yield "CTR intervals take the user as the unit: the clicks of one user are not independent."
    if users.prior is not None:
        yield (
            "The shrunk CTR of a user pulls the raw one towards the mean of all users, the more "
            f"the fewer impressions there are (beta prior: mean {users.prior.mean:.4f}, worth "
            f"{users.prior.precision:.1f} impressions)."
        )


def _reading(users: UserData) -> str:
    n_users = f"{users.table.height:,} users"
    if not users.traits.has_log:
        return f"A ready table of {n_users} was read, one row each; there is no log."
    over = f", over {users.window.n_days:g} days" if users.traits.has_time else ""
    has_profiles = any(account.role == "profiles" for account in users.accounts)
    where = "are in the log or have a profile" if has_profiles else "are in the log"
    return f"The log was read once and counted per user{over}. {n_users} {where}."


def _lacking(users: UserData) -> str:
    """Say what the data lack, and what is therefore not in the report."""
    traits = users.traits
    lacking = []
    if traits.has_log and not traits.has_time:
        lacking.append(
            "The events have no times: there is no window, nothing about days, hours and recency, "
            "and no check on later days."
        )
    if not traits.has_clicks:
        what = (
            "The events have no clicks" if traits.has_log else "Without a log there are no clicks"
        )
        lacking.append(f"{what}: no click rate is shown, forecast or checked on later days.")
    return " ".join(lacking)
