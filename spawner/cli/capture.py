"""``resource-form capture``: what Slurm answers here, without names, in one file for a report of a bug. Standard library only."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time

from .._version import __version__
from ..slurm.capture.document import Answer, Capture, ask, capture_of
from ..slurm.runner import SlurmRunner


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("--output", metavar="FILE", default="", help="write it to a new file that only you can read (default: print it)")
    parser.add_argument("--keep", action="append", default=[], metavar="NAME", help="leave this name as it is; may be given several times")
    parser.add_argument("--slurm-conf", metavar="FILE", default="", help="slurm.conf (default: $SLURM_CONF, else Slurm's own default)")
    parser.add_argument("--bin-dir", metavar="DIR", default="", help="folder of Slurm's commands (default: searched on the PATH)")


def run(arguments: argparse.Namespace) -> int:
    """Ask Slurm, say what is replaced and what stays, and write the file; nothing is sent to anybody."""
    runner = SlurmRunner(slurm_conf=arguments.slurm_conf, bin_dir=arguments.bin_dir)
    now = time.time()
    answers = asyncio.run(ask(runner))
    capture = capture_of(answers, now=now, product=__version__, keep=arguments.keep)
    sys.stderr.write(_said(answers, capture))
    text = json.dumps(capture.document, indent=1) + "\n"
    if not arguments.output:
        sys.stdout.write(text)
        return 0
    try:
        with open(os.open(arguments.output, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w") as file:  # noqa: PTH123
            file.write(text)
    except OSError as error:
        sys.stderr.write(f"resource-form capture: {arguments.output} cannot be written: {error.strerror}.\n")
        return 1
    return 0


def _said(answers: dict[str, Answer], capture: Capture) -> str:
    failed = [name for name, answer in answers.items() if answer.result is None or not answer.result.ok]
    lines = [f"Asked Slurm {len(answers)} questions" + (f"; without an answer: {', '.join(failed)}." if failed else ".")]
    counts = ", ".join(f"{kind} {number}" for kind, number in capture.replaced.items())
    lines.append(f"Replaced, how many of each: {counts or 'nothing'}. Left out: {capture.left_out} lines of Slurm's configuration.")
    lines += [f"Stay as they are, {what}: {', '.join(found)}." for what, found in capture.stays.items()]
    if capture.document["kept"]:
        lines.append(f"Stay because of --keep: {', '.join(capture.document['kept'])}.")
    if capture.still_read:
        lines.append(
            f"Names of yours that are words of another meaning too, and still stand there as these: {', '.join(capture.still_read)}."
        )
    lines.append("Nothing is sent to anybody. Look into the file before you attach it to a report.")
    return "".join(f"{line}\n" for line in lines)
