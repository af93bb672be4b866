"""``resource-form launch``: a session from a terminal, as the form starts one, by the same rules: it asks the Hub, and never Slurm."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from contextlib import suppress
from typing import Any

from ..i18n import N_, _
from . import verdict
from .answering import answered, note, print_json, say, told
from .arguments import seconds
from .exit_codes import ENDED, FAILED, INTERRUPTED, READY, REFUSED, WAITS
from .hub_client import HubTrouble
from .launch_options import add_request_options, given_request
from .preset_list import list_presets
from .progress import Progress
from .request import full_request
from .servers import Servers
from .token_address import address_with_token
from .which_hub import add_hub_arguments, hub_of

CANCEL = ("c", "cancel")

VALUES = N_(
    "Values that are not given come from the environment (RESOURCE_FORM_LAUNCH_CORES and so on), from [launch] in "
    "~/.config/resource-form/config.ini, from the saved request or the preset, or are the form's own."
)
EXIT_STATUS = N_(
    "Exit status: 0 the session is ready, 1 it could not start, 2 wrong usage, and nothing was asked of the Hub, 3 it still waits, "
    "4 the request is refused, 5 the Hub cannot be reached, 6 it has ended, 130 interrupted."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.epilog = f"{_(VALUES)} {_(EXIT_STATUS)}"
    add_request_options(parser)
    parser.add_argument("-N", "--name", default="", metavar="NAME", help=_("start it under this name; if it runs, it is taken up again"))
    parser.add_argument("-b", "--background", action="store_true", help=_("return as soon as the job is submitted"))
    parser.add_argument("-d", "--dry-run", action="store_true", help=_("print the job script, and start nothing"))
    parser.add_argument("-w", "--wait", type=seconds, metavar="SECONDS", help=_("wait so long at most, and leave it in the queue then"))
    parser.add_argument("--now", action="store_true", help=_("start it only if it starts now"))
    parser.add_argument(
        "--with-token", action="store_true", help=_("print the address with a token in it, where the site's sessions take one")
    )
    parser.add_argument("--list-presets", action="store_true", help=_("show the presets that you may choose, and start nothing"))
    parser.add_argument("--json", action="store_true", help=_("print what has become of it as one JSON object"))
    parser.add_argument("--quiet", action="store_true", help=_("tell nothing on the way"))
    add_hub_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Start a session; return the exit status of the process."""
    return answered("launch", lambda: list_presets(arguments) if arguments.list_presets else _Launch(arguments).run())


class _Launch:
    """One call of the command."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._arguments = arguments
        self._given = given_request(arguments)
        self._hub = hub_of(arguments)
        self._name: str = arguments.name
        self._request: dict[str, Any] = {}

    def run(self) -> int:
        """Start or take up the session."""
        self._request = full_request(self._hub, self._arguments.file, self._given)
        servers = Servers.of(self._hub)
        model = servers.model(self._name)
        is_there = bool(model.get("ready") or model.get("pending") == "spawn")
        if not is_there or self._arguments.dry_run:
            answer = self._judged()
            if answer is None:
                return REFUSED
            if self._arguments.dry_run:
                sys.stdout.write(str(answer.get("script") or ""))
                return READY
        with Progress(sys.stderr, quiet=self._arguments.quiet) as progress:
            try:
                if is_there:
                    progress.say(self._taken_up())
                else:
                    servers.start(self._name, self._request)
                return self._followed(servers, progress)
            except KeyboardInterrupt:
                progress.pause()
                return self._interrupted(servers)

    def _taken_up(self) -> str:
        if not self._name:
            return _("The default session is there already, and taken up.")
        return _("{name} is there already, and taken up.").format(name=self._name)

    def _judged(self) -> dict[str, Any] | None:
        """What the Hub says of the request, which is told; None where it is refused."""
        answer = verdict.ask(self._hub, self._request, name=self._name, script=self._arguments.dry_run)
        is_refused = verdict.code_of(answer) == REFUSED or (self._arguments.now and answer.get("verdict") != "now")
        if is_refused or not self._arguments.quiet:
            note(*verdict.in_words(answer))
        return None if is_refused else answer

    def _followed(self, servers: Servers, progress: Progress) -> int:
        """The exit code, once the session is ready, has failed, or has been waited for long enough."""
        deadline = None if self._arguments.wait is None else time.monotonic() + self._arguments.wait
        if self._arguments.background:
            return self._result(servers, READY, ready=False)
        if servers.model(self._name).get("ready"):
            return self._result(servers, READY)
        with suppress(HubTrouble):  # a start that is over by now has no progress: how it stands says the rest
            for event in servers.events(self._name):
                progress.say(str(event.get("message") or ""))
                if event.get("ready"):
                    return self._result(servers, READY)
                if event.get("failed"):
                    return self._failed(str(event.get("message") or ""))
                if deadline is not None and time.monotonic() > deadline:
                    return self._result(servers, WAITS, ready=False)
        if servers.model(self._name).get("ready"):
            return self._result(servers, READY)
        session = servers.session(self._name)
        return self._failed(str(session.get("sentence") or _("The session is over.")), ENDED)

    def _failed(self, sentence: str, code: int = FAILED) -> int:
        if self._arguments.json:
            print_json({"exit": code, "sentence": sentence})
        return told("launch", sentence.strip() or _("The session could not start."), code)

    def _result(self, servers: Servers, code: int, *, ready: bool = True) -> int:
        model, session = servers.model(self._name), servers.session(self._name)
        address = servers.address({**model, "url": model.get("url") or f"/user/{servers.user}/{self._name}"})
        if ready and self._arguments.with_token:
            address = address_with_token(servers, self._name, address) or address
            if "?token=" not in address:
                note(_("Sessions of this site take no token in their address. Log in at the Hub in your browser."))
        if self._arguments.json:
            more = {name: session.get(name) for name in ("state", "job_id", "node", "sentence", "request", "ends", "estimate")}
            print_json({"exit": code, "name": self._name, "url": address, **more})
        elif ready:
            # Scripts look for it: the same in each language.
            say(f"You may access your Jupyter notebook at: {address}")
        else:
            note(session.get("sentence"))
            say(_("It will be at: {address}").format(address=address))
        return code

    def _interrupted(self, servers: Servers) -> int:
        """Ask whether to leave the session or to cancel it; where nobody can be asked it is left."""
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if sys.stdin.isatty() and sys.stderr.isatty():
            question = _("Leave it running, or cancel it? [l/c]")
            sys.stderr.write(f"\n{question} ")
            sys.stderr.flush()
            # Translators: the answers of a person who cancels, with a blank between: "a annulla"
            if sys.stdin.readline().strip().lower() in (*CANCEL, *_("c cancel").split()):
                servers.stop(self._name)
                note(_("The session is cancelled."))
                return INTERRUPTED
        note(_("The session goes on. To stop it: resource-form stop, or the Hub's own page."))
        return INTERRUPTED
