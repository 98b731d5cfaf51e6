"""Repositories whose changes are published: user_repo.update_profile(id, profile) -> user:profile_updated.

Methods are replaced on the object that was registered: whoever holds it already publishes too.  The original runs first; only
when it succeeded is anything sent, and what sending does never reaches the caller unless `strict`.
"""
import functools
import inspect
import re
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple, TypeVar, Union

from .client import Client
from .errors import ForkcastError
from .event_name import event_name
from .publisher import Publisher

SECRET = re.compile(r"passw|secret|token|hash|salt|private|credential", re.I)

R = TypeVar("R")


@dataclass
class RepositoryCall:
    """A repository's call that succeeded."""

    repository: str
    method: str
    event: str
    args: Tuple[Any, ...]
    kwargs: Dict[str, Any]
    result: Any
    id: Optional[str] = None


# A value, or what makes it of the call.
Chosen = Union[Any, Callable[[RepositoryCall], Any]]
Spec = Mapping[str, Chosen]  # event, if, id, to, data, options


class _Frame:
    def __init__(self, repository: Any) -> None:
        self.repository = repository
        self.running = True


_inside: "ContextVar[Optional[_Frame]]" = ContextVar("forkcast_repository", default=None)


def _is_id(value: Any) -> bool:
    return isinstance(value, (str, int)) and not isinstance(value, bool) and value != ""


def _id_of(call: RepositoryCall) -> Optional[str]:
    """The id that a call is about: its first argument, or that one's id, or the result's."""
    first = call.args[0] if call.args else next(iter(call.kwargs.values()), None)
    for value in (first, _member(first, "id"), _member(call.result, "id")):
        if _is_id(value):
            return str(value)
    return None


def _member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)


def _data_of(call: RepositoryCall) -> Dict[str, Any]:
    """The id, and the first mapping among the arguments, or else the keyword arguments: what was changed."""
    changes = next((v for v in (*call.args, *call.kwargs.values()) if isinstance(v, Mapping)), call.kwargs)
    return {**{k: v for k, v in changes.items() if not SECRET.search(str(k))}, "id": call.id}


