"""The client for asyncio: the same calls, awaited, each in a thread of a small pool of its own."""
import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, AsyncIterator, Callable, List

from .client import Client, Pages
from .publisher import Publisher


class AsyncPages:
    """A list that the server gives in pages, for `async for`."""

    def __init__(self, pages: "Pages[Any]", run: Callable[..., Any]) -> None:
        self._pages = pages
        self._run = run

    async def page(self, after: Any = None) -> Any:
        return await self._run(self._pages.page, after)

    async def __aiter__(self) -> AsyncIterator[Any]:
        page = await self.page()
        while True:
            for item in page["items"]:
                yield item
            if "next" not in page:
                return
            page = await self.page(page["next"])


class AsyncClient:
    """Takes what Client takes.  Every method of Client is here, to be awaited; sockets() and rooms() are for `async for`.

    A call that is cancelled goes on in its thread until it is answered or its time is over.
    """

    def __init__(self, url: str, key: Any = None, *, connections: int = 8, **options: Any) -> None:
        self.client = Client(url, key, connections=connections, **options)
        self._pool = ThreadPoolExecutor(connections, thread_name_prefix="forkcast")
        self.schedules = AsyncPart(self.client.schedules, self._run)
        self.bans = AsyncPart(self.client.bans, self._run)

    async def _run(self, fn: Callable[..., Any], *args: Any, **options: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._pool, partial(fn, *args, **options))

    def __getattr__(self, name: str) -> Any:
        if name not in CALLS:
            raise AttributeError(name)
        return partial(self._run, getattr(self.client, name))

    def __dir__(self) -> List[str]:
        return [*super().__dir__(), *CALLS]

    def sockets(self, **options: Any) -> AsyncPages:
        return AsyncPages(self.client.sockets(**options), self._run)

    def rooms(self, **options: Any) -> AsyncPages:
        return AsyncPages(self.client.rooms(**options), self._run)

    def publisher(self, **options: Any) -> Publisher:
        """It never waits, so it is the same one; await `run(publisher.flush)`."""
        return self.client.publisher(**options)

    async def run(self, fn: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """FN in the pool: publisher.flush, notifier.send_bulk_notifications and the like."""
        return await self._run(fn, *args, **options)

    async def close(self) -> None:
        self.client.close()
        await asyncio.get_running_loop().run_in_executor(None, self._pool.shutdown)

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(self, *_: Any) -> None:
        await self.close()


class AsyncPart:
    """schedules and bans."""

    def __init__(self, part: Any, run: Callable[..., Any]) -> None:
        self._part = part
        self._run = run

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        method = getattr(self._part, name)
        if name == "list":
            return lambda **options: AsyncPages(method(**options), self._run)
        return partial(self._run, method)


CALLS = ("emit", "event", "join", "leave", "disconnect", "batch", "socket", "room", "user", "users", "stats", "health", "call")
