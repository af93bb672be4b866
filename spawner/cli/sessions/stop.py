"""``resource-form stop``: stops sessions, and returns once Slurm has let go of their jobs."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from ...i18n import _, ngettext
from ..answering import NotPossible, answered, note, print_json, say
from ..exit_codes import FAILED, INTERRUPTED, READY
from ..hub_client import HubTrouble, WrongCall, plain
from ..progress import Progress
from ..servers import Servers
from ..which_hub import add_hub_arguments, hub_of
from .found import Session, Sessions, goes_on
from .words import title_of

YES = ("y", "yes")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("names", nargs="*", metavar="NAME", help=_("the names of the sessions; else the one without a name"))
    parser.add_argument("-a", "--all", action="store_true", help=_("all of one's sessions; on a terminal it is asked once"))
    parser.add_argument("-y", "--yes", action="store_true", help=_("with --all: ask nothing"))
    parser.add_argument("--json", action="store_true", help=_("print what was stopped as one JSON object"))
    parser.add_argument("--quiet", action="store_true", help=_("tell nothing on the way"))
    add_hub_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Stop them; return the exit status of the process."""
    return answered("stop", lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    if arguments.all and arguments.names:
        raise WrongCall(_("--all stops every session: give names, or --all."))
    hub = hub_of(arguments)
    found = Sessions.of(hub)
    wanted = found.going_on if arguments.all else [found.named(name) for name in dict.fromkeys(arguments.names or [""])]
    chosen = [session for session in wanted if goes_on(session)]
    for session in wanted:
        if not goes_on(session):
            note(_("{name} is over already.").format(name=title_of(session)))
    if arguments.all and not chosen:
        note(_("No session is waiting or running."))
    if arguments.all and chosen and not arguments.yes and not _confirmed(chosen):
        return INTERRUPTED
    stopped = _stopped(Servers.of(hub), chosen, quiet=arguments.quiet) if chosen else []
    if arguments.json:
        print_json({"stopped": stopped})
    elif not arguments.quiet:
        say(*(_stopped_in_words(session) for session in chosen))
    return READY


def _confirmed(sessions: list[Session]) -> bool:
    """Whether the user says so; where nobody can be asked, --all says it."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return True
    question = ngettext("Stop {number} session ({names})? [y/N]", "Stop {number} sessions ({names})? [y/N]", len(sessions))
    sys.stderr.write(f"{question.format(number=len(sessions), names=', '.join(plain(title_of(session)) for session in sessions))} ")
    sys.stderr.flush()
    # Translators: the answers of a person who agrees, with a blank between: "s si sì"
    return sys.stdin.readline().strip().lower() in (*YES, *_("y yes").split())


def _stopped(servers: Servers, sessions: list[Session], *, quiet: bool) -> list[dict[str, Any]]:
    """Ask for all first, then wait for each: they end at the same time."""
    names = [str(session.get("name") or "") for session in sessions]
    trouble: list[HubTrouble] = []
    with Progress(sys.stderr, quiet=quiet) as progress:
        progress.say(_("Waiting until Slurm has let go of it.") if len(names) == 1 else _("Waiting until Slurm has let go of them."))
        for name in names:
            try:
                servers.ask_to_stop(name)
            except HubTrouble as error:
                trouble.append(error)
        for name in names:
            servers.wait_until_gone(name)
    if trouble:
        raise trouble[0] if trouble[0].may_pass or not trouble[0].said else NotPossible(trouble[0].said, FAILED)
    return [{"name": session.get("name"), "job_id": session.get("job_id")} for session in sessions]


def _stopped_in_words(session: Session) -> str:
    job = session.get("job_id")
    if not job:
        return _("{name} is stopped.").format(name=title_of(session))
    return _("{name} is stopped, and job {job} is gone.").format(name=title_of(session), job=job)
