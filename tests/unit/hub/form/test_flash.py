"""A refused form is kept for its user, for a short time, and handed out once."""

from __future__ import annotations

import asyncio
import logging
from types import SimpleNamespace
from typing import Any

import pytest

from spawner.errors import SlurmUnavailable
from spawner.hub.form import page
from spawner.hub.form.flash import KEPT_SECONDS, Rejection, Rejections, keep, take


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


TYPED = Rejection({"cores": "lots"}, {"cores": "Number of cores: no."})


def test_handed_out_once() -> None:
    """The form shows it at the next visit, and only then."""
    kept = Rejections(Clock())
    kept.keep("ada", TYPED)
    assert kept.take("ada") is TYPED
    assert kept.take("ada") is None


def test_it_waits_until_it_is_taken() -> None:
    """A form that cannot be filled, because Slurm does not answer, looks at it and leaves it for the next."""
    clock = Clock()
    kept = Rejections(clock)
    assert kept.waiting("ada") is None
    kept.keep("ada", TYPED)
    assert kept.waiting("ada") is kept.waiting("ada") is TYPED
    assert kept.take("ada") is TYPED
    assert kept.waiting("ada") is None
    kept.keep("ada", TYPED)
    clock.now += KEPT_SECONDS + 1
    assert kept.waiting("ada") is None


def test_each_user_has_their_own() -> None:
    """What one user typed is never shown to another."""
    kept = Rejections(Clock())
    kept.keep("ada", TYPED)
    assert kept.take("grace") is None
    assert kept.take("ada") is TYPED


def test_the_latest_counts() -> None:
    """A second refusal takes the place of the first."""
    kept = Rejections(Clock())
    later = Rejection({"cores": "more"}, {})
    kept.keep("ada", TYPED)
    kept.keep("ada", later)
    assert kept.take("ada") is later
    assert kept.take("ada") is None


@pytest.mark.parametrize(
    ("seconds", "there"), [(0, True), (KEPT_SECONDS, True), (KEPT_SECONDS + 1, False)], ids=["at-once", "at-the-end", "late"]
)
def test_kept_for_a_while(seconds: float, there: bool) -> None:
    """Whoever comes back the next day finds the defaults."""
    clock = Clock()
    kept = Rejections(clock)
    kept.keep("ada", TYPED)
    clock.now += seconds
    assert (kept.take("ada") is TYPED) is there
    assert kept.take("ada") is None


def test_memory_is_bounded() -> None:
    """Beyond the limit the oldest is forgotten, whoever came again last is not."""
    kept = Rejections(Clock(), max_users=3)
    for user in ("a", "b", "c", "a", "d"):
        kept.keep(user, TYPED)
    assert [user for user in "abcd" if kept.take(user)] == ["a", "c", "d"]


def test_kept_by_the_hub() -> None:
    """Any spawner of the user's finds it, of the same Hub only."""
    settings: dict[str, object] = {}
    refused, shown, elsewhere = (SimpleNamespace(user=SimpleNamespace(name="ada", settings=of)) for of in (settings, settings, {}))
    keep(refused, TYPED)
    assert (take(elsewhere), take(shown), take(shown)) == (None, TYPED, None)


def test_a_form_that_cannot_be_filled_leaves_it_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slurm does not answer at the moment: what was typed is not lost for that."""

    async def silent(**_asked: Any) -> Any:
        raise SlurmUnavailable("Slurm does not answer.")

    async def nothing(*_asked: Any, **_named: Any) -> Any:
        return ()

    spawner: Any = SimpleNamespace(
        user=SimpleNamespace(name="ada", settings={}),
        name="",
        hub=SimpleNamespace(base_url="/hub/"),
        orm_spawner=SimpleNamespace(user_options={}),
        support_text="",
        cluster=SimpleNamespace(estimates=True),
        handler=None,
        template_paths=[],
        log=logging.getLogger("hub"),
        choices=silent,
        recent=lambda: (),
        announcements=nothing,
    )
    monkeypatch.setattr(page, "free_gpus", nothing)
    monkeypatch.setattr(page, "render_form", lambda values, **_named: values["problem"])
    keep(spawner, TYPED)
    assert asyncio.run(page.form_page(spawner)) == "Slurm does not answer."
    assert take(spawner) is TYPED
