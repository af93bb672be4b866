"""batchspawner's class, and as much of it and of JupyterHub's as we use for the type checker: neither package comes with types.

With the package's own class, any attribute would be taken for one of its.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    import logging
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from typing import Any

    from traitlets.config import Configurable

    from .protocol import HubAddress, HubHandler, HubUser

    class SlurmSpawner(Configurable):
        """What :class:`.ResourceFormSpawner` and the Hub's side use of JupyterHub's ``Spawner`` and of batchspawner's."""

        user: HubUser
        user_options: dict[str, Any]
        orm_spawner: Any
        hub: HubAddress
        server: Any
        handler: HubHandler | None
        log: logging.Logger | logging.LoggerAdapter[logging.Logger]
        db: Any
        environment: dict[str, Any]
        http_timeout: float
        api_token: str
        ip: str
        port: int
        cmd: Sequence[str]
        pre_spawn_hook: Any
        internal_ssl: bool
        _log_name: str
        _check_pending: bool
        _spawn_pending: bool
        _start_pending: bool
        _spawn_future: asyncio.Future[Any] | None
        _proxy_pending: bool
        _stop_pending: bool
        _stop_future: asyncio.Future[None] | None

        @property
        def name(self) -> str: ...
        @property
        def active(self) -> bool: ...
        @property
        def ready(self) -> bool: ...
        @property
        def pending(self) -> str | None: ...
        def get_args(self) -> list[str]: ...
        def get_env(self) -> dict[str, str]: ...
        def user_env(self, env: dict[str, str]) -> dict[str, str]: ...
        def get_state(self) -> dict[str, Any]: ...
        def load_state(self, state: dict[str, Any]) -> None: ...
        def clear_state(self) -> None: ...
        def run_pre_spawn_hook(self) -> Any: ...
        def run_post_stop_hook(self) -> Any: ...
        async def poll(self) -> int | None: ...
        async def poll_and_notify(self) -> int | None: ...
        def add_poll_callback(self, callback: Callable[..., Awaitable[None]], *args: Any) -> None: ...
        async def start(self) -> tuple[str, int]: ...
        async def stop(self, now: bool = False) -> None: ...
        def progress(self) -> AsyncIterator[dict[str, Any]]: ...

else:
    from batchspawner import SlurmSpawner

__all__ = ["SlurmSpawner"]
