"""A node's way to the Hub: one connection, kept open, and what came of each report in words for a log. Standard library only."""

from __future__ import annotations

import http.client
import os
import re
import select
import ssl
import stat
from dataclasses import dataclass

from .hub_access import WrongAddress, is_token, message_in, split_address

PATH = "/resource-form/gpu-reports"
"""Below the Hub's API."""

LONGEST_ANSWER = 64 * 1024
LONGEST_WORDS = 160
_LARGEST_TOKEN_FILE = 8192


class WrongSettings(Exception):
    """A setting that the admin of the node has to put right; the message is a sentence, and holds no secret."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one report.

    ``failure`` is what to tell, empty if the Hub has taken it. ``kind`` is the same for two failures that are told once.
    ``retry_after`` are the seconds that the Hub asked for.
    """

    failure: str = ""
    kind: str = ""
    retry_after: int | None = None


class HubConnection:
    """A connection to one Hub for reports. It is kept from one to the next, and the token's file is read for each of them.

    A redirect is not followed, for the token is meant for this Hub alone.

    Raises
    ------
    WrongSettings
        The address is none of a Hub's API, or the file with its authority cannot be read.
    """

    def __init__(self, api_url: str, token_file: str, *, authority_file: str = "", limit: float = 10.0) -> None:
        try:
            address = split_address(api_url)
        except WrongAddress as error:
            raise WrongSettings(str(error)) from None
        if address.username is not None or address.query or address.fragment:
            raise WrongSettings("The address of the Hub's API must have no user, no query and no fragment.")
        self._host, self._port, self._limit = address.hostname or "", address.port, limit
        self._path = address.path.rstrip("/") + PATH
        self._token_file = token_file
        self._context = _context(authority_file) if address.scheme == "https" else None
        self._connection: http.client.HTTPConnection | None = None

    def close(self) -> None:
        """Close the connection; the next report opens another one."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def send(self, report: str) -> Outcome:
        """Send one report; whatever goes wrong is in the outcome."""
        try:
            token = read_token(self._token_file)
        except WrongSettings as error:
            return Outcome(str(error))
        for attempt in (1, 2):
            kept = self._connection is not None and not self._is_closed_over_there()
            if not kept:
                self.close()
            try:
                return self._post(report.encode(), token)
            except (OSError, http.client.HTTPException) as error:
                self.close()
                # What was kept may have been closed over there in this very moment: that says nothing of the Hub.
                if kept and attempt == 1 and not isinstance(error, TimeoutError):
                    continue
                return Outcome(_what_went_wrong(error))
        raise AssertionError

    def _post(self, body: bytes, token: str) -> Outcome:
        if self._connection is None:
            self._connection = (
                http.client.HTTPConnection(self._host, self._port, timeout=self._limit)
                if self._context is None
                else http.client.HTTPSConnection(self._host, self._port, timeout=self._limit, context=self._context)
            )
        headers = {"Authorization": f"token {token}", "Content-Type": "application/json"}
        self._connection.request("POST", self._path, body, headers)
        answer = self._connection.getresponse()
        words = answer.read(LONGEST_ANSWER)
        if not answer.isclosed():
            self.close()
        if 200 <= answer.status < 300:
            return Outcome()
        return Outcome(_refusal(answer.status, words), str(answer.status), _seconds(answer.getheader("Retry-After")))

    def _is_closed_over_there(self) -> bool:
        """Nothing may come between two reports: if there is something to read, it is the end of the connection."""
        sock = self._connection.sock if self._connection is not None else None
        if sock is None:
            return True
        watch = select.poll()
        watch.register(sock, select.POLLIN)
        return bool(watch.poll(0))


def read_token(path: str) -> str:
    """Read the token in a file, which others may not be able to read.

    Raises
    ------
    WrongSettings
        There is no such file, others can read it, or what is in it is no token.
    """
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - pathlib is not imported for one file: the reporter is small
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & stat.S_IRWXO:
                raise WrongSettings(f"The token is not used: everybody on this node can get at {path}. Set its mode to 0600.")
            token = file.read(_LARGEST_TOKEN_FILE).strip().decode("ascii", errors="replace")
    except OSError as error:
        raise WrongSettings(f"The token cannot be read from {path}: {error.strerror}.") from None
    if not is_token(token):
        raise WrongSettings(f"There is no token in {path}: it must hold one, on one line.")
    return token


def _context(authority_file: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=authority_file or None)
    except (OSError, ssl.SSLError) as error:
        raise WrongSettings(f"The certificates in {authority_file} cannot be used: {error.strerror or error}.") from None


_STATUS_WORDS = {
    400: "the Hub takes it for no report; are both of the same version?",
    401: "the Hub does not know the token",
    403: "the token does not allow it to report for this node",
    404: "the Hub does not know this node, or nothing takes reports at this address",
    413: "the Hub finds the report too large",
    429: "the Hub has had too many reports",
}


def _refusal(status: int, body: bytes) -> str:
    """A sentence, with what the Hub says itself, made fit for one line of a log."""
    if 300 <= status < 400:
        return f"The Hub answered {status}: it wants to send us elsewhere, and the token goes nowhere else. Check the address."
    said = _said(body)
    words = _STATUS_WORDS.get(status, "the Hub is not well" if status >= 500 else "the Hub refuses the report")
    return f"The Hub answered {status}: {words}." + (f" It says: {said}" if said else "")


def _said(body: bytes) -> str:
    message = message_in(body)
    if message is None:
        return ""
    text = "".join(each if each.isprintable() else " " for each in str(message)[: 4 * LONGEST_WORDS])
    return " ".join(text.split())[:LONGEST_WORDS]


def _seconds(retry_after: str | None) -> int | None:
    return int(retry_after) if retry_after and re.fullmatch(r"\d{1,6}", retry_after.strip(), re.ASCII) else None


def _what_went_wrong(error: OSError | http.client.HTTPException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"The Hub's certificate is not to be trusted: {error.verify_message}. If its authority is your own, name it with --ca-file."
    if isinstance(error, ssl.SSLError):
        return f"There is no secure connection to the Hub: {(error.reason or 'the handshake failed').lower().replace('_', ' ')}."
    if isinstance(error, TimeoutError):
        return "The Hub does not answer."
    if isinstance(error, http.client.RemoteDisconnected):
        return "The Hub has closed the connection without an answer."
    if isinstance(error, http.client.HTTPException):
        return "What answered is no Hub: it does not speak HTTP."
    return f"The Hub cannot be reached: {(error.strerror or type(error).__name__).lower()}."
