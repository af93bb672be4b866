#!/usr/bin/python3 -I
"""Prints a piece of the log of one session, as the user whose session it is.

    session_log JOB tail BYTES
    session_log JOB from OFFSET BYTES
    session_log JOB search          (what for is in RESOURCE_FORM_SEARCH: other users can see arguments)

A line of JSON comes first: "size", "modified" and "inode" of the log, "from" and "to" of the piece; or "error", which is "missing",
"refused" or "unreadable". Then, in a second line, the bytes of the piece in base64. A search has "matches" in place of them.

Nothing is read but a regular file of the user's own, JOB.log, right in the folder where the jobs write their logs. Standard library only,
Python 3.6 and newer: a Hub that is root hands this text to the system's python3; any other one needs a copy of it that sudo allows.
"""

import base64
import collections
import errno
import json
import os
import pwd
import stat
import sys
import time

FOLDER = "jupyterhub-resource-form"
MAX_BYTES = 4 << 20
MAX_SEARCHED = 64 << 20
SEARCH_SECONDS = 5.0
BLOCK = 1 << 20
MAX_MATCHES = 200
LINE_BEFORE, LINE_AFTER = 100, 300
"""So many bytes of a line are shown in front of what was found, and from there on."""


def folder():
    """As the job's script has it: XDG_STATE_HOME, else what the XDG base directory specification says in its place."""
    state = os.environ.get("XDG_STATE_HOME", "")
    if not os.path.isabs(state):
        state = os.path.join(pwd.getpwuid(os.getuid()).pw_dir, ".local", "state")
    return os.path.join(state, FOLDER)


class Refused(Exception):
    """What is there is no log of this user's."""


def open_log(job):
    """A file descriptor of the log.

    A link is followed in none of the last two parts of the path: the home of a user, or ~/.local, may well be one.
    """
    inside = os.open(folder(), os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        name = job + ".log"
        # Looked at before it is opened: opening a device may do something.
        check(os.stat(name, dir_fd=inside, follow_symlinks=False))
        log = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC, dir_fd=inside)
    finally:
        os.close(inside)
    try:
        check(os.fstat(log))
    except Refused:
        os.close(log)
        raise
    return log


def check(found):
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.getuid():
        raise Refused


def piece(log, start, length):
    """So many bytes from ``start``, or what there is of them."""
    parts = []
    while length > 0:
        part = os.pread(log, min(length, BLOCK), start)
        if not part:
            break
        parts.append(part)
        start += len(part)
        length -= len(part)
    return b"".join(parts)


def search(log, size, needle):
    """The last lines with ``needle``, letters of ASCII alike in both cases; in the end of a long log only, and not for long."""
    deadline = time.monotonic() + SEARCH_SECONDS
    needle = needle.lower()
    searched_from = position = max(0, size - MAX_SEARCHED)
    found, number, rest = collections.deque(maxlen=MAX_MATCHES), 0, b""
    whole = True
    while needle and position < size:
        if time.monotonic() > deadline:
            whole = False
            break
        block = piece(log, position, min(BLOCK, size - position))
        if not block:
            break
        begin = position - len(rest)
        position += len(block)
        text = rest + block
        end = text.rfind(b"\n") + 1 if position < size else len(text)
        if end == 0 and len(text) > 2 * BLOCK:
            end = len(text) - len(needle) + 1
        rest = text[end:]
        text = text[:end]
        lowered = text.lower()
        at = lowered.find(needle)
        while at >= 0:
            first = text.rfind(b"\n", 0, at) + 1
            last = text.find(b"\n", at)
            last = len(text) if last < 0 else last
            number += 1
            shown = text[max(first, at - LINE_BEFORE) : min(last, at + LINE_AFTER)]
            found.append({"at": begin + first, "line": shown.decode("utf-8", "replace")})
            at = lowered.find(needle, max(last, at + 1))
    return {"matches": list(found), "number": number, "from": searched_from, "to": position, "whole": whole and searched_from == 0}


def asked_for(arguments):
    """The job, what of its log, and the numbers that go with it."""
    job, what = arguments[:2]
    numbers = [int(text) for text in arguments[2:] if text.isdigit()]
    if not 1 <= len(job) <= 20 or job.strip("0123456789"):
        raise ValueError(job)
    if len(numbers) != len(arguments) - 2 or len(numbers) != {"tail": 1, "from": 2, "search": 0}.get(what):
        raise ValueError(what)
    return job, what, numbers


def answer(job, what, numbers):
    """The header, and the bytes of the piece."""
    log = open_log(job)
    try:
        known = os.fstat(log)
        size = known.st_size
        header = {"size": size, "modified": known.st_mtime, "inode": known.st_ino}
        if what == "search":
            header.update(search(log, size, os.environb.get(b"RESOURCE_FORM_SEARCH", b"")))
            return header, b""
        start = min(numbers[0], size) if what == "from" else max(0, size - min(numbers[0], MAX_BYTES))
        content = piece(log, start, min(numbers[-1], MAX_BYTES, size - start))
        header.update({"from": start, "to": start + len(content)})
        return header, content
    finally:
        os.close(log)


def main(arguments):
    try:
        wanted = asked_for(arguments)
    except ValueError:
        sys.stderr.write("usage: session_log JOB tail BYTES | JOB from OFFSET BYTES | JOB search\n")
        return 2
    content = b""
    try:
        header, content = answer(*wanted)
    except Refused:
        header = {"error": "refused"}
    except OSError as error:
        if error.errno == errno.ENOENT:
            header = {"error": "missing"}
        elif error.errno in (errno.ELOOP, errno.ENOTDIR):
            header = {"error": "refused"}
        else:
            header = {"error": "unreadable", "why": error.strerror or type(error).__name__}
    sys.stdout.write(json.dumps(header) + "\n" + base64.b64encode(content).decode("ascii") + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
