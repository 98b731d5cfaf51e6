"""Publishes to forkcast over its admin API.  Standard library only."""
from .aio import AsyncClient
from .cache import CacheSync
from .client import MISSING, Client, Result
from .errors import BatchError, ForkcastError
from .event_name import event_name
from .notifier import Notifier
from .publisher import Publisher
from .repository import RepositoryCall, RepositoryEventEmitter

__all__ = [
    "AsyncClient", "BatchError", "CacheSync", "Client", "ForkcastError", "MISSING", "Notifier", "Publisher", "RepositoryCall",
    "RepositoryEventEmitter", "Result", "event_name",
]
