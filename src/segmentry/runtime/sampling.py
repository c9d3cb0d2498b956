"""Sampling by hash of the id: the same users on every engine, in every order, on every day."""

import hashlib

import numpy as np
import numpy.typing as npt
import polars as pl

_U64 = np.uint64
_SALT = "segmentry sample"


def hash_shares(ids: pl.Series, *, salt: str) -> npt.NDArray[np.float64]:
    """Return a number in [0, 1) for each id, evenly spread, that depends on id and salt alone.

    ``hash_shares(ids, salt=s) < 0.1`` is a sample of 10 % of the users, and one of 20 % holds it.
    Ids, shape (n_users,), are integers, or anything else by its text; another salt is an
    independent sample.

    Notes
    -----
    Integers go through the finaliser of SplitMix64 (Steele, Lea and Flood 2014); texts are first
    folded byte by byte with FNV-1a.

    Examples
    --------
    >>> shares = hash_shares(pl.Series(range(10_000)), salt="example")
    >>> bool((shares < 0.1).mean().round(2) == 0.1)
    True
    >>> hash_shares(pl.Series(["a", "b"]), salt="example").round(3).tolist()
    [0.215, 0.921]
    """
    key = int.from_bytes(hashlib.blake2b(salt.encode(), digest_size=8).digest(), "little")
    codes = ids.to_numpy().astype(np.int64).view(_U64) if ids.dtype.is_integer() else _fold(ids)
    with np.errstate(over="ignore"):
        mixed = _mix(codes ^ _mix(np.array([key], dtype=_U64)))
    return (mixed >> _U64(11)).astype(np.float64) * 2.0**-53


def is_sampled(ids: pl.Series, share: float) -> pl.Series:
    """Return which users ``--sample`` takes, by hash of the id.

    >>> int(is_sampled(pl.Series(range(1_000)), 0.1).sum())
    88
    """
    return pl.Series(hash_shares(ids, salt=_SALT) < share)


def _mix(z: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    z = z + _U64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> _U64(30))) * _U64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> _U64(27))) * _U64(0x94D049BB133111EB)
    mixed: npt.NDArray[np.uint64] = z ^ (z >> _U64(31))
    return mixed


def _fold(ids: pl.Series) -> npt.NDArray[np.uint64]:
    """Fold UTF-8 texts to 64 bits, all ids at once, one byte position at a time."""
    encoded = [str(value).encode() for value in ids]
    lengths = np.array([len(text) for text in encoded], dtype=np.int64)
    texts = np.array(encoded, dtype=np.bytes_)
    width = max(texts.dtype.itemsize, 1)
    letters = texts.view(np.uint8).reshape(texts.size, width).astype(_U64)
    codes = np.full(texts.size, 0xCBF29CE484222325, dtype=_U64)
    with np.errstate(over="ignore"):
        for position in range(width):
            letter = letters[:, position]
            folded = (codes ^ letter) * _U64(0x100000001B3)
            codes = np.where(position < lengths, folded, codes)
    return codes
