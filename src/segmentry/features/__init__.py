"""Features: one definition each, the same on every engine."""

from segmentry.features._behaviour_counts import (
    count_attributions,
    count_behaviours,
    distinct_behaviours,
)
from segmentry.features._behaviour_features import BEHAVIOUR_FEATURES, derive_behaviours
from segmentry.features._catalogue import LOG_FEATURES, VALUE_FEATURES
from segmentry.features._journeys import (
    FOLLOW_DAYS,
    count_behaviour_days,
    count_credits,
    count_journeys,
)
from segmentry.features._needs import (
    available_features,
    counts_of,
    is_tally_enough,
    log_columns_of,
    needs_of,
)
from segmentry.features._shrinkage import BetaPrior, fit_beta_prior, shrink
from segmentry.features._user_table import (
    LogFacts,
    count_user_days,
    count_users,
    derive_features,
    facts_of_tally,
    find_log_facts,
)

__all__ = [
    "BEHAVIOUR_FEATURES",
    "FOLLOW_DAYS",
    "LOG_FEATURES",
    "VALUE_FEATURES",
    "BetaPrior",
    "LogFacts",
    "available_features",
    "count_attributions",
    "count_behaviour_days",
    "count_behaviours",
    "count_credits",
    "count_journeys",
    "count_user_days",
    "count_users",
    "counts_of",
    "derive_behaviours",
    "derive_features",
    "distinct_behaviours",
    "facts_of_tally",
    "find_log_facts",
    "fit_beta_prior",
    "is_tally_enough",
    "log_columns_of",
    "needs_of",
    "shrink",
]
