"""``resource-form gpu-report``: the reporter on a compute node. Standard library, and pynvml where there is one."""

from __future__ import annotations

import argparse
import os
import random
import sys

from ..gpu.agent.client import HubConnection, Outcome, WrongSettings, read_token
from ..gpu.agent.nvml import NvmlReader
from ..gpu.agent.reporter import READING_WORDS, Reporter, WakeUpEvent, lock, lock_path, say
from ..gpu.agent.schema import NodeReport, ReportRefused, as_json, parse_report

CREDENTIAL = "gpu-token"
"""The name of the token among systemd's credentials (LoadCredential)."""

BROKEN_STATUS = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument(
        "--hub-api-url",
        metavar="URL",
        default=os.environ.get("RESOURCE_FORM_HUB_API_URL", ""),
        help="the Hub's API, such as https://hub.example.org/hub/api (default: $RESOURCE_FORM_HUB_API_URL)",
    )
    parser.add_argument(
        "--token-file",
        metavar="FILE",
        default=_token_file(),
        help="holds the node's token, for its owner's eyes only (default: $RESOURCE_FORM_GPU_TOKEN_FILE, "
        f"or the credential {CREDENTIAL} that systemd hands over)",
    )
    parser.add_argument(
        "--node", metavar="NAME", default="", help="Slurm's name of this node (default: $SLURMD_NODENAME, or the short host name)"
    )
    parser.add_argument("--interval", metavar="SECONDS", type=_seconds, default=15.0, help="from one report to the next (default: 15)")
    parser.add_argument("--time-limit", metavar="SECONDS", type=_seconds, default=10.0, help="for one reading of all devices (default: 10)")
    parser.add_argument(
        "--ca-file", metavar="FILE", default="", help="certificates of the authority of an https Hub (default: the system's)"
    )
    parser.add_argument(
        "--lock-file", metavar="FILE", default="", help="keeps a second reporter of this node away (default: in /run, or /tmp)"
    )
    parser.add_argument("--once", action="store_true", help="report once, at once; status 0 if the Hub has taken it")
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--json", action="store_true", help="print reports, a line each, and send none")
    instead.add_argument(
        "--check",
        action="store_true",
        help=f"look once and send nothing: a line for each broken device and status {BROKEN_STATUS} if there is one",
    )


def run(arguments: argparse.Namespace) -> int:
    """Report once, or until ended; return the exit status of the process.

    0: ended as asked, or taken by the Hub; 1: not taken, or not possible; 2: a wrong call; 3: ``--check`` has found something broken.
    """
    node = arguments.node or os.environ.get("SLURMD_NODENAME") or os.uname().nodename.partition(".")[0]
    sends = not (arguments.json or arguments.check)
    wrong = _wrong_call(arguments, node, sends)
    if wrong:
        say(wrong)
        return 2
    wake_up, reader = WakeUpEvent(), NvmlReader()
    try:
        if sends:
            read_token(arguments.token_file)
            send = HubConnection(arguments.hub_api_url, arguments.token_file, authority_file=arguments.ca_file).send
            if not arguments.once:
                lock(arguments.lock_file or lock_path(node), node)
        else:
            send = _Printer(wake_up)
    except WrongSettings as error:
        say(str(error))
        return 1
    wake_up.take_signals()
    reporter = Reporter(
        node,
        lambda: reader.read(node),
        send,
        wake_up,
        interval=arguments.interval,
        reading_limit=arguments.time_limit,
        log=say if sends else _say_nothing,
        chance=random.random if sends else _at_once,
    )
    status = _work(arguments, node, sends, reporter)
    if reporter.hangs:
        # The end of the process would wait for what the driver's library has under way.
        sys.stdout.flush()
        os._exit(status)
    return status


def _work(arguments: argparse.Namespace, node: str, sends: bool, reporter: Reporter) -> int:
    if arguments.check:
        lines = broken(reporter.report())
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        return BROKEN_STATUS if lines else 0
    if arguments.once:
        return 1 if reporter.send(reporter.report()).failure else 0
    if sends:
        say(f"Reports for {node} every {arguments.interval:g} s.{_warning(arguments.hub_api_url)}")
    reporter.run()
    return 0


def broken(report: NodeReport) -> list[str]:
    """Return a line for each thing so broken that no job should come here; none where there is no device of NVIDIA's at all."""
    from ..gpu.devices import is_faulty

    if report.error in ("version_mismatch", "timeout", "failed"):
        return [READING_WORDS[report.error]]
    return [
        f"GPU {device.index}{f' ({device.uuid})' if device.uuid else ''}: {', '.join(device.faults)}"
        for device in report.devices
        if is_faulty(device)
    ]


class _Printer:
    """Takes reports as the Hub does, and prints them."""

    def __init__(self, wake_up: WakeUpEvent) -> None:
        self._wake_up = wake_up

    def __call__(self, report: str) -> Outcome:
        try:
            sys.stdout.write(report + "\n")
            sys.stdout.flush()
        except OSError:
            self._wake_up.end()
            return Outcome("Nobody reads what is printed.")
        return Outcome()


def _wrong_call(arguments: argparse.Namespace, node: str, sends: bool) -> str:
    try:
        parse_report(as_json(NodeReport(node, 0)))
    except ReportRefused:
        return "The node's name is none that Slurm has: give it with --node."
    if sends and not arguments.hub_api_url:
        return "Name the Hub's API: --hub-api-url https://hub.example.org/hub/api"
    if sends and not arguments.token_file:
        return "Name the file that holds the node's token: --token-file FILE"
    return ""


def _token_file() -> str:
    named = os.environ.get("RESOURCE_FORM_GPU_TOKEN_FILE", "")
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    return named or (f"{folder}/{CREDENTIAL}" if folder and os.path.exists(f"{folder}/{CREDENTIAL}") else "")  # noqa: PTH110 - as above


def _seconds(text: str) -> float:
    value = float(text)
    if not 1 <= value <= 3600:
        raise argparse.ArgumentTypeError("is between 1 and 3600 seconds")
    return value


def _say_nothing(line: str) -> None:
    """What is wrong stands in the report that is printed."""


def _at_once() -> float:
    return 0.0


def _warning(api_url: str) -> str:
    """Of a token that travels readably."""
    if api_url.startswith(("https:", "http://127.", "http://localhost", "http://[::1]")):
        return ""
    return " The address is not https: whoever can listen on the network can learn the token."
