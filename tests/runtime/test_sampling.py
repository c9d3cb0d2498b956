"""Samples by hash of the id: uniform, nested, independent by salt, and for ever the same."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare, kstest

from segmentry.runtime.sampling import hash_shares

N_IDS = 100_000
SEQUENTIAL = pl.Series(range(N_IDS))
TEXTS = pl.Series([f"user-{number}" for number in range(N_IDS)])
SPARSE = pl.Series(np.random.default_rng(1).choice(1 << 62, N_IDS, replace=False))
EVEN = SEQUENTIAL * 1024
KINDS = pytest.mark.parametrize(
    "ids",
    [SEQUENTIAL, TEXTS, SPARSE, EVEN, -SEQUENTIAL],
    ids=["0..", "text", "sparse", "even", "-"],
)


@KINDS
def test_shares_are_uniform(ids):
    shares = hash_shares(ids, salt="uniform")

    counts = np.histogram(shares, bins=1000, range=(0, 1))[0]
    assert counts.sum() == N_IDS  # none outside [0, 1]
    assert shares.max() < 1
    assert chisquare(counts).pvalue > 1e-3
    assert kstest(shares, "uniform").pvalue > 1e-3


@KINDS
def test_neighbouring_ids_are_independent(ids):
    shares = hash_shares(ids, salt="neighbours")

    pairs = np.histogram2d(shares[:-1], shares[1:], bins=20, range=[(0, 1), (0, 1)])[0]
    assert chisquare(pairs.ravel()).pvalue > 1e-3


@KINDS
def test_different_salts_are_independent_samples(ids):
    one, two = hash_shares(ids, salt="sample"), hash_shares(ids, salt="samplf")

    pairs = np.histogram2d(one, two, bins=20, range=[(0, 1), (0, 1)])[0]
    assert chisquare(pairs.ravel()).pvalue > 1e-3


def test_a_larger_sample_holds_the_smaller():
    shares = hash_shares(SEQUENTIAL, salt="nested")
    tenth, fifth = SEQUENTIAL.filter(shares < 0.1), SEQUENTIAL.filter(shares < 0.2)

    assert tenth.is_in(fifth.implode()).all()
    # 10,000 ± 95 by the binomial distribution
    assert abs(tenth.len() - 10_000) < 4 * 95
    assert abs(fifth.len() - 20_000) < 4 * 127


def test_the_same_ids_have_the_same_shares_for_ever():
    """Fixed values: a change of the hash would change every sample that was ever drawn."""
    numbers = pl.Series([0, 1, 2, -1, 1_141_729, 2**63 - 1])
    texts = pl.Series(["", "a", "b", "user-1", "Zürich", "用户", "a" * 40])

    assert hash_shares(numbers, salt="segmentry sample").tolist() == GOLDEN_NUMBERS
    assert hash_shares(texts, salt="segmentry sample").tolist() == GOLDEN_TEXTS


GOLDEN_NUMBERS = [
    0.650819896449058,
    0.9882522093326299,
    0.9666115814972026,
    0.09429421178669783,
    0.28473820439762354,
    0.0630794084675107,
]
GOLDEN_TEXTS = [
    0.20282674930374034,
    0.46655695705200717,
    0.45669881669994705,
    0.7673900346027159,
    0.704984821120585,
    0.5814378307764189,
    0.13867964382030618,
]


def fnv_1a(text):
    """Return the published FNV-1a of a text's UTF-8, byte by byte."""
    code = 0xCBF29CE484222325
    for byte in text.encode():
        code = (code ^ byte) * 0x100000001B3 % 2**64
    return code


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(max_size=12), min_size=1, max_size=8))
def test_texts_are_folded_as_fnv_1a_folds_them_one_by_one(texts):
    codes = pl.Series([fnv_1a(text) for text in texts], dtype=pl.UInt64)

    found = hash_shares(pl.Series(texts, dtype=pl.String), salt="fold")

    assert found.tolist() == hash_shares(codes, salt="fold").tolist()


def test_fnv_1a_is_the_published_one():
    # From the authors' test vectors.
    assert fnv_1a("") == 0xCBF29CE484222325
    assert fnv_1a("a") == 0xAF63DC4C8601EC8C
    assert fnv_1a("foobar") == 0x85944171F73967E8


def split_mix(code):
    """Return the finaliser of SplitMix64 in plain integers."""
    z = (code + 0x9E3779B97F4A7C15) % 2**64
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
    return z ^ (z >> 31)


@settings(max_examples=40, deadline=None)
@given(st.integers(-(2**63), 2**63 - 1), st.text(max_size=5))
def test_integers_are_mixed_as_split_mix_64_mixes_them(number, salt):
    import hashlib

    key = int.from_bytes(hashlib.blake2b(salt.encode(), digest_size=8).digest(), "little")
    mixed = split_mix(number % 2**64 ^ split_mix(key))

    found = hash_shares(pl.Series([number], dtype=pl.Int64), salt=salt)

    assert found.tolist() == [(mixed >> 11) / 2**53]


def test_split_mix_64_is_the_published_one():
    # First output of the generator with seed 1234567, as in the reference implementation's tests.
    assert split_mix(1234567) == 6457827717110365317


def test_trailing_and_inner_nul_bytes_tell_ids_apart():
    texts = pl.Series(["a", "a\0", "a\0\0", "\0a", "a\0b", "ab", "", "\0"])

    assert len(set(hash_shares(texts, salt="nul").tolist())) == 8


def test_a_text_does_not_depend_on_the_length_of_others():
    alone = hash_shares(pl.Series(["ab"]), salt="length")

    assert hash_shares(pl.Series(["x" * 99, "ab", ""]), salt="length")[1] == alone[0]


def test_an_integer_and_its_text_are_different_ids():
    assert hash_shares(pl.Series([1]), salt="s")[0] != hash_shares(pl.Series(["1"]), salt="s")[0]


@pytest.mark.parametrize("dtype", [pl.Int8, pl.Int16, pl.Int32, pl.UInt8, pl.UInt32, pl.UInt64])
def test_an_integer_is_the_same_id_in_every_width(dtype):
    wide = hash_shares(pl.Series([0, 1, 100], dtype=pl.Int64), salt="width")

    assert hash_shares(pl.Series([0, 1, 100], dtype=dtype), salt="width").tolist() == wide.tolist()


def test_a_negative_integer_is_the_same_id_in_every_width():
    wide = hash_shares(pl.Series([-1, -100], dtype=pl.Int64), salt="width")
    narrow = hash_shares(pl.Series([-1, -100], dtype=pl.Int8), salt="width")

    assert narrow.tolist() == wide.tolist()
    assert len({*wide, *hash_shares(pl.Series([1, 100]), salt="width")}) == 4


@pytest.mark.parametrize("dtype", [pl.Int64, pl.String])
def test_no_ids_have_no_shares(dtype):
    shares = hash_shares(pl.Series([], dtype=dtype), salt="empty")

    assert shares.shape == (0,)
    assert shares.dtype == np.float64


@pytest.mark.parametrize("ids", [SEQUENTIAL[:1000], TEXTS[:1000]], ids=["int", "text"])
def test_neither_chunks_nor_order_matter(ids):
    shares = hash_shares(ids, salt="chunks")
    chunked = pl.concat([ids[600:], ids[:250], ids[250:600]], rechunk=False)
    assert chunked.n_chunks() == 3

    found = hash_shares(chunked, salt="chunks")

    assert found.tolist() == [*shares[600:], *shares[:600]]