class RepositoryEventEmitter:
    """real_time_server: a Publisher, or a Client, of which a publisher is made that flush() and close() are for.  strict:
    the call waits for its event, and fails with it; that takes a Client.  on_error(error, call): of an event that failed."""

    def __init__(self, real_time_server: Union[Client, Publisher], *, strict: bool = False,
                 on_error: Optional[Callable[[Exception, RepositoryCall], None]] = None) -> None:
        self._client = real_time_server if isinstance(real_time_server, Client) else None
        self._publisher = real_time_server if isinstance(real_time_server, Publisher) else real_time_server.publisher()
        self._strict = self._may_be_strict(strict)
        self._on_error = on_error
        self._registered: Dict[str, Tuple[Any, List[str]]] = {}
        self.counters = {"published": 0, "failed": 0}

    def register_repository(self, name: str, repository: R, *, events: Optional[Mapping[str, Union[str, bool, Spec]]] = None,
                            auto: bool = True, nested: bool = False, strict: Optional[bool] = None, **usual: Chosen) -> R:
        """From now on REPOSITORY publishes as NAME:EVENT.  Returns it.

        events: method -> name, or {"event", "to", "id", "data", "if", "options"}; False: this one does not publish.  auto:
        methods whose names begin with a verb of change publish too.  nested: so do those that others of it call.  Of
        `usual` (to, id, data, options; if_), each is a value or a function of the RepositoryCall.
        """
        if name in self._registered:
            raise ValueError(f'a repository "{name}" is registered already')
        options = {"nested": nested, "strict": self._strict if strict is None else self._may_be_strict(strict),
                   **{k.rstrip("_"): v for k, v in usual.items()}}
        unknown = set(options) - {"nested", "strict", "to", "id", "data", "if", "options"}
        if unknown:
            raise TypeError(f"unknown: {', '.join(sorted(unknown))}")
        found = self._events(name, repository, events or {}, auto)
        for method, spec in found.items():
            setattr(repository, method, self._wrapped(name, repository, method, spec, options))
        self._registered[name] = (repository, list(found))
        return repository

    def unregister_repository(self, name: str) -> bool:
        """Its methods are what they were."""
        repository, methods = self._registered.pop(name, (None, []))
        for method in methods:
            delattr(repository, method)
        return repository is not None

    def _may_be_strict(self, strict: bool) -> bool:
        if strict and self._client is None:
            raise TypeError("strict takes a Client: a publisher does not wait")
        return strict

    def _events(self, name: str, repository: Any, events: Mapping[str, Any], auto: bool) -> Dict[str, Dict[str, Any]]:
        found: Dict[str, Dict[str, Any]] = {}
        for method in dir(repository) if auto else ():
            event = event_name(method, name)
            # Looked up on the class: properties are not to be run.
            if event and callable(inspect.getattr_static(repository, method, None)):
                found[method] = {"event": f"{name}:{event}"}
        for method, said in events.items():
            if not callable(getattr(repository, method, None)):
                raise TypeError(f'repository "{name}" has no method "{method}"')
            if said is False:
                found.pop(method, None)
                continue
            spec = {"event": said} if isinstance(said, str) else dict(said)
            event = spec.get("event") or event_name(method, name) or method
            found[method] = {**spec, "event": event if ":" in event else f"{name}:{event}"}
        return found

    def _wrapped(self, name: str, repository: Any, method: str, spec: Mapping[str, Any], options: Mapping[str, Any]) -> Any:
        original = getattr(repository, method)

        def enter() -> Optional[_Frame]:
            """None: a method that calls another of the same repository is one change."""
            outer = _inside.get()
            if outer is not None and outer.running and outer.repository is repository and not options["nested"]:
                return None
            return _Frame(repository)

        def publish(args: Tuple[Any, ...], kwargs: Dict[str, Any], result: Any) -> Optional[Exception]:
            return self._publish(RepositoryCall(name, method, spec["event"], args, kwargs, result), spec, options)

        if inspect.iscoroutinefunction(original):

            @functools.wraps(original)
            async def wrapped_async(*args: Any, **kwargs: Any) -> Any:
                frame = enter()
                if frame is None:
                    return await original(*args, **kwargs)
                token = _inside.set(frame)
                try:
                    result = await original(*args, **kwargs)
                finally:
                    frame.running = False
                    _inside.reset(token)
                if options["strict"]:
                    import asyncio

                    error = await asyncio.get_running_loop().run_in_executor(None, publish, args, kwargs, result)
                else:
                    error = publish(args, kwargs, result)
                if error is not None and options["strict"]:
                    raise error
                return result

            return wrapped_async

        @functools.wraps(original)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            frame = enter()
            if frame is None:
                return original(*args, **kwargs)
            token = _inside.set(frame)
            try:
                result = original(*args, **kwargs)
            finally:
                frame.running = False
                _inside.reset(token)
            error = publish(args, kwargs, result)
            if error is not None and options["strict"]:
                raise error
            return result

        return wrapped

    def _publish(self, call: RepositoryCall, spec: Mapping[str, Any], options: Mapping[str, Any]) -> Optional[Exception]:
        def choose(key: str, usual: Callable[[RepositoryCall], Any]) -> Any:
            said = spec.get(key, options.get(key))
            return usual(call) if said is None else said(call) if callable(said) else said

        try:
            if choose("if", lambda _: True) is False:
                return None
            call.id = choose("id", _id_of)
            to = choose("to", lambda c: None if c.id is None else f"{c.repository}:{c.id}")
            if to is None:
                raise TypeError(f"{call.repository}.{call.method}: no id in the arguments or the result; say `to`")
            data, more = choose("data", _data_of), choose("options", lambda _: {})
            if options["strict"]:
                assert self._client is not None
                self._client.emit(to, call.event, data, **more)
                self._over(call, None)
            elif not self._publisher.emit(to, call.event, data, done=lambda error: self._over(call, error), **more):
                raise ForkcastError("dropped", "the publisher took no more")
        except Exception as error:  # noqa: BLE001
            self._over(call, error)
            return error
        return None

    def _over(self, call: RepositoryCall, error: Optional[Exception]) -> None:
        self.counters["published" if error is None else "failed"] += 1
        if error is not None and self._on_error is not None:
            try:
                self._on_error(error, call)
            except Exception:  # noqa: BLE001 - the repository's caller must not see it
                pass

    def flush(self, timeout: Optional[float] = None) -> bool:
        return self._publisher.flush(timeout)

    def close(self, timeout: float = 5.0) -> bool:
        """Sends what waits; the publisher of a Client's emitter ends, one that was given goes on."""
        return self._publisher.close(timeout) if self._client is not None else self._publisher.flush(timeout)
