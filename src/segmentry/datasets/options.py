"""Options of the generator, and what it writes."""

from dataclasses import dataclass
from pathlib import Path

from segmentry.errors import ConfigError

_LIMITS = {
    "behaviour_rows_per_user": (1.0, 100_000.0),
    "fatigue": (0.0, 3.0),
    "drift": (0.0, 3.0),
    "tastes": (0.0, 5.0),
    "reaction": (0.0, 0.95),
}
MAX_MONTHS = 60
MAX_USERS = 20_000_000  # ids and row keys are packed into 63 bits up to here


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorOptions:
    """Choose the size, the seed and the planted effects of a generated log.

    Raises
    ------
    ConfigError
        If a value makes no sense; the message lists every problem.

    Examples
    --------
    >>> GeneratorOptions(n_users=1000, seed=7).fatigue
    0.0
    >>> GeneratorOptions(n_users=0)
    Traceback (most recent call last):
    segmentry.errors.ConfigError: n_users: found 0, expected a whole number from 1 to 20,000,000; \
ask for at least one user
    """

    n_users: int
    """Users in the log; 93 % of them get a profile. 1,141,729 gives the size of the real files."""
    seed: int = 0
    """Same options and seed, same bytes. At least 0."""
    null: bool = False
    """Give every user, ad, hour and day the same true CTR of 5.144 %, so that clicks are
    Binomial(impressions, 0.05144). Exposure, profiles and ads keep their usual distributions."""
    behaviours: bool = False
    """Also write ``behavior_log.csv``."""
    behaviour_rows_per_user: float = 636.0
    """Mean rows per user of the behaviour log, exact duplicates included."""
    fatigue: float = 0.0
    """The odds of a click on a user's impression number n (by time; those of one second share a
    position) are multiplied by ``n ** -fatigue``. A common factor keeps the overall CTR."""
    drift: float = 0.0
    """Standard deviation of an independent normal shift of the logit CTR, one per local day. A
    common factor keeps the overall CTR, so only differences between days are planted."""
    tastes: float = 0.0
    """Every user belongs to one of four taste groups and every category to one of the same four.
    Both the odds that a shown ad is of the user's own group and the odds that the user clicks such
    an ad are multiplied by ``exp(tastes)``. A common factor keeps the overall CTR."""
    reaction: float = 0.0
    """After a second with a click the gap to the user's next one is shorter by this share, and all
    that follows comes as much earlier: exposure reacts to clicks."""

    def __post_init__(self) -> None:
        problems = [*_wrong_integers(self), *_wrong_flags(self), *_wrong_strengths(self)]
        if not problems:
            problems = _contradictions(self)
        if problems:
            raise ConfigError("; also ".join(problems))


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratedData:
    """Where the generated files are and how many rows they hold.

    >>> import tempfile
    >>> from segmentry.datasets import generate_taobao
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     data = generate_taobao(Path(folder), GeneratorOptions(n_users=100))
    >>> data.impressions.name, data.n_users, data.n_profiled_users
    ('raw_sample.csv', 100, 93)
    """

    directory: Path
    """The folder of all files."""
    impressions: Path
    profiles: Path
    ads: Path
    """`impressions`, `profiles`, `ads`: ``raw_sample.csv``, ``user_profile.csv`` and
    ``ad_feature.csv``."""
    behaviours: Path | None
    """``behavior_log.csv`` where it was requested."""
    truth: Path
    """``planted_truth.parquet``: ``user_id``, ``behaviour``, ``true_ctr`` (the mean click
    probability of the user's own impressions) and ``taste_group`` (1..4, null without tastes). It
    is never an input."""
    n_users: int
    n_profiled_users: int
    n_ads: int
    n_impressions: int
    n_clicks: int
    n_behaviours: int
    """`n_users`, `n_profiled_users`, `n_ads`, `n_impressions`, `n_clicks`, `n_behaviours`: users of
    the log, rows of the profile and ad files, rows and clicks of the log, rows of the behaviour
    log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratedMonths:
    """Where the folders of generated months are."""

    directory: Path
    months: tuple[GeneratedData, ...]
    """In order of time; each folder is named after its month."""
    truth: Path
    """``planted_life.json``: the level, campaign, split and moves of each month."""
    spells: Path
    """``planted_life.parquet``: ``user_id``, ``behaviour``, ``valid_from`` and ``valid_to`` (first
    days of months; null while it lasts), one row for each time a user had a behaviour."""


def check_months(options: GeneratorOptions, n_months: int) -> None:
    """Raise ConfigError for a number of months, or a log to go with them, that makes no sense."""
    if not _is_whole(n_months) or not 2 <= n_months <= MAX_MONTHS:
        raise ConfigError(
            f"months: found {n_months!r}, expected a whole number from 2 to {MAX_MONTHS}; "
            "leave it out for the eight days of the real log"
        )
    if options.behaviours:
        raise ConfigError(
            "months: found with behaviours, expected one of the two; months have no behaviour log"
        )


def _wrong_integers(options: GeneratorOptions) -> list[str]:
    problems = []
    if not _is_whole(options.n_users) or not 1 <= options.n_users <= MAX_USERS:
        problems.append(
            f"n_users: found {options.n_users!r}, expected a whole number from 1 to "
            f"{MAX_USERS:,}; ask for at least one user"
        )
    if not _is_whole(options.seed) or options.seed < 0:
        problems.append(
            f"seed: found {options.seed!r}, expected a whole number of at least 0; drop the sign"
        )
    return problems


def _wrong_flags(options: GeneratorOptions) -> list[str]:
    return [
        f"{name}: found {getattr(options, name)!r}, expected True or False; write one of the two"
        for name in ("null", "behaviours")
        if not isinstance(getattr(options, name), bool)
    ]


def _wrong_strengths(options: GeneratorOptions) -> list[str]:
    """Check what must be a finite number; the upper limits keep every CTR between 0 and 1."""
    problems = []
    for name, (low, high) in _LIMITS.items():
        found = getattr(options, name)
        is_number = isinstance(found, int | float) and not isinstance(found, bool)
        if not is_number or not low <= found <= high:  # NaN is neither
            default = GeneratorOptions.__dataclass_fields__[name].default
            problems.append(
                f"{name}: found {found!r}, expected a number from {low:g} to {high:g}; "
                f"use {default!r} for the default"
            )
    return problems


def _contradictions(options: GeneratorOptions) -> list[str]:
    planted = [
        name for name in ("fatigue", "drift", "tastes", "reaction") if getattr(options, name) > 0
    ]
    if not options.null or not planted:
        return []
    return [
        f"null: found with {', '.join(planted)} above 0, expected 0; set null to False or them to 0"
    ]


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
