"""The ports that a server may listen on, as the admin writes them."""

from __future__ import annotations

import pytest

from spawner.hub.settings.job import ports_of


@pytest.mark.parametrize(
    ("text", "least", "most"), [("20000-20999", 20000, 20999), ("8888-8888", 8888, 8888), ("1-65535", 1, 65535), ("", 1, 65535)]
)
def test_ports(text: str, least: int, most: int) -> None:
    """Both ends are among them; without a range it is all that there are."""
    ports = ports_of(text)
    assert (ports[0], ports[-1]) == (least, most)
    assert least - 1 not in ports
    assert most + 1 not in ports


@pytest.mark.parametrize("text", ["20000", "-", "1-", "-1", "2-1", "0-5", "1-65536", "a-b", "1-2-3", " 1-2", "１-２"])
def test_no_ports(text: str) -> None:
    with pytest.raises(ValueError, match="no range of ports"):
        ports_of(text)
