"""Whose an address is: this machine's, the loopback's, or another's; and whether somebody answers there."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import socket
import ssl
import urllib.error
import urllib.request

from .facts import Place

ANSWER_SECONDS = 5.0
LOOK_UP_SECONDS = 10.0


async def place_of(host: str) -> Place:
    """Return what is known of a host's address on this machine."""
    try:
        addresses = await asyncio.wait_for(asyncio.to_thread(_looked_up, host), LOOK_UP_SECONDS)
    except (OSError, UnicodeError, asyncio.TimeoutError):
        return Place(host, is_known=False)
    loopback = all(ipaddress.ip_address(address).is_loopback for address in addresses)
    return Place(host, is_here=loopback or any(_is_own(address) for address in addresses), is_loopback=loopback)


def _looked_up(host: str) -> set[str]:
    return {str(entry[4][0]).partition("%")[0] for entry in socket.getaddrinfo(host, None, proto=socket.IPPROTO_TCP)}


def _is_own(address: str) -> bool:
    """Whether the address is one of this machine's: only such a one can be bound."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.bind((address, 0))
        return True
    return False


async def version_at(api_url: str) -> str | None:
    """Return the version of the Hub that answers there; empty for one that does not say, None where nobody answers."""
    return await asyncio.to_thread(_version, api_url)


def _version(api_url: str) -> str | None:
    if not api_url.startswith(("http://", "https://")):
        return None
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(api_url + "/", timeout=ANSWER_SECONDS) as answer:
            found = json.loads(answer.read(10_000))
        return str(found.get("version", "")) if isinstance(found, dict) else ""
    except (urllib.error.HTTPError, ssl.SSLError):
        return ""
    except urllib.error.URLError as error:
        return "" if isinstance(error.reason, ssl.SSLError) else None
    except OSError:
        return None
    except ValueError:
        return ""


async def talk(host: str, port: int, said: bytes, seconds: float) -> bytes | None:
    """Say something to a port, and return what comes back until the other side closes; None where nobody is reached."""
    try:
        reader, writer = await asyncio.wait_for(asyncio.open_connection(host, port), seconds)
    except (OSError, asyncio.TimeoutError):
        return None
    try:
        writer.write(said)
        return await asyncio.wait_for(reader.read(100_000), seconds)
    except (OSError, asyncio.TimeoutError):
        return b""
    finally:
        writer.close()
