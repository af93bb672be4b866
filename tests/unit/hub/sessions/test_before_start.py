"""What a site's hook, or JupyterHub itself, says by an error before a start is ours: which words are for the user, and what counts."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub import spawner as jupyterhub_spawner
from tornado import web

from spawner.hub.sessions import before_start
from spawner.hub.sessions.before_start import MAX_WORDS, NO_WORDS, is_not_counted, refusal_by, words_of

# JupyterHub 5 has none.
SpawnException = getattr(jupyterhub_spawner, "SpawnException", None)
OF_JUPYTERHUB = [(SpawnException("No project.", reason="project", status_code=400), 400, "No project.")] if SpawnException else []


class OfTheSite(Exception):
    """A hook's own kind of error, of the module that the hook is in."""


class Silent(Exception):
    """One that cannot be put into words."""

    def __str__(self) -> str:
        raise ValueError("no words")


def hook(_spawner: object) -> None:
    """A site's."""


def said(error: Exception, **attributes: str) -> Exception:
    """An error with what JupyterHub knows of words for users."""
    error.__dict__.update(attributes)
    return error


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (web.HTTPError(403, "Sign the terms."), 403, "Sign the terms."),
        (web.HTTPError(429, "Wait %d s.", 5), 429, "Wait 5 s."),
        (web.HTTPError(403, "100% used"), 403, "100% used."),
        (web.HTTPError(503, reason="Storage is away"), 503, "Storage is away."),
        (web.HTTPError(302), 403, NO_WORDS),
        *OF_JUPYTERHUB,
        (OfTheSite("Sign the terms."), 403, "Sign the terms."),
        (Exception("Sign  the\nterms."), 403, "Sign the terms."),
        (RuntimeError(), 403, NO_WORDS),
        (PermissionError("Not you."), 403, "Not you."),
        (said(KeyError("canary"), jupyterhub_message="Not you."), 403, "Not you."),
        (said(KeyError("canary"), jupyterhub_html_message="<p>Not <b>you</b>.</p>"), 403, "Not you."),
        (Exception("over quota"), 403, "Over quota."),
        (Exception("x" * 5000), 403, f"X{'x' * (MAX_WORDS - 1)}."),
    ],
    ids=repr,
)
def test_a_refusal(error: Exception, status: int, words: str) -> None:
    """What a hook says in a way that is meant for users, as one line of text, with its own status where that is one of an error."""
    found = refusal_by(error, hook)
    assert found is not None
    assert (found.sentence, found.status) == (words, status)
    assert "pre_spawn_hook" in found.log


@pytest.mark.parametrize(
    "error",
    [KeyError("canary"), OSError("canary"), TypeError("canary"), UnicodeDecodeError("utf8", b"\xff", 0, 1, "canary"), Silent()],
    ids=repr,
)
def test_a_mistake(error: Exception) -> None:
    """An error of Python's own kinds, or without words, is one in the hook: what it says may be anything."""
    assert refusal_by(error, hook) is None
    assert words_of(error) is None


def test_whose_class_it_is() -> None:
    """A class of another module, such as an HTTP client's with an address in its words, is a mistake too."""
    foreign = type("ConnectionFailed", (Exception,), {"__module__": "client"})
    assert refusal_by(foreign("https://storage/?token=canary"), hook) is None
    in_a_config = type("QuotaExceeded", (Exception,), {"__module__": "builtins"})
    assert refusal_by(in_a_config("Your quota is used up."), SimpleNamespace(__module__=None)) is not None


@pytest.mark.parametrize(
    ("counts", "as_error", "is_done", "expected"),
    [(True, False, False, 1), (True, False, True, 2), (False, False, False, 2), (False, True, False, 1), (True, True, False, 1)],
)
def test_what_counts(monkeypatch: pytest.MonkeyPatch, counts: bool, as_error: bool, is_done: bool, expected: int) -> None:
    """JupyterHub 5 adds one for a start that is on its way, JupyterHub 6 for an error; it is taken back ahead of that, and nothing else."""
    monkeypatch.setattr(before_start, "COUNTS_REFUSALS", counts)
    counted = {"failure_count": 2}
    app = SimpleNamespace(tornado_application=SimpleNamespace(settings=counted), tornado_settings={})
    app.tornado_settings["app"] = app
    future = SimpleNamespace(done=lambda: is_done)
    spawner: Any = SimpleNamespace(user=SimpleNamespace(settings=app.tornado_settings), _spawn_future=future)
    is_not_counted(spawner, as_error=as_error)
    assert counted == {"failure_count": expected}
