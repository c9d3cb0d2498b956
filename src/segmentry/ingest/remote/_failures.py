"""What goes wrong on the way to files elsewhere: tried again, or one line."""

import re
import time
from collections.abc import Callable
from typing import TypeVar

from segmentry.errors import DataError, OutputError
from segmentry.ingest.remote._names import Place

WAITS = (0.2, 0.8, 3.2)
"""Seconds before a request is made again."""
_T = TypeVar("_T")
_MAX_TEXT = 160
_EXPIRED = "the credentials of the environment have expired; renew them"
_DENIED = (
    "no right to {verb} it with the credentials of the environment, or they have expired; renew "
    "them or ask its owner"
)
_REFUSED = (
    "the store refuses the request (HTTP status 400): the credentials of the environment may have "
    "expired, or their region is another; renew them or set AWS_REGION"
)
_UNTRUSTED = (
    "its certificate is not trusted here; name a file with the certificate of its authority by "
    "SSL_CERT_FILE, of S3 by AWS_CA_BUNDLE"
)
_REASONS = (
    (("CERTIFICATE_VERIFY_FAILED", "SSL peer certificate", "curlCode: 60"), _UNTRUSTED),
    (("NO_SUCH_BUCKET", "NoSuchBucket", "ContainerNotFound"), "no such bucket; check its name"),
    (("RESOURCE_NOT_FOUND", "NO_SUCH_KEY"), "is gone, though it was listed; keep it until the end"),
    (("EXPIRED_TOKEN", "ExpiredToken", "TokenExpired", "has expired"), _EXPIRED),
    (
        ("INVALID_ACCESS_KEY_ID", "SIGNATURE_DOES_NOT_MATCH", "InvalidAccessKeyId"),
        "the credentials of the environment are not accepted; check them",
    ),
    (("ACCESS_DENIED", "AccessDenied", "HTTP status 403", "PERMISSION_DENIED"), _DENIED),
    # What a store answers where it may send no words, as to a question for a size.
    (("HTTP status 400",), _REFUSED),
    (("UNAUTHENTICATED", "InvalidAuthentication", "HTTP status 401"), _DENIED),
)
_UNREACHED = (
    "NETWORK_CONNECTION",
    "timed out",
    "timeout",
    "refused",
    "resolve",
    "not known",
    "UNAVAILABLE",
)


def changed(place: Place) -> DataError:
    """Return the error of a file that is not what it was when it was first looked at."""
    return DataError(f"{place}: changed while it was read; read it again when it is written")


def patiently(action: Callable[[], _T], place: Place, *, writes: bool = False) -> _T:
    """Do something that may fail in passing, again after a while.

    Raises DataError, or OutputError where it `writes`, if it fails for good; FileNotFoundError if
    the file is not there.
    """
    kind, verb, done = (OutputError, "write", "written") if writes else (DataError, "read", "read")
    for wait in (*WAITS, None):
        try:
            return action()
        except FileNotFoundError:
            raise
        except OSError as error:
            reason = reason_of(str(error))
            if reason or wait is None:
                text = reason.format(verb=verb) or _last_words(error, done)
                raise kind(f"{place}: {text}") from error
        time.sleep(wait)
    raise AssertionError("the last try returns or raises")


def reason_of(text: str) -> str:
    """Return why another try is of no use, by what a store answers; empty where it may be."""
    return next((why for words, why in _REASONS if any(word in text for word in words)), "")


def is_unreached(text: str) -> bool:
    """Whether an answer says that there was none."""
    return any(word in text for word in _UNREACHED)


def _last_words(error: OSError, done: str) -> str:
    text = " ".join(str(error).split())
    n_tries = len(WAITS) + 1
    if is_unreached(text):
        return f"cannot be reached, tried {n_tries} times; check the network and the address"
    # An address may be signed: what follows its question mark is nobody's business.
    text = re.sub(r"\?\S+", "?…", text)[:_MAX_TEXT]
    return f"cannot be {done}, tried {n_tries} times: {text}; try again later"
