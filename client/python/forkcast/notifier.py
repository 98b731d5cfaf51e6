"""Notifications to users, one or many in one call."""
import uuid
from datetime import datetime, timezone
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional

from .batch import Result
from .client import Client
from .errors import BatchError, ForkcastError
from .verbs import date_text, emit_body, event_body


class NotificationResult(NamedTuple):
    user_id: str
    notification_id: Optional[str]
    ok: bool
    delivered: int
    error: Optional[ForkcastError]


class Notifier:
    """event goes to user:ID; or type: the event of a `route`, which gets {"userId"} as its vars."""

    def __init__(self, client: Client, *, event: str = "notification", type: Optional[str] = None,
                 namespace: Optional[str] = None) -> None:
        self._client = client
        self._event = event
        self._type = type
        self._namespace = namespace

    def send_notification(self, user_id: str, data: Mapping[str, Any]) -> NotificationResult:
        """{"notificationId", **data, "userId", "read": false, "timestamp"} to all sockets of the user."""
        (result,) = self.send_bulk_notifications([{"userId": user_id, "data": data}])
        if result.error is not None:
            raise result.error
        return result

    def send_bulk_notifications(self, notifications: Iterable[Mapping[str, Any]]) -> List[NotificationResult]:
        """NOTIFICATIONS of {"userId", "data"}: each user's own; see emit_bulk_notifications."""
        now = date_text(datetime.now(timezone.utc))
        return self.emit_bulk_notifications(
            {"notificationId": str(uuid.uuid4()), "read": False, "timestamp": now, **n["data"], "userId": n["userId"]}
            for n in notifications)

    def emit_bulk_notifications(self, events: Iterable[Mapping[str, Any]]) -> List[NotificationResult]:
        """EVENTS with their userId, as they are to arrive: one call, as few requests as the server's limits allow.  A result
        for each, in order: one user's failure is no one else's."""
        events = list(events)
        try:
            results: List[Result] = self._client.batch([self._verb(event) for event in events])
        except BatchError as error:
            results = error.results
        return [NotificationResult(str(e["userId"]), e.get("notificationId"), r.ok, r.reply.get("delivered", 0), r.error)
                for e, r in zip(events, results)]

    def _verb(self, data: Mapping[str, Any]) -> Dict[str, Any]:
        user_id = data.get("userId")
        if user_id is None or user_id == "":
            raise ForkcastError("invalid", "a notification without userId", field="userId")
        if self._type is not None:
            return {"event": event_body(self._type, data, {"userId": str(user_id)}, namespace=self._namespace)}
        return {"emit": emit_body(f"user:{user_id}", self._event, data, namespace=self._namespace)}
