"""What is known about each user?

In: parts of the log, profiles and ads. Out: one user table, each feature defined once.
"""

from segmentry.features._behaviour_counts import ATTRIBUTION_DAYS, FOLLOW_DAYS
from segmentry.features._behaviour_features import (
    BEHAVIOUR_FEATURES,
    BEHAVIOUR_NAMES,
    available_behaviours,
    behaviour_provides,
    derive_behaviours,
)
from segmentry.features._behaviour_table import (
    count_behaviour_users,
    pairs_of,
    value_ads,
    without_strangers,
)
from segmentry.features._catalogue import (
    EVERY_LOG_FEATURE,
    LOG_FEATURES,
    VALUE_FEATURES,
    ad_columns_of,
    available_features,
    counts_of,
    log_columns_of,
    worth_saying,
)
from segmentry.features._comparable import (
    BEHAVIOURS_SCALE_WITH_WINDOW,
    SCALES_WITH_WINDOW,
    scale_to_window,
)
from segmentry.features._ratios import BetaPrior, fit_beta_prior, shrink
from segmentry.features._taken_names import refuse_taken_names
from segmentry.features._user_table import count_users, derive_features

__all__ = [
    "ATTRIBUTION_DAYS",
    "BEHAVIOURS_SCALE_WITH_WINDOW",
    "BEHAVIOUR_FEATURES",
    "BEHAVIOUR_NAMES",
    "EVERY_LOG_FEATURE",
    "FOLLOW_DAYS",
    "LOG_FEATURES",
    "SCALES_WITH_WINDOW",
    "VALUE_FEATURES",
    "BetaPrior",
    "ad_columns_of",
    "available_behaviours",
    "available_features",
    "behaviour_provides",
    "count_behaviour_users",
    "count_users",
    "counts_of",
    "derive_behaviours",
    "derive_features",
    "fit_beta_prior",
    "log_columns_of",
    "pairs_of",
    "refuse_taken_names",
    "scale_to_window",
    "shrink",
    "value_ads",
    "without_strangers",
    "worth_saying",
]
