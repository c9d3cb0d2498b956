"""The window of a run: what was asked for, or the whole local days of the log."""

from collections.abc import Mapping
from dataclasses import replace

import narwhals.stable.v2 as nw

from segmentry.config import RunConfig, parse_moment
from segmentry.errors import ConfigError
from segmentry.features import LogFacts
from segmentry.schema import Source, Window


def outside_window(source: Source, config: RunConfig) -> Mapping[str, nw.Expr]:
    """Return what `--since` and `--until` leave out, by option.

    Raises
    ------
    ConfigError
        If the window is empty.
    """
    offset = source.utc_offset_hours
    shown_at = nw.col("shown_at")
    outside: dict[str, nw.Expr] = {}
    since = until = None
    if config.since is not None:
        since = parse_moment(config.since, utc_offset_hours=offset, option="--since")
        outside["before --since"] = shown_at < since
    if config.until is not None:
        until = parse_moment(config.until, utc_offset_hours=offset, option="--until")
        outside["from --until on"] = shown_at >= until
    if since is not None and until is not None and since >= until:
        raise ConfigError(
            f"--since {config.since} is not before --until {config.until}; expected a window "
            "[since, until)"
        )
    return outside


def window_of(source: Source, config: RunConfig, facts: LogFacts) -> Window:
    """Take the asked-for window, or the whole local days of the log."""
    offset = source.utc_offset_hours
    window = Window.around(facts.first_at, facts.last_at, utc_offset_hours=offset)
    if config.since is not None:
        start = parse_moment(config.since, utc_offset_hours=offset, option="--since")
        window = replace(window, start=start)
    if config.until is not None:
        end = parse_moment(config.until, utc_offset_hours=offset, option="--until")
        window = replace(window, end=end)
    return window


def refuse_window(config: RunConfig, *, why: str) -> None:
    """Refuse a window that was asked for where there can be none.

    Raises
    ------
    ConfigError
        With the reason.
    """
    given = [f"--{name}" for name in ("since", "until") if getattr(config, name) is not None]
    if given:
        raise ConfigError(f"{' and '.join(given)}: {why}, so there is no window; leave it out")
