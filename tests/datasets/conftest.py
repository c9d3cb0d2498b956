from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from segmentry.datasets import GeneratedData, GeneratorOptions, generate_taobao


@dataclass(frozen=True)
class Files:
    """A generated folder as tables, with impressions `n` and clicks `k` per user."""

    data: GeneratedData
    log: pl.DataFrame
    profiles: pl.DataFrame
    ads: pl.DataFrame
    truth: pl.DataFrame
    users: pl.DataFrame
    profiled: pl.DataFrame
    shown: pl.DataFrame


def read(directory: Path, **options: object) -> Files:
    data = generate_taobao(directory, GeneratorOptions(**options))
    log = pl.read_csv(data.impressions)
    profiles = pl.read_csv(data.profiles).rename({"new_user_class_level ": "city"})
    ads = pl.read_csv(data.ads, null_values="NULL")
    users = log.group_by("user").agg(n=pl.len().cast(pl.Int64), k=pl.col("clk").sum())
    return Files(
        data=data,
        log=log,
        profiles=profiles,
        ads=ads,
        truth=pl.read_parquet(data.truth),
        users=users,
        profiled=profiles.join(users, left_on="userid", right_on="user"),
        shown=log.join(ads, on="adgroup_id"),
    )


@pytest.fixture
def generate(tmp_path):
    """Return a function that generates into a fresh folder and reads everything back."""
    folders = (tmp_path / str(number) for number in range(1000))
    return lambda **options: read(next(folders), **options)


SEEDS = [0, pytest.param(20_240_601, marks=pytest.mark.slow)]


@pytest.fixture(scope="session", params=SEEDS, ids="seed {}".format)
def files(request, tmp_path_factory):
    """100,000 users; at two seeds with the slow tests."""
    return read(tmp_path_factory.mktemp("generated"), n_users=100_000, seed=request.param)
