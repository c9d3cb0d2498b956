"""The behaviours of a run: written to its folder and read back."""

from pathlib import Path

from segmentry.errors import BundleError
from segmentry.features.users import SHOP_COUNTS, BehaviourData
from segmentry.results.run_folder import read_if_there
from segmentry.results.scoring import Bundle

_COUNTS_FILE = "conversions.parquet"


_DAYS_FILE = "behaviour_days.parquet"


def write_behaviours(run_dir: Path, data: BehaviourData) -> None:
    """Write what followed the impressions of each user, and the days for runs that reuse this."""
    data.counts.write_parquet(run_dir / _COUNTS_FILE)
    if data.days is not None and (run_dir / "validation").is_dir():
        data.days.write_parquet(run_dir / "validation" / _DAYS_FILE)


def reuse_behaviours(run_dir: Path, bundle: Bundle) -> BehaviourData | None:
    """Read it back; nothing where the run did not read the behaviour log.

    Raises BundleError if a file cannot be read, or is of an earlier version.
    """
    counts = read_if_there(run_dir / _COUNTS_FILE)
    if bundle.behaviour_window is None or counts is None:
        return None
    absent = [name for name in SHOP_COUNTS if name not in counts.columns]
    if absent:
        raise BundleError(
            f"{run_dir / _COUNTS_FILE}: no column {', '.join(absent)}, as in runs of an earlier "
            "version; run the data again"
        )
    return BehaviourData(
        window=bundle.behaviour_window,
        priors=bundle.behaviour_priors,
        counts=counts,
        days=read_if_there(run_dir / "validation" / _DAYS_FILE),
        provides=frozenset(bundle.behaviour_provides),
    )
