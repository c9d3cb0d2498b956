"""Whether new data, and the folder of a history, can follow an earlier run."""

from dataclasses import replace
from pathlib import Path

import polars as pl

from segmentry.errors import ConfigError, DataError, SchemaError
from segmentry.features import BEHAVIOUR_NAMES, EVERY_LOG_FEATURE
from segmentry.features.users import Wanted
from segmentry.ingest.remote import place_of
from segmentry.results.scoring import Bundle
from segmentry.results.summary import Summary
from segmentry.schema import Source


def checked_folder(history: Path, run_dir: Path, target: Path) -> Path:
    """Return the folder of a history, which may lie in no run folder.

    Raises ConfigError.
    """
    places = [history.absolute(), *history.absolute().parents]
    for run in (run_dir, target):
        if run.absolute() in places:
            inner, outer = (place_of(each) or each for each in (history, run))
            raise ConfigError(
                f"--history {inner}: inside the run folder {outer}; expected a folder of its own"
            )
    return history


def check_features(wanted: Wanted, earlier: Summary) -> None:
    """Refuse data that allow other features than the earlier run had.

    Raises SchemaError.
    """
    features = (*wanted.features, *wanted.attributes, *(wanted.behaviours or ()))
    now = {feature.name for feature in features}
    then = {row.name for row in earlier.features}
    if wanted.traits.has_clicks != earlier.traits.has_clicks:
        found = "have" if wanted.traits.has_clicks else "have no"
        raise SchemaError(
            f"the new data {found} clicks, unlike those of the earlier run; use its --mapping, or "
            "begin again with segmentry run"
        )
    changed = [("no", sorted(then - now)), ("also", sorted(now - then))]
    differences = " and ".join(f"{word} {', '.join(names)}" for word, names in changed if names)
    if differences:
        raise SchemaError(
            f"the new data allow {differences}; expected the features of the earlier run; use its "
            "--mapping and files, or begin again with segmentry run"
        )


def check_users(then: pl.Series, users: pl.Series, *, folder: Path) -> None:
    """Refuse data in which no user was there before: ids of the earlier run and of the new data.

    Raises SchemaError, DataError.
    """
    if then.dtype != users.dtype:
        raise SchemaError(
            f"user_id is {users.dtype} in the new data and {then.dtype} in {folder}; "
            "expected one kind of ids; write them as they were"
        )
    if not users.is_in(then.implode()).any():
        raise DataError(
            f"none of the {len(users):,} users of the new data is in {folder}; expected "
            "some of the same users; check that ids are written alike in both"
        )


def as_formed(wanted: Wanted, bundle: Bundle, source: Source) -> Wanted:
    """Return what the segments were formed by, made as it was made then.

    Raises SchemaError if the data do not allow a feature, or lack an attribute, that formed the
    segments; other attributes become unknown.
    """
    needed = bundle.columns
    present = {feature.name for feature in (*wanted.features, *(wanted.behaviours or ()))}
    names = {feature.name for feature in EVERY_LOG_FEATURE} | BEHAVIOUR_NAMES
    missing = [name for name in needed if name in names and name not in present]
    if missing:
        why = dict(wanted.traits.absent).get(missing[0], "no log has it")
        raise SchemaError(
            f"the new data allow no {', '.join(missing)}, which formed the segments: {why}; add it"
        )
    found = {feature.name for feature in source.attributes}
    formed = [feature.name for feature in bundle.attributes if feature.name in needed]
    missing = [name for name in formed if name not in found]
    if missing:
        raise SchemaError(
            f"the new data have no {', '.join(missing)}; found attributes: "
            f"{', '.join(sorted(found)) or 'none'}; add the columns, empty where unknown"
        )
    return replace(
        wanted,
        features=tuple(each for each in wanted.features if each.name in (*needed, "n_impressions")),
        attributes=bundle.attributes,
        behaviours=tuple(each for each in wanted.behaviours or () if each.name in needed) or None,
        prior=bundle.prior,
        main_placement=bundle.main_placement,
        behaviour_priors=bundle.behaviour_priors,
    )
