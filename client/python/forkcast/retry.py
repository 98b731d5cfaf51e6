"""Which failures are tried again, and when.

429 and 503 say that nothing was done, a connection that could not be opened says so too: these are always tried again.  After
a connection that broke later nobody knows; then only what may be done twice is tried again: a question, or an event with an
id, which the server takes once.
"""
import random
from time import monotonic, sleep
from typing import Callable, TypeVar

from .errors import ForkcastError

FIRST = 0.05
LONGEST = 2.0

T = TypeVar("T")


def worth_it(error: ForkcastError, repeatable: bool) -> bool:
    if error.status in (429, 503):
        return True
    return error.code == "connection" and (repeatable or not error.sent)


def pause(attempt: int, error: ForkcastError) -> float:
    """More than was asked, or about what is usual by now: clients that were refused together do not come back together."""
    usual = min(LONGEST, FIRST * 2 ** min(attempt, 16))
    asked = error.retry_after or 0
    return asked + random.random() * min(asked, usual) if asked > 0 else usual * (0.5 + random.random() / 2)


def with_retries(attempt: Callable[[float], T], *, timeout: float, retries: int, repeatable: bool,
                 on_retry: Callable[[ForkcastError], None]) -> T:
    """ATTEMPT(seconds left) until it succeeds, RETRIES more times at most and never past TIMEOUT in all.  Raises the last
    failure; its `sent` is true when any attempt may have been done."""
    end = monotonic() + timeout
    sent = False
    tries = 0
    while True:
        try:
            return attempt(end - monotonic())
        except ForkcastError as error:
            sent = error.sent = sent or error.sent
            wait = pause(tries, error)
            if tries >= retries or not worth_it(error, repeatable) or monotonic() + wait >= end:
                raise
            on_retry(error)
        sleep(wait)
        tries += 1
