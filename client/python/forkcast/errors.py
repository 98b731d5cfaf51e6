"""What calls raise."""
import json
from email.utils import parsedate_to_datetime
from time import time
from typing import Any, List, Mapping, Optional


class ForkcastError(Exception):
    """A call that failed.

    code: the server's word (rate_limited, invalid, busy ...), or one of ours: connection, timeout, overloaded, too_large,
    bad_reply, closed, dropped, not_sent.
    status: of HTTP; None when no answer came.  field: the member of the body that was wrong.  retry_after: seconds that the
    server asked to wait.  sent: no answer came, and the server may have done what was asked.
    """

    def __init__(self, code: str, message: str, *, status: Optional[int] = None, field: Optional[str] = None,
                 retry_after: Optional[float] = None, sent: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.field = field
        self.retry_after = retry_after
        self.sent = sent

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.code!r}, {self.message!r}, status={self.status!r}, field={self.field!r})"


class BatchError(ForkcastError):
    """A batch one of whose requests failed as a whole; `results` has one entry for each line, the unsent ones included."""

    def __init__(self, error: ForkcastError, results: List[Any]) -> None:
        super().__init__(error.code, error.message, status=error.status, field=error.field, retry_after=error.retry_after,
                         sent=error.sent)
        self.results = results


def error_of_object(said: Any, status: Optional[int], retry_after: Optional[float]) -> ForkcastError:
    """Of the object {code, message, field?} in an answer or a result."""
    said = said if isinstance(said, dict) else {}
    code = said.get("code") or (f"http_{status}" if status else "unknown")
    return ForkcastError(str(code), str(said.get("message") or f"the server answered {status}"), status=status,
                         field=said.get("field"), retry_after=retry_after)


def error_of_reply(status: int, headers: Mapping[str, str], body: bytes) -> ForkcastError:
    try:
        said = json.loads(body).get("error")
    except (ValueError, AttributeError):
        said = None
    return error_of_object(said, status, seconds(headers.get("retry-after")))


def seconds(header: Optional[str]) -> Optional[float]:
    """Retry-After: seconds, or a date."""
    if header is None:
        return None
    if header.isdigit():
        return float(header)
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - time())
    except (TypeError, ValueError):
        return None
