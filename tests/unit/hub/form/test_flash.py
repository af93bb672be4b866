"""A refused form is kept for its user, for a short time, and handed out once."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

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
