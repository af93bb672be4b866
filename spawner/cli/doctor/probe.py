"""What the doctor's job runs on a node: it looks around, and tells whoever comes to its port with the right word.

Its text travels in the job's script, so it needs nothing but Python 3.6.
"""

import hmac
import json
import os
import pwd
import socket
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

TOLD_IN = "RESOURCE_FORM_DOCTOR"
LIFE_SECONDS = 50.0
HUB_SECONDS = 8.0

NOT_TOLD, NO_HUB, NO_HOME, NO_PORT = 64, 1, 2, 4
"""Of the exit status, where nobody has come for the answer: Slurm tells it in any case."""


def home_problem() -> str:
    """What is wrong with the user's home on this node; empty for nothing."""
    try:
        home = Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return "this node does not know the user"
    if not home.is_dir():
        return f"{home} is not there"
    return "" if os.access(str(home), os.R_OK | os.W_OK | os.X_OK) else f"{home} cannot be written"


def home_identity() -> Any:
    """What tells one folder from another: the inode's number, and when it was changed last. None where there is no home."""
    try:
        found = Path(pwd.getpwuid(os.getuid()).pw_dir).stat()
    except (KeyError, OSError):
        return None
    return [found.st_ino, found.st_mtime_ns]


def hub_problem(api_url: str) -> str:
    """Why the Hub cannot be reached from here; empty where it answers, in whatever words."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        opener.open(api_url + "/", timeout=HUB_SECONDS).close()
    except urllib.error.HTTPError:
        return ""
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        # With certificates of its own the Hub wants to see one: that it says so is an answer.
        return "" if type(reason).__name__.startswith("SSL") else str(reason)
    return ""


def listening(ports: Any) -> Any:
    """A socket on the first of the ports that is free; None where none is."""
    for port in ports:
        server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind(("", port))
            server.listen(5)
        except OSError:
            server.close()
            continue
        return server
    return None


def tell(server: Any, word: str, found: Any, deadline: float) -> bool:
    """Answer whoever says the word, once; whether somebody has, before the time is up."""
    while time.monotonic() < deadline:
        server.settimeout(max(0.1, deadline - time.monotonic()))
        try:
            visitor, _address = server.accept()
        except OSError:
            return False
        with visitor:
            try:
                visitor.settimeout(5)
                said = visitor.recv(1000)
                if hmac.compare_digest(said.strip(), word.encode()):
                    visitor.sendall(json.dumps(dict(found, time=time.time())).encode())
                    return True
            except OSError:
                continue
    return False


def main(told: Any) -> int:
    """Look around, tell, and return the exit status."""
    deadline = time.monotonic() + LIFE_SECONDS
    # It listens first: whoever comes meanwhile waits.
    server = listening(told["ports"])
    found = {"home": home_problem(), "identity": home_identity(), "hub": hub_problem(told["hub"])}
    if server is not None:
        with server:
            if tell(server, told["word"], found, deadline):
                return 0
    status = NOT_TOLD | (NO_HUB if found["hub"] else 0) | (NO_HOME if found["home"] else 0)
    return status | (NO_PORT if server is None else 0)


if __name__ == "__main__":
    sys.exit(main(json.loads(os.environ[TOLD_IN])))
