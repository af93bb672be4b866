"""``resource-form gpu-token``: the tokens with which nodes report, made where the service's token is. Standard library only."""

from __future__ import annotations

import argparse
import os
import sys

from ..gpu.agent.client import WrongSettings, read_token
from ..gpu.agent.tokens import node_of, node_token
from ..slurm.grammar import expand_hostlist

SHORTEST = 32


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument(
        "--token-file",
        metavar="FILE",
        default=os.environ.get("RESOURCE_FORM_GPU_SERVICE_TOKEN_FILE", ""),
        help="holds the service's token, the one that the Hub's configuration names (default: $RESOURCE_FORM_GPU_SERVICE_TOKEN_FILE)",
    )
    parser.add_argument(
        "--directory", metavar="DIR", default="", help="write each token to a file DIR/NODE that only you can read, instead of printing it"
    )
    parser.add_argument("nodes", metavar="NODE", nargs="+", help="a node, or several as Slurm writes them: g[001-004]")


def run(arguments: argparse.Namespace) -> int:
    """Print a line ``NODE TOKEN`` for each node, the token alone if there is one node; or write a file for each."""
    if not arguments.token_file:
        return _refuse("Name the file with the service's token: --token-file FILE", 2)
    try:
        nodes = [node for text in arguments.nodes for node in expand_hostlist(text)]
    except ValueError as error:
        return _refuse(str(error), 2)
    try:
        service_token = read_token(arguments.token_file)
    except WrongSettings as error:
        return _refuse(str(error), 1)
    if len(service_token) < SHORTEST:
        return _refuse(
            f"The service's token is too short: whoever guesses it reports for all nodes. Take {SHORTEST} characters or more.", 1
        )
    tokens = {node: node_token(service_token, node) for node in nodes}
    if not tokens or any(node_of(token) != node for node, token in tokens.items()):
        return _refuse("Name the nodes as Slurm does.", 2)
    if arguments.directory:
        return _write(arguments.directory, tokens)
    for node, token in tokens.items():
        sys.stdout.write(f"{token}\n" if len(tokens) == 1 else f"{node} {token}\n")
    return 0


def _write(directory: str, tokens: dict[str, str]) -> int:
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)  # noqa: PTH103
        for node, token in tokens.items():
            # A new file each time: whoever has the old one open, or may read it, gets nothing of this one.
            new = f"{directory}/.{node}.{os.getpid()}"
            with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w") as file:  # noqa: PTH123
                file.write(f"{token}\n")
            os.replace(new, f"{directory}/{node}")  # noqa: PTH105
    except OSError as error:
        return _refuse(f"The tokens cannot be written to {directory}: {error.strerror}.", 1)
    sys.stdout.write(f"{len(tokens)} tokens in {directory}\n")
    return 0


def _refuse(sentence: str, status: int) -> int:
    sys.stderr.write(f"resource-form gpu-token: {sentence}\n")
    return status
