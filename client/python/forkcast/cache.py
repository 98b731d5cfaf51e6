"""Caches of several processes that follow each other through rooms cache:KEY: the side that tells."""
from typing import Any, Optional, Union

from .client import Client
from .publisher import Publisher
from .verbs import present


class CacheSync:
    def __init__(self, real_time_server: Union[Client, Publisher]) -> None:
        self._target = real_time_server

    def invalidate(self, key: str, **options: Any) -> Any:
        """KEY is old everywhere."""
        return self._target.emit(f"cache:{key}", "cache:invalidate", {"key": str(key)}, **options)

    def warm(self, key: str, value: Any, *, ttl: Optional[int] = None, **options: Any) -> Any:
        """KEY is VALUE everywhere, for TTL milliseconds if given."""
        return self._target.emit(f"cache:{key}", "cache:warm", {"key": str(key), "value": value, **present(ttl=ttl)}, **options)
