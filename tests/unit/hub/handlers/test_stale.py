"""Whose form comes again after a log-in: that of a page of the Hub's, and no other site's."""

from __future__ import annotations

import asyncio
import gc
from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub.handlers.pages import SpawnHandler

from spawner.errors import StartRefused
from spawner.hub.errors import HubRefusal
from spawner.hub.handlers.stale import FormPage, is_of_our_own


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "same-site", "Origin": "https://hub.example"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, False),
        ({"Sec-Fetch-Site": "none"}, False),
        ({"Origin": "https://hub.example"}, True),
        ({"Origin": "https://hub.example:8443"}, False),
        ({"Origin": "https://hub.example.evil.example"}, False),
        ({"Origin": "null"}, False),
        ({}, False),
    ],
)
def test_whose_page_it_was(headers: dict[str, str], expected: bool) -> None:
    """As the browser says; where it says nothing it is nobody's of ours."""
    assert is_of_our_own(SimpleNamespace(headers=headers, host="hub.example")) is expected


@pytest.mark.parametrize(("error", "told"), [(HubRefusal(StartRefused("No.", log="no")), 0), (RuntimeError("ours"), 1)])
def test_a_users_mistake_is_no_traceback(monkeypatch: pytest.MonkeyPatch, error: Exception, told: int) -> None:
    """JupyterHub starts what takes longer than a second on the side, and never asks what became of it; asyncio then prints a traceback."""

    async def refuse(*_: Any) -> None:
        raise error

    printed: list[dict[str, Any]] = []

    async def press_start() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: printed.append(context))
        page = FormPage.__new__(FormPage)
        started = asyncio.ensure_future(page.spawn_single_user(None))
        await asyncio.wait([started])

    monkeypatch.setattr(SpawnHandler, "spawn_single_user", refuse)
    asyncio.run(press_start())
    gc.collect()
    assert len(printed) == told
