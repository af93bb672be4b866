"""``resource-form launch``: a session from a terminal, as the form starts one, by the same rules: it asks the Hub, and never Slurm."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from .answering import told, words_of
from .hub_client import Hub, HubTrouble, WrongCall, plain
from .launch_options import add_request_options, given_request
from .progress import Progress
from .request import request_in
from .servers import Servers
from .which_hub import add_hub_arguments, hub_of

READY, FAILED, WRONG, WAITS, REFUSED, UNREACHABLE, ENDED, INTERRUPTED = 0, 1, 2, 3, 4, 5, 6, 130
"""The exit codes; they do not change."""

EPILOG = f"""\
Values that are not given come from the environment (RESOURCE_FORM_LAUNCH_CORES and so on), from [launch] in
~/.config/resource-form/config.ini, from the saved request or the preset, or are the form's own.

exit status: {READY} the session is ready; {FAILED} it could not start; {WRONG} wrong usage, and nothing was asked of the Hub; {WAITS} it
still waits (--wait); {REFUSED} the request is refused; {UNREACHABLE} the Hub cannot be reached; {ENDED} it has ended; {INTERRUPTED}
interrupted."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EPILOG
    add_request_options(parser)
    parser.add_argument("-N", "--name", default="", metavar="NAME", help="start it under this name; if it runs, it is taken up again")
    parser.add_argument("-b", "--background", action="store_true", help="return as soon as the job is submitted")
    parser.add_argument("-d", "--dry-run", action="store_true", help="print the job script, and start nothing")
    parser.add_argument("-w", "--wait", type=_seconds, metavar="SECONDS", help="wait so long at most, and leave it in the queue then")
    parser.add_argument("--now", action="store_true", help="start it only if it starts now")
    parser.add_argument("--json", action="store_true", help="print what has become of it as one JSON object")
    parser.add_argument("--quiet", action="store_true", help="tell nothing on the way")
    add_hub_arguments(parser)


def _seconds(text: str) -> float:
    if not text.isascii() or not text.isdigit() or len(text) > 7:
        raise argparse.ArgumentTypeError("a whole number of seconds is needed")
    return float(text)


def run(arguments: argparse.Namespace) -> int:
    """Start a session; return the exit status of the process."""
    # Whoever has started it in the background may have had Ctrl-C ignored, and kill -INT with it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        given = given_request(arguments)
        return _Launch(arguments, hub_of(arguments)).run(given)
    except WrongCall as error:
        return _told(WRONG, error)
    except HubTrouble as error:
        return told("launch", *words_of(error))


def _told(code: int, error: Exception) -> int:
    said = error.said if isinstance(error, HubTrouble) and code == REFUSED else str(error)
    sys.stderr.write(f"resource-form launch: {said}\n")
    return code


class _Launch:
    """One call of the command."""

    def __init__(self, arguments: argparse.Namespace, hub: Hub) -> None:
        self._arguments = arguments
        self._hub = hub
        self._name: str = arguments.name
        self._request: dict[str, Any] = {}

    def run(self, given: Mapping[str, Any]) -> int:
        """Start or take up the session."""
        saved = request_in(self._hub, self._arguments.file) if self._arguments.file else {}
        self._request = _merged(saved, given)
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
                    progress.say(f"{self._name or 'The default session'} is there already, and taken up.")
                else:
                    servers.start(self._name, self._request)
                return self._followed(servers, progress)
            except KeyboardInterrupt:
                progress.pause()
                return self._interrupted(servers)

    def _judged(self) -> dict[str, Any] | None:
        """What the Hub says of the request; None where it is refused, which is told."""
        user = f"server={quote(self._name, safe='')}&" if self._name else ""
        script = "1" if self._arguments.dry_run else "0"
        answer = self._hub.read("POST", f"resource-form/check?{user}script={script}&when=1", self._request)
        errors = list((answer.get("errors") or {}).values())
        verdict = str(answer.get("verdict"))
        if errors or verdict == "never" or (self._arguments.now and verdict != "now"):
            self._tell(errors or [answer.get("sentence"), *_instead(answer)])
            return None
        if not self._arguments.quiet:
            estimate = answer.get("estimate_sentence") if verdict == "wait" else ""
            self._tell([answer.get("words"), answer.get("sentence"), estimate, *(_instead(answer) if verdict == "wait" else ())])
        return answer

    def _tell(self, lines: list[Any]) -> None:
        for line in lines:
            if line:
                sys.stderr.write(f"{plain(str(line))}\n")

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
        return self._failed(str(session.get("sentence") or "The session is over."), ENDED)

    def _failed(self, sentence: str, code: int = FAILED) -> int:
        if self._arguments.json:
            self._print({"exit": code, "sentence": sentence})
        return _told(code, WrongCall(plain(sentence).strip() or "The session could not start."))

    def _result(self, servers: Servers, code: int, *, ready: bool = True) -> int:
        model, session = servers.model(self._name), servers.session(self._name)
        address = servers.address({**model, "url": model.get("url") or f"/user/{servers.user}/{self._name}"})
        if self._arguments.json:
            told = {name: session.get(name) for name in ("state", "job_id", "node", "sentence", "request", "ends", "estimate")}
            self._print({"exit": code, "name": self._name, "url": address, **told})
        elif ready:
            sys.stdout.write(f"You may access your Jupyter notebook at: {address}\n")
        else:
            self._tell([session.get("sentence")])
            sys.stdout.write(f"It will be at: {address}\n")
        return code

    def _print(self, answer: Mapping[str, Any]) -> None:
        sys.stdout.write(json.dumps(answer, ensure_ascii=False) + "\n")

    def _interrupted(self, servers: Servers) -> int:
        """Ask whether to leave the session or to cancel it; where nobody can be asked it is left."""
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if sys.stdin.isatty() and sys.stderr.isatty():
            sys.stderr.write("\nLeave it running, or cancel it? [l/c] ")
            sys.stderr.flush()
            if sys.stdin.readline().strip().lower() in ("c", "cancel"):
                servers.stop(self._name)
                sys.stderr.write("The session is cancelled.\n")
                return INTERRUPTED
        sys.stderr.write("The session goes on. To stop it: resource-form stop, or the Hub's own page.\n")
        return INTERRUPTED


def _merged(saved: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The saved request with what is given in place of its own; of the variables each by itself."""
    variables = {**_variables(saved), **_variables(given)}
    return {**saved, **given, **({"environment": variables} if variables else {})}


def _variables(request: Mapping[str, Any]) -> dict[str, str]:
    found = request.get("environment")
    return dict(found) if isinstance(found, Mapping) else {}


def _instead(answer: Mapping[str, Any]) -> list[str]:
    return [f"  {entry.get('sentence')}" for entry in answer.get("alternatives") or ()]
