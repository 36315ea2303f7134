"""A real Home Assistant as a child process."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
import contextlib
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
import signal
import sys
from typing import Any

import aiohttp

from . import configuration
from .messages import Messages
from .process import Child

USERNAME = "demo"
PASSWORD = "facial-therapy"  # noqa: S105 - of a Home Assistant that lives as long as a run


@dataclass(frozen=True, slots=True)
class Account:
    """A signed-in user."""

    token: str
    refresh_token: str


class Home:
    """One Home Assistant with a configuration directory and a port of its own."""

    def __init__(
        self,
        directory: Path,
        *,
        port: int = 8123,
        host: str = "127.0.0.1",
        component: Path = configuration.COMPONENT,
    ) -> None:
        """Describe it."""
        self.directory = directory
        self.port = port
        self.log = directory / "home-assistant.console"
        self.phones = False
        """Whether its next start knows phones with the app."""
        self._host = host
        self._component = component
        self._child: Child | None = None
        self._account: Account | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def child(self) -> Child:
        """The running process."""
        if self._child is None:
            msg = "Home Assistant is not running"
            raise RuntimeError(msg)
        return self._child

    async def start(self, environment: Mapping[str, str] | None = None) -> None:
        """Start it and wait until it has started whole."""
        configuration.write(
            self.directory,
            port=self.port,
            host=self._host,
            component=self._component,
            phones=self.phones,
        )
        self._child = await Child.start(
            "Home Assistant",
            # Everything that is used is installed. Only the phone app's integration names packages
            # that are not, in case somebody has them.
            [
                sys.executable,
                "-m",
                "homeassistant",
                *(["--skip-pip"] if self.phones else []),
                "--config",
                self.directory,
            ],
            log=self.log,
            # Only its own directory may offer it custom components, not the checkout that we run
            # from.
            environment={"PYTHONPATH": "", **(environment or {})},
            directory=self.directory,
        )
        await self._wait_answering()
        if self._account is not None:
            await self._wait_running()

    async def stop(self) -> None:
        """Stop it in good order."""
        if self._child is not None:
            await self._child.terminate(sign=signal.SIGTERM, grace_s=60)
            self._child = None

    async def kill(self) -> None:
        """SIGKILL."""
        self.child.kill()
        await self.child.wait()
        self._child = None

    async def restart(self) -> None:
        """Stop it in good order and start it on the same directory."""
        await self.stop()
        await self.start()

    def freeze(self) -> None:
        """SIGSTOP."""
        self.child.freeze()

    def thaw(self) -> None:
        """SIGCONT."""
        self.child.thaw()

    async def onboard(self, username: str = USERNAME, password: str = PASSWORD) -> None:
        """Create the owner and finish onboarding, as the browser does."""
        client_id = f"{self.url}/"
        async with aiohttp.ClientSession(self.url) as session:
            code = await self._post(
                session,
                "/api/onboarding/users",
                {
                    "name": "Demo",
                    "username": username,
                    "password": password,
                    "client_id": client_id,
                    "language": "en",
                },
            )
            self._account = await self._exchange(session, code["auth_code"])
            await self._post(session, "/api/onboarding/analytics", {})
            await self._post(
                session,
                "/api/onboarding/integration",
                {"client_id": client_id, "redirect_uri": client_id},
            )
        await self._wait_running()

    async def sign_in(self, username: str = USERNAME, password: str = PASSWORD) -> None:
        """Sign in to one that was onboarded earlier."""
        self._account = await self.account(username, password)
        await self._wait_running()

    async def account(self, username: str, password: str) -> Account:
        """Sign somebody in beside the owner."""
        async with aiohttp.ClientSession(self.url) as session:
            handler = ["homeassistant", None]
            flow = await self._post(
                session,
                "/auth/login_flow",
                {"client_id": f"{self.url}/", "handler": handler, "redirect_uri": f"{self.url}/"},
                plain=True,
            )
            done = await self._post(
                session,
                f"/auth/login_flow/{flow['flow_id']}",
                {"client_id": f"{self.url}/", "username": username, "password": password},
                plain=True,
            )
            return await self._exchange(session, done["result"])

    async def onboarded(self) -> bool:
        """Whether it has an owner already."""
        async with (
            aiohttp.ClientSession(self.url) as session,
            session.get("/api/onboarding") as response,
        ):
            # Once everything is done the page is gone.
            return response.status == HTTPStatus.NOT_FOUND or all(
                step["done"] for step in await response.json()
            )

    async def token(self) -> str:
        """Return an access token that is fresh."""
        if self._account is None:
            msg = "nobody is signed in"
            raise RuntimeError(msg)
        form = {
            "client_id": f"{self.url}/",
            "grant_type": "refresh_token",
            "refresh_token": self._account.refresh_token,
        }
        async with (
            aiohttp.ClientSession(self.url) as session,
            session.post("/auth/token", data=form) as response,
        ):
            token: str = (await response.json())["access_token"]
            return token

    @contextlib.asynccontextmanager
    async def messages(self, token: str | None = None) -> AsyncGenerator[Messages]:
        """Open a websocket as the owner, or with another token."""
        async with Messages.open(self.url, token or await self.token()) as messages:
            yield messages

    async def request(
        self, method: str, path: str, body: object = None, *, token: str | None = None
    ) -> Any:
        """Send an authenticated HTTP request, return its JSON."""
        headers = {"Authorization": f"Bearer {token or await self.token()}"}
        async with (
            aiohttp.ClientSession(self.url, headers=headers) as session,
            session.request(method, path, json=body) as response,
        ):
            response.raise_for_status()
            return await response.json()

    def console(self) -> str:
        """Return everything that it logged, of all its runs."""
        return self.log.read_text(errors="replace")

    async def _exchange(self, session: aiohttp.ClientSession, code: str) -> Account:
        """Turn an authorization code into tokens."""
        form = {"client_id": f"{self.url}/", "grant_type": "authorization_code", "code": code}
        async with session.post("/auth/token", data=form) as response:
            response.raise_for_status()
            tokens = await response.json()
        return Account(tokens["access_token"], tokens["refresh_token"])

    async def _post(
        self, session: aiohttp.ClientSession, path: str, body: object, *, plain: bool = False
    ) -> Any:
        """Post JSON."""
        headers = (
            {}
            if plain or self._account is None
            else {"Authorization": f"Bearer {self._account.token}"}
        )
        async with session.post(path, json=body, headers=headers) as response:
            response.raise_for_status()
            return await response.json()

    async def _wait_answering(self, timeout_s: float = 90) -> None:
        """Wait until it serves requests."""
        async with asyncio.timeout(timeout_s), aiohttp.ClientSession(self.url) as session:
            while self.child.alive:
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.get("/manifest.json") as response:
                        if response.ok:
                            return
                # Nothing announces that a port is open.
                await asyncio.sleep(0.1)
        msg = f"Home Assistant ended:\n{self.console()[-4000:]}"
        raise RuntimeError(msg)

    async def _wait_running(self) -> None:
        """Wait until its start is complete."""
        async with self.messages() as messages:
            await messages.wait_running()
