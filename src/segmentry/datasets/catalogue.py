"""The ads: how often each is shown, its category, price and brand, and what they do to clicks."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import ndtri

from segmentry.datasets.categories import REAL_USERS, Categories
from segmentry.datasets.quotas import Floats, Integers, systematic_counts, systematic_uniforms

REAL_ADS, REAL_CAMPAIGNS, REAL_CUSTOMERS, REAL_BRANDS = 846_811, 423_436, 255_875, 99_814
FEWEST_ADS = 400
BRAND_IDS_PER_BRAND = 4.6  # brand ids reach 460,000: most brands are browsed, not advertised
LOG_WEIGHT_SD = 2.08  # impressions per ad: quartiles 1 / 4 / 15, largest 70,929
LOG_CTR_SD = 0.15

BRANDLESS_SHARE = 0.312  # of impressions
BRAND_CTR = (4.97 / 5.144, 5.50 / 5.144)  # with brand, without
PRICE_BANDS = (50.0, 200.0, 1_000.0, 5_000.0)
PRICE_CTR = tuple(ctr / 5.144 for ctr in (5.97, 5.14, 4.89, 4.45, 4.35))
PRICE_MEDIAN, LOG_PRICE_SD = 168.0, 0.984
CHEAP_SHARE, DEAR_SHARE = 5_762 / REAL_ADS, 6_527 / REAL_ADS  # under 1, over 10,000
MAX_PRICE = 99_999_999.0


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All ads, the most shown first; arrays have shape (n_ads,), `brand` 0 means none.

    `share` is of the impressions, `taste_group` that of the ad's category, `appeal` the shift of
    the logit CTR.
    """

    adgroup_id: NDArray[np.int32]
    category_id: NDArray[np.int32]
    campaign: NDArray[np.int32]
    customer: NDArray[np.int32]
    brand: NDArray[np.int32]
    price: Floats
    taste_group: NDArray[np.int8]
    appeal: NDArray[np.float32]
    share: Floats


def draw_catalogue(n_users: int, categories: Categories, rng: np.random.Generator) -> Catalogue:
    """Draw ads for a log of `n_users`: the real totals at 1,141,729 users, in proportion below."""
    n_ads = max(FEWEST_ADS, round(REAL_ADS * n_users / REAL_USERS))
    category, share = _draw_shares(n_ads, categories.share, rng)
    spread = _low_discrepancy(n_ads, rng)
    price = _price(spread[0])
    has_brand = spread[1] >= BRANDLESS_SHARE
    appeal = np.log(np.array(PRICE_CTR))[np.digitize(price, PRICE_BANDS)]
    appeal += np.log(np.where(has_brand, *BRAND_CTR)) + categories.appeal[category]
    appeal += LOG_CTR_SD * rng.standard_normal(n_ads)
    campaign, customer, brand = _draw_owners(n_ads, rng)
    return Catalogue(
        adgroup_id=rng.permutation(n_ads).astype(np.int32) + np.int32(1),
        category_id=categories.category_id[category],
        campaign=campaign,
        customer=customer,
        brand=np.where(has_brand, brand, 0).astype(np.int32),
        price=price,
        taste_group=categories.taste_group[category],
        appeal=appeal.astype(np.float32),
        share=share,
    )


def ad_rows(catalogue: Catalogue) -> pl.DataFrame:
    """Put the ads in order of their id and in the columns of ``ad_feature.csv``."""
    brand = pl.Series(catalogue.brand)
    return pl.DataFrame(
        {
            "adgroup_id": catalogue.adgroup_id,
            "cate_id": catalogue.category_id,
            "campaign_id": catalogue.campaign,
            "customer": catalogue.customer,
            "brand": brand.set(brand == 0, None),
            "price": catalogue.price,
        }
    ).sort("adgroup_id")


def _draw_shares(
    n_ads: int, category_shares: Floats, rng: np.random.Generator
) -> tuple[Integers, Floats]:
    """Return category number and share of impressions of each ad, the largest share first.

    Shares are log-normal, then scaled within each category to the category's share.
    """
    counts = systematic_counts(category_shares, n_ads, rng)
    category = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    share = np.exp(LOG_WEIGHT_SD * ndtri(np.clip(systematic_uniforms(n_ads, rng), 1e-9, None)))
    totals = np.bincount(category, weights=share, minlength=len(counts))
    share *= (category_shares / np.where(totals > 0, totals, 1.0))[category]
    order = np.argsort(-share, kind="stable")
    return category[order], share[order] / share.sum()


def _low_discrepancy(n: int, rng: np.random.Generator) -> Floats:
    """Return an R2 sequence of shape (2, n): uniform over every run of ads.

    Ads are in order of their share, so prices and brands have their shares of impressions too,
    although the top 0.2 % of the ads take a fifth of them.
    """
    steps = np.array([[0.7548776662466927], [0.5698402909980532]])
    return (steps * np.arange(n) + rng.random((2, 1))) % 1.0


def _price(u: Floats) -> Floats:
    """Turn uniforms into prices: log-normal, with the published shares of absurd prices."""
    middle = np.clip((u - CHEAP_SHARE) / (1 - CHEAP_SHARE - DEAR_SHARE), 1e-4, 1 - 1e-4)
    price = np.round(PRICE_MEDIAN * np.exp(LOG_PRICE_SD * ndtri(middle)), 1)
    cheap = np.round(0.01 * 99.0 ** np.minimum(u / CHEAP_SHARE, 1.0), 2)
    dear = 10_001 * (MAX_PRICE / 10_001) ** (np.clip((u - 1) / DEAR_SHARE + 1, 0, 1) ** 6)
    price = np.where(u < CHEAP_SHARE, cheap, price)
    return np.where(u > 1 - DEAR_SHARE, np.round(dear), price)


def _draw_owners(
    n_ads: int, rng: np.random.Generator
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Return campaign, customer and brand ids: campaigns share a customer, customers a brand."""
    n_campaigns, n_customers, n_brands = (
        round(n_ads * real / REAL_ADS) for real in (REAL_CAMPAIGNS, REAL_CUSTOMERS, REAL_BRANDS)
    )
    campaign = rng.permutation(n_ads) % n_campaigns
    customer = (rng.permutation(n_campaigns) % n_customers)[campaign]
    brand = (rng.permutation(n_customers) % n_brands)[customer]
    brand_ids = rng.permutation(int(BRAND_IDS_PER_BRAND * n_brands))[:n_brands] + 1
    return (
        (campaign + 1).astype(np.int32),
        (customer + 1).astype(np.int32),
        brand_ids[brand].astype(np.int32),
    )
