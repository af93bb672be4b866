"""The links to a site's storage areas that a session finds in its user's home, where JupyterLab's file browser begins."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..site.areas import FILLED_IN, check_target, filled_in

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}", re.ASCII)
"""A link's name: one word that is not hidden."""


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
        if not NAME.fullmatch(FILLED_IN.sub("x", name)):
            raise ValueError(f"{name!r}: a link's name is one word of letters, digits and _ . -, such as work or work_{{account}}")
        check_target(name, target)


def links_of(links: Mapping[str, str], *, account: str, user: str) -> dict[str, str]:
    """Return the links of one session, by name, with the account and the user filled in.

    A link that depends on the account is left out where the session has none, and where its name would be no name.
    """
    found = {}
    for name, target in links.items():
        own, place = (filled_in(text, account=account, user=user) for text in (name, target))
        if own is not None and place is not None and NAME.fullmatch(own):
            found[own] = place
    return found
