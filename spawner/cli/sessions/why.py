"""``resource-form why``: why a session waits and what would start now in its place, or why it ended and what to do about that."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from typing import Any

from ...i18n import N_, _
from ..answering import answered, print_json, say
from ..exit_codes import ENDED
from ..hub_client import Hub, HubTrouble
from ..servers import Servers
from ..which_hub import add_hub_arguments, hub_of
from .found import Session, Sessions, add_name, goes_on
from .words import code_of, lines_of

OFFERS_SECONDS = 8.0
"""So long what would start now is waited for: the Hub works it out once somebody looks."""

EPILOG = N_("Exit status: 0 it runs, 3 it waits or starts, 6 it is over or there is none, 5 nobody knows.")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.epilog = _(EPILOG)
    add_name(parser)
    parser.add_argument("--json", action="store_true", help=_("print it as one JSON object; offers is what would start now"))
    add_hub_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Ask and print; return the exit status of the process."""
    return answered("why", lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    hub = hub_of(arguments)
    found = Sessions.of(hub)
    session = found.named(arguments.name, ENDED)
    offers = offers_of(hub, str(session.get("name") or "")) if session.get("stage") == "queue" else []
    code = code_of(session)
    if arguments.json:
        print_json({**session, "offers": offers, "exit": code})
        return code
    found.note_age(session)
    say(*lines_of(session), *(_of_the_line(session) if goes_on(session) else _of_the_end(session)))
    if offers:
        say(_("These would start now:"), *(f"  {_offer(entry)}" for entry in offers))
    return code


def offers_of(hub: Hub, name: str) -> list[dict[str, Any]]:
    """Return what would start now in the place of a session that waits; nothing where the Hub does not say so soon."""
    deadline = time.monotonic() + OFFERS_SECONDS
    # A start that is over by now has no messages any more.
    with suppress(HubTrouble), closing(Servers.of(hub).events(name)) as events:
        for event in events:
            if "offers" in event:
                return [entry for entry in event["offers"] or () if isinstance(entry, dict)]
            if event.get("ready") or event.get("failed") or time.monotonic() > deadline:
                break
    return []


def _offer(entry: Mapping[str, Any]) -> str:
    price = entry.get("price")
    return f"{entry.get('sentence') or ''}{f' ({price})' if price else ''}"


def _of_the_line(session: Session) -> list[str]:
    """What is known of a session's place in the queue, and what its user can do."""
    place = session.get("position") or {}
    words = [_("It is number {place} of {of} in the queue.").format(place=place.get("place"), of=place.get("of"))] if place else []
    notes = [(session.get(name) or {}).get("sentence") for name in ("killed", "setup", "idle_gpus", "start_folder")]
    return [*words, str(session.get("what_to_do") or ""), *(str(sentence) for sentence in notes if sentence)]


def _of_the_end(session: Session) -> list[str]:
    """What is known of how a session ended, and what helps."""
    code = session.get("exit_code")
    exited = _("Its exit code was {code}.").format(code=code) if code else ""
    reference = session.get("reference") if session.get("kind") == "others" else ""
    named = _("Reference: {reference}").format(reference=reference) if reference else ""
    return [exited, str(session.get("what_to_do") or ""), named]
