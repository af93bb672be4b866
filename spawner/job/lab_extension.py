"""The session bar inside JupyterLab and Notebook: its files, which travel in the job's script, and what it says of one session.

The files are the same for everybody; what is the user's own reaches the launcher as environment, like all of a request.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from .._data import folder
from ..humanize import clock_texts
from ..i18n import _
from ..request.model import SessionRequest
from ..units import format_memory

FILES = ("remoteEntry.js", "style.css")
PLACE = "\nLAB_EXTENSION = {}\n"
"""Where the launcher's text has room for the files."""


@functools.cache
def lab_extension_files() -> dict[str, str]:
    """Return the text of each of the extension's files by its name.

    Raises
    ------
    FileNotFoundError
        The installation is incomplete.
    """
    place = folder("share") / "resource_form" / "lab_extension"
    return {name: (place / name).read_text(encoding="utf-8") for name in FILES}


def with_lab_extension(launcher: str) -> str:
    """Return the launcher's text with the extension's files in it, each readable as it is; unchanged if it has no room for them.

    Raises
    ------
    ValueError
        A file cannot stand in a raw string of Python.
    """
    entries = "".join(f"    {name!r}: {_raw(text)},\n" for name, text in lab_extension_files().items())
    return launcher.replace(PLACE, f"\nLAB_EXTENSION = {{\n{entries}}}\n")


def _raw(text: str) -> str:
    if "'''" in text or not text.endswith("\n") or "\r" in text:
        raise ValueError("a file of the extension cannot stand in a raw string")
    return f"r'''{text}'''"


def session_bar(
    request: SessionRequest, *, display_name: str, stop_url: str, over_url: str, new_url: str, warn_minutes: Sequence[int]
) -> dict[str, Any]:
    """Return what the bar says of a session with this request, in the language in use; the launcher adds what the job alone knows.

    Parameters
    ----------
    display_name
        What the session is called.
    stop_url
        Where it is stopped: the Hub's own page for that, seen from the session's page.
    over_url, new_url
        Where the Hub says why it is over and starts it again, and its form.
    warn_minutes
        So many minutes before the end the user is warned.
    """
    killed = _("A kernel or program of this session was killed, because the memory of {memory} was used up. Ask for more memory next time.")
    return {
        "name": display_name,
        "color": request.color,
        "gpus": request.gpus.words if request.gpus.count else "",
        "minutes": request.walltime,
        "stop_url": stop_url,
        "over_url": over_url,
        "new_url": new_url,
        "warn_minutes": list(warn_minutes),
        "texts": {
            "session": _("Session"),
            "job": _("Job {number}"),
            "ends": _("Ends: {time}"),
            **clock_texts(_),
            "left": _("{time} left"),
            "hours": _("{hours} h {minutes} min"),
            "minutes": _("{minutes} min"),
            "over": _("Time is up"),
            "over_notice": _("This session is over: its time was up. What you have saved is in your files."),
            "silent_notice": _("This session does not answer any more. It may be over."),
            "why": _("Why?"),
            "again": _("Start again"),
            "new_session": _("New session"),
            "warning": _("This session ends in {time}. Save your work."),
            "killed": killed.format(memory=format_memory(request.memory)),
            "stop": _("Stop"),
            "stop_help": _("Stop this session and give back what it holds"),
            "close": _("Close"),
        },
    }
