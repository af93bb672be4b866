"""Hubs by name, and which of them is asked: the file is the user's alone."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from spawner.cli.hub_client import Hub, WrongCall
from spawner.cli.hubs import FILE, KnownHub, forget, hubs_file, keep, known_hubs, named
from spawner.cli.login import _name_of, api_url_of
from spawner.cli.which_hub import add_hub_arguments, hub_of

ONE = KnownHub("one", "https://one.example.org/hub/api", "ada", "secret-1")
TWO = KnownHub("two", "https://two.example.org/jupyter/hub/api", "lovelace@campus.it", "secret=%(2)s")
SESSION = "http://10.0.0.1:8081/hub/api"


def asked(*words: str) -> Hub:
    """The Hub that is asked with these options."""
    parser = argparse.ArgumentParser()
    add_hub_arguments(parser)
    return hub_of(parser.parse_args(list(words)))


def test_they_are_kept_as_they_are(settings_of_user: Path) -> None:
    """The first is the default until another is to be; the token is as it was typed, and shown by nothing."""
    assert known_hubs() == {}
    assert named() is None
    keep(ONE)
    keep(TWO)
    assert [(hub.name, hub.api_url, hub.user, hub.token, hub.default) for hub in known_hubs().values()] == [
        ("one", ONE.api_url, "ada", "secret-1", True),
        ("two", TWO.api_url, "lovelace@campus.it", "secret=%(2)s", False),
    ]
    keep(KnownHub("two", TWO.api_url, "ada", "secret-3", default=True))
    assert [(hub.name, hub.token, hub.default) for hub in known_hubs().values()] == [("one", "secret-1", False), ("two", "secret-3", True)]
    assert "secret" not in repr(known_hubs())
    forget("two")
    default = named()
    assert default is not None
    assert default.name == "one"
    assert hubs_file() == settings_of_user / FILE


def test_nobody_else_can_read_the_file(settings_of_user: Path) -> None:
    """0600 in a folder of 0700; one that others can read is refused, with the command that mends it."""
    keep(ONE)
    assert oct(hubs_file().stat().st_mode)[-3:] == "600"
    assert oct(settings_of_user.stat().st_mode)[-3:] == "700"
    for mode in (0o640, 0o604, 0o620):
        hubs_file().chmod(mode)
        with pytest.raises(WrongCall, match="chmod 600"):
            known_hubs()
        with pytest.raises(WrongCall, match="chmod 600"):
            keep(TWO)
    hubs_file().chmod(0o400)
    keep(TWO)
    assert set(known_hubs()) == {"one", "two"}
    assert sorted(path.name for path in settings_of_user.iterdir()) == [FILE]


@pytest.mark.parametrize("text", ["[one\n", "url = x\n", "\xff\xfe", "[one]\n[one]\n"])
def test_a_file_that_is_none(settings_of_user: Path, text: str) -> None:
    """One sentence, and the file stays as it is."""
    settings_of_user.mkdir()
    hubs_file().write_bytes(text.encode("latin-1"))
    hubs_file().chmod(0o600)
    with pytest.raises(WrongCall, match="log in again"):
        known_hubs()
    assert hubs_file().read_bytes() == text.encode("latin-1")


def test_a_folder_that_cannot_be_written(settings_of_user: Path) -> None:
    """One sentence."""
    settings_of_user.write_text("a file where the folder should be")
    with pytest.raises(WrongCall, match=r"hubs\.ini cannot be (read|written)"):
        keep(ONE)


def test_which_hub_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings_of_user: Path) -> None:
    """An option, then the environment, then the default one; the session's own where nobody has logged in."""
    monkeypatch.setenv("JUPYTERHUB_API_URL", SESSION)
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "session")
    assert (asked().api_url, asked().token, asked().inside) == (SESSION, "session", True)
    keep(ONE)
    keep(TWO)
    assert (asked().api_url, asked().token, asked().inside) == (ONE.api_url, ONE.token, False)
    monkeypatch.setenv("RESOURCE_FORM_HUB", "two")
    assert (asked().api_url, asked().token) == (TWO.api_url, TWO.token)
    assert asked("--hub", "one").token == ONE.token
    monkeypatch.setenv("RESOURCE_FORM_HUB_API_URL", TWO.api_url + "/")
    assert asked().token == TWO.token, "the address is that of a Hub that is known"
    assert asked("--hub", "one").token == ONE.token
    assert asked("--hub-api-url", ONE.api_url).token == ONE.token
    assert asked("--hub-api-url", "https://other.example.org/hub/api").token == "session"
    file = tmp_path / "token"
    file.write_text("typed\n")
    assert asked("--hub", "one", "--token-file", str(file)).token == "typed"
    monkeypatch.setenv("RESOURCE_FORM_TOKEN_FILE", str(file))
    assert asked("--hub", "two").token == "typed"


def test_what_names_no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each with a sentence that says what to do."""
    monkeypatch.delenv("JUPYTERHUB_API_URL", raising=False)
    monkeypatch.delenv("JUPYTERHUB_API_TOKEN", raising=False)
    for words, sentence in (
        ([], "resource-form login"),
        (["--hub", "one"], "Log in first"),
        (["--hub", "one", "--hub-api-url", ONE.api_url], "give one of them"),
        (["--hub-api-url", "ftp://x"], "begins with http"),
        (["--hub-api-url", ONE.api_url], "No token"),
    ):
        with pytest.raises(WrongCall, match=sentence):
            asked(*words)
    keep(ONE)
    with pytest.raises(WrongCall, match=r"no Hub called two\. There are: one\."):
        asked("--hub", "two")


@pytest.mark.parametrize(
    ("typed", "url", "name"),
    [
        ("jupyter.example.org", "https://jupyter.example.org/hub/api", "jupyter.example.org"),
        ("https://jupyter.example.org", "https://jupyter.example.org/hub/api", "jupyter.example.org"),
        (" https://jupyter.example.org/ ", "https://jupyter.example.org/hub/api", "jupyter.example.org"),
        ("https://jupyter.example.org/hub/", "https://jupyter.example.org/hub/api", "jupyter.example.org"),
        ("https://jupyter.example.org/hub/token", "https://jupyter.example.org/hub/api", "jupyter.example.org"),
        ("https://jupyter.example.org/hub/api/", "https://jupyter.example.org/hub/api", "jupyter.example.org"),
        ("https://example.org/a/b/hub/spawn?x=1", "https://example.org/a/b/hub/api", "example.org-a-b"),
        ("https://example.org/a/", "https://example.org/a/hub/api", "example.org-a"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/hub/api", "127.0.0.1:8000"),
        ("https://github.example.org/hubbub", "https://github.example.org/hubbub/hub/api", "github.example.org-hubbub"),
    ],
)
def test_the_address_that_is_meant(typed: str, url: str, name: str) -> None:
    """A host alone, any page of the Hub's, or its API."""
    assert api_url_of(typed) == url
    assert _name_of(url) == name
