"""The folder in which a session opens, as the launcher is told of it."""

from __future__ import annotations

from collections.abc import Iterable

from ..site.areas import Area, area_of, filled_in


def start_folder_of(folder: str, areas: Iterable[Area], *, account: str, user: str) -> dict[str, str] | None:
    """Return what the launcher makes of a request's ``folder``: as ``chosen``, its area's place (``root``), what is ``below`` that.

    None where none was chosen. Of an area that is for an account, and a session that has none, the place is empty: nothing is there.
    """
    area = area_of(folder, areas)
    if area is None:
        return None
    return {"chosen": folder, "root": filled_in(area.path, account=account, user=user) or "", "below": folder.partition("/")[2]}
