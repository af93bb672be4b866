"""Addresses, tokens and answers of a Hub's API, as the terminal and the nodes' reporter take them."""

from __future__ import annotations

import pytest

from spawner.gpu.agent.hub_access import MAX_TOKEN_LENGTH, WrongAddress, is_token, message_in, split_address


def test_address_of_a_hub() -> None:
    """The parts come as they were written."""
    address = split_address("https://hub.example.org:8443/jupyter/hub/api")
    assert (address.scheme, address.hostname, address.port, address.path) == ("https", "hub.example.org", 8443, "/jupyter/hub/api")


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("http://[::1", "no URL"),
        ("http://hub:port/", "no URL"),
        ("http://hub/ä", "plain letters"),
        ("http://hub/a b", "plain letters"),
        ("ftp://hub/", "begin with https:// or http://"),
        ("//hub/", "begin with https:// or http://"),
        ("https:///hub/api", "name a host"),
        ("", "name a host"),
    ],
)
def test_what_is_no_address(address: str, words: str) -> None:
    """The sentence says what is missing, and repeats nothing."""
    with pytest.raises(WrongAddress, match=words):
        split_address(address)


@pytest.mark.parametrize("text", ["", "two words", "tok\nen", "tökén", "x" * (MAX_TOKEN_LENGTH + 1)])
def test_what_is_no_token(text: str) -> None:
    """A header could not carry it."""
    assert not is_token(text)
    assert is_token("x" * MAX_TOKEN_LENGTH)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"status": 403, "message": "No."}', "No."),
        (b"{}", None),
        (b"[1]", None),
        (b"<html>", None),
        (b"\xff", None),
        (b"[" * 100_000, None),
    ],
)
def test_message_of_an_answer(body: bytes, message: object) -> None:
    """Only JupyterHub's own JSON has one."""
    assert message_in(body) == message
