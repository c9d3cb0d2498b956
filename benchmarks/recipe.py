"""The recipe as a user would write it today: pandas and scikit-learn, nothing clever.

Per-user CTR and demography, median fill, log1p, clip, RobustScaler, KMeans for K = 2..10 with ten
starts each, silhouette on a sample of 10,000, the best K, PCA, one CSV. Prints inertia per K.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import silhouette_score
from sklearn.preprocessing import RobustScaler

BEHAVIOUR = ["impressions", "clicks", "ctr"]
LEVELS = ["age_level", "pvalue_level", "shopping_level", "new_user_class_level"]


def read(data: Path) -> pd.DataFrame:
    log = pd.read_csv(data / "raw_sample.csv", usecols=["user", "clk"])
    counts = log.groupby("user")["clk"].agg(impressions="size", clicks="sum")
    profiles = pd.read_csv(data / "user_profile.csv")
    profiles.columns = profiles.columns.str.strip()
    users = profiles.merge(counts, left_on="userid", right_index=True, how="left")
    users[["impressions", "clicks"]] = users[["impressions", "clicks"]].fillna(0)
    users["ctr"] = users["clicks"] / users["impressions"].clip(lower=1)
    return users


def prepare(users: pd.DataFrame) -> np.ndarray:
    table = users[BEHAVIOUR + LEVELS].astype(float)
    table[LEVELS] = table[LEVELS].fillna(table[LEVELS].median())
    table[BEHAVIOUR] = np.log1p(table[BEHAVIOUR])
    table = table.clip(table.quantile(0.01), table.quantile(0.99), axis=1)
    return RobustScaler().fit_transform(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    began = time.perf_counter()
    users = read(options.data)
    X = prepare(users)
    inertia, scores, labels = {}, {}, {}
    for k in range(2, 11):
        model = KMeans(n_clusters=k, n_init=10, random_state=options.seed).fit(X)
        inertia[k], labels[k] = float(model.inertia_), model.labels_
        scores[k] = silhouette_score(X, labels[k], sample_size=10_000, random_state=options.seed)
    best = max(scores, key=scores.get)
    users["segment"] = labels[best]
    users[["pc1", "pc2"]] = PCA(n_components=2).fit_transform(X)
    options.out.mkdir(parents=True, exist_ok=True)
    users.to_csv(options.out / "segments.csv", index=False)
    users.groupby("segment")[BEHAVIOUR + LEVELS].agg(["mean", "median"]).to_csv(
        options.out / "profiles.csv"
    )
    seconds = time.perf_counter() - began
    (options.out / "recipe.json").write_text(
        json.dumps({"inertia": inertia, "k": int(best), "seconds": seconds})
    )


if __name__ == "__main__":
    main()
