"""Free ports of this machine that two clusters, started at the same moment, do not both choose."""

from __future__ import annotations

import random
import socket

from private_slurm.errors import PrivateSlurmError

_LOWEST, _HIGHEST = 20000, 32000  # below the range from which the kernel takes ports for outgoing connections


class PortReservations:
    """Ports that are ours until `release`, or until this process ends.

    The reservation is an abstract Unix socket named after the port: the kernel lets one process have it, and takes it back.
    """

    def __init__(self) -> None:
        self._held: dict[int, socket.socket] = {}

    def take(self, port: int) -> bool:
        """Reserve this very port; False if somebody listens on it or has reserved it."""
        if port in self._held or not _is_free(port):
            return False
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            claim.bind(f"\0private-slurm-port-{port}")
        except OSError:
            claim.close()
            return False
        self._held[port] = claim
        return True

    def take_any(self) -> int:
        """Reserve a free port."""
        for port in random.sample(range(_LOWEST, _HIGHEST), 500):
            if self.take(port):
                return port
        raise PrivateSlurmError("No free port was found.")

    def take_from(self, first: int) -> int:
        """Reserve the first free port from `first` on."""
        for port in range(first, first + 500):
            if self.take(port):
                return port
        raise PrivateSlurmError(f"No port from {first} to {first + 499} is free.")

    def release(self) -> None:
        """Give all ports back."""
        for claim in self._held.values():
            claim.close()
        self._held.clear()


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True
