"""The links to a site's storage areas that a session finds in its user's home, where JupyterLab's file browser begins."""

from __future__ import annotations

import re
from collections.abc import Mapping

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}", re.ASCII)
"""A link's name: one word that is not hidden."""

_FILLED_IN = re.compile(r"\{(account|user)\}")


def check_links(links: Mapping[object, object]) -> None:
    """Check what an admin has written: names to targets, either with ``{account}`` and ``{user}``.

    Raises
    ------
    ValueError
        Names the link that is wrong.
    """
    for name, target in links.items():
        if not isinstance(name, str) or not isinstance(target, str):
            raise ValueError(f"{name!r}: a link is a name, and the place to which it leads")
        if not NAME.fullmatch(_FILLED_IN.sub("x", name)):
            raise ValueError(f"{name!r}: a link's name is one word of letters, digits and _ . -, such as work or work_{{account}}")
        if not target.startswith(("/", "$", "{")) or "\0" in target or "\n" in target:
            raise ValueError(f"{name!r}: {target!r} is neither an absolute path nor begins with a variable, such as $WORK")


def links_of(links: Mapping[str, str], *, account: str, user: str) -> dict[str, str]:
    """Return the links of one session, by name, with the account and the user filled in.

    A link that depends on the account is left out where the session has none, and where its name would be no name.
    """
    values = {"account": account, "user": user}
    found = {}
    for name, target in links.items():
        needed = set(_FILLED_IN.findall(name) + _FILLED_IN.findall(target))
        if not all(values[key] for key in needed):
            continue
        filled = [_FILLED_IN.sub(lambda part: values[part[1]], text) for text in (name, target)]
        if NAME.fullmatch(filled[0]) and not {"..", "."} & set(filled[1].split("/")):
            found[filled[0]] = filled[1]
    return found
