"""Home Assistant's websocket, as its frontend uses it."""

import asyncio
from collections.abc import AsyncGenerator, Callable
import contextlib
import itertools
from typing import Any, Self

import aiohttp

type State = dict[str, Any]


class CallError(Exception):
    """Home Assistant answered a message with an error."""

    def __init__(self, error: dict[str, Any]) -> None:
        """Keep code, message and translation."""
        super().__init__(f"{error['code']}: {error['message']}")
        self.code: str = error["code"]
        self.message: str = error["message"]
        self.translation_key: str | None = error.get("translation_key")
        self.placeholders: dict[str, str] = error.get("translation_placeholders") or {}


class Messages:
    """One websocket; every method may be used at the same time as any other."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Wrap an authenticated socket."""
        self._socket = socket
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._events: dict[int, asyncio.Queue[Any]] = {}

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, url: str, token: str) -> AsyncGenerator[Self]:
        """Connect and authenticate."""
        async with (
            aiohttp.ClientSession(url) as session,
            session.ws_connect("/api/websocket", max_msg_size=0) as socket,
        ):
            await socket.receive_json()
            await socket.send_json({"type": "auth", "access_token": token})
            answer = await socket.receive_json()
            if answer["type"] != "auth_ok":
                raise PermissionError(answer)
            messages = cls(socket)
            reading = asyncio.create_task(messages._read())
            try:
                yield messages
            finally:
                reading.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await reading

    async def _read(self) -> None:
        """Hand every message to who waits for it."""
        async for raw in self._socket:
            data = raw.json()
            for message in data if isinstance(data, list) else [data]:
                number = message["id"]
                if message["type"] == "event":
                    if number in self._events:
                        self._events[number].put_nowait(message["event"])
                elif (answer := self._answers.get(number)) is not None and not answer.done():
                    answer.set_result(message)
        # Calls that still wait must hear of the end.
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(ConnectionError("Home Assistant closed the websocket"))

    async def call(self, kind: str, **body: Any) -> Any:
        """Send a message and return its result."""
        return await self._send(next(self._numbers), kind, body)

    async def _send(self, number: int, kind: str, body: dict[str, Any]) -> Any:
        """Send a numbered message and wait for its result."""
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        try:
            await self._socket.send_json({"id": number, "type": kind, **body})
            message = await answer
        finally:
            del self._answers[number]
        if message["type"] == "pong":
            return None
        if not message["success"]:
            raise CallError(message["error"])
        return message["result"]

    @contextlib.asynccontextmanager
    async def subscribe(self, kind: str, **body: Any) -> AsyncGenerator[asyncio.Queue[Any]]:
        """Subscribe with a message of this kind; its events come through the queue."""
        number = next(self._numbers)
        events = self._events[number] = asyncio.Queue()
        await self._send(number, kind, body)
        try:
            yield events
        finally:
            del self._events[number]
            with contextlib.suppress(ConnectionError, CallError):
                await self.call("unsubscribe_events", subscription=number)

    async def act(
        self,
        action: str,
        data: dict[str, Any] | None = None,
        *,
        response: bool = False,
        **target: Any,
    ) -> Any:
        """Call an action, `domain.name`; return its response if asked for one."""
        domain, name = action.split(".")
        result = await self.call(
            "call_service",
            domain=domain,
            service=name,
            service_data=data or {},
            target=target,
            return_response=response,
        )
        return result["response"] if response else None

    async def states(self) -> dict[str, State]:
        """Return every state by entity id."""
        return {state["entity_id"]: state for state in await self.call("get_states")}

    async def wait_any(self, accept: Callable[[State], bool], timeout_s: float = 20) -> State:
        """Wait until the state of any entity is acceptable, return it."""
        async with (
            asyncio.timeout(timeout_s),
            self.subscribe("subscribe_events", event_type="state_changed") as events,
        ):
            for state in (await self.states()).values():
                if accept(state):
                    return state
            while True:
                new: State | None = (await events.get())["data"]["new_state"]
                if new is not None and accept(new):
                    return new

    async def wait_state(
        self, entity_id: str, accept: Callable[[State], bool], timeout_s: float = 20
    ) -> State:
        """Wait until an entity's state is acceptable, return it."""
        try:
            return await self.wait_any(
                lambda state: state["entity_id"] == entity_id and accept(state), timeout_s
            )
        except TimeoutError:
            msg = f"{entity_id} stayed {(await self.states()).get(entity_id)}"
            raise TimeoutError(msg) from None

    async def wait_issue(self, issue_id: str, *, there: bool, timeout_s: float = 20) -> None:
        """Wait until a repair is there, or has gone."""
        async with (
            asyncio.timeout(timeout_s),
            self.subscribe(
                "subscribe_events", event_type="repairs_issue_registry_updated"
            ) as events,
        ):
            while (
                any(
                    issue["issue_id"] == issue_id
                    for issue in (await self.call("repairs/list_issues"))["issues"]
                )
                is not there
            ):
                await events.get()

    async def wait_running(self, timeout_s: float = 90) -> None:
        """Wait until Home Assistant's start is complete."""
        async with (
            asyncio.timeout(timeout_s),
            self.subscribe("subscribe_events", event_type="homeassistant_started") as events,
        ):
            if (await self.call("get_config"))["state"] != "RUNNING":
                await events.get()

    async def say(self, text: str, language: str = "en") -> dict[str, Any]:
        """Say a sentence to Assist, return its response."""
        answer = await self.call("conversation/process", text=text, language=language)
        response: dict[str, Any] = answer["response"]
        return response
