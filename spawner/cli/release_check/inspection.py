"""What is looked at in a running server of a release: its kernels with their packages, JupyterLab's extensions, the lock file."""

from __future__ import annotations

import contextlib
import json
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from ..hub_client import Hub, HubTrouble
from .cells import Cell, CellFailed, run_cell
from .findings import Finding
from .probes import READS_FILES, TELLS_VERSIONS, Seen, cell, seen_in
from .versions import meets

Run = Callable[[Cell], str]


@dataclass
class Inspection:
    """Looks at one server. ``note`` gets each finding as it is made; ``seconds`` is how long a kernel may take to start and run a cell.

    ``kernels`` are those that have run, ``machine`` is what a kernel says of its node's architecture.
    """

    server: Hub
    note: Callable[[Finding], None]
    seconds: float
    run: Run = run_cell
    kernels: set[str] = field(default_factory=set)
    machine: str = ""
    _lock: Seen | None = None

    def __post_init__(self) -> None:
        # A kernel on a slow file system takes longer to start than a Hub to answer.
        self.server = replace(self.server, timeout=max(self.server.timeout, self.seconds))

    def look(self, release: Any, lock: str, lock_sha256: str) -> None:
        """Look at all that the release declares; ``lock`` is the file's path where the server runs, empty for none."""
        try:
            there = json.loads(self.server.get("api/kernelspecs"))["kernelspecs"]
        except HubTrouble as trouble:
            self._wrong(f"the server does not say which kernels it has ({_words(trouble)})")
            return
        for kernel in release.kernels:
            self._kernel(kernel, there, lock)
        if release.extensions:
            self._extensions(release.extensions)
        if lock:
            self._locked(there, lock, lock_sha256)

    def _kernel(self, kernel: Any, there: Mapping[str, Any], lock: str) -> None:
        if kernel.name not in there:
            self._wrong(f"kernel {kernel.name} is not there")
            return
        language, names = _language(there[kernel.name]), list(kernel.packages)
        try:
            seen = self._ask(kernel.name, language, names, lock)
        except (HubTrouble, CellFailed) as error:
            self._wrong(f"kernel {kernel.name} runs no cell ({_words(error)})")
            return
        self.kernels.add(kernel.name)
        told = []
        if names and language not in TELLS_VERSIONS:
            told.append(f"a kernel of {language or 'this language'} cannot be asked for versions: {', '.join(names)} not looked at")
        for number, (name, pinned) in enumerate(kernel.packages.items()):
            if language not in TELLS_VERSIONS:
                break
            found = seen.versions.get(number, "")
            if not found:
                self._wrong(f"kernel {kernel.name}: {name} is not there, {pinned} is declared")
            elif not meets(found, pinned):
                self._wrong(f"kernel {kernel.name}: {name} is {found}, and not {pinned}")
            else:
                told.append(f"{name} {found}")
        self.note(Finding(good=True, words=f"kernel {kernel.name} runs" + (f": {', '.join(told)}" if told else "")))

    def _extensions(self, declared: Mapping[str, str]) -> None:
        """By what JupyterLab itself lists; names are written in two ways (PEP 503)."""
        try:
            listed = [entry for page in self._pages() for entry in page]
        except (HubTrouble, ValueError) as trouble:
            self._wrong(f"JupyterLab does not say which extensions it has ({_words(trouble)})")
            return
        there = {_written(str(entry.get("name", ""))): entry for entry in listed if entry.get("installed") is not False}
        for name, pinned in declared.items():
            entry = there.get(_written(name))
            found = str(entry.get("installed_version") or "") if entry is not None else ""
            if entry is None:
                self._wrong(f"extension {name} is not installed, {pinned} is declared")
            elif not entry.get("enabled"):
                self._wrong(f"extension {name} is installed, and not enabled")
            elif not meets(found, pinned):
                self._wrong(f"extension {name} is {found or 'of no version'}, and not {pinned}")
            else:
                self.note(Finding(good=True, words=f"extension {name} {found} is enabled"))

    def _pages(self) -> Iterator[Sequence[Mapping[str, Any]]]:
        for page in range(1, 11):
            entries = json.loads(self.server.get(f"lab/api/extensions?per_page=100&page={page}"))
            yield entries
            if len(entries) < 100:
                return

    def _locked(self, there: Mapping[str, Any], lock: str, expected: str) -> None:
        """In a kernel that was asked already, else in any that can read a file."""
        reader = next((name for name, spec in there.items() if _language(spec) in READS_FILES), None)
        if self._lock is None and reader is not None:
            with contextlib.suppress(HubTrouble, CellFailed):
                self._ask(reader, _language(there[reader]), [], lock)
        if self._lock is None:
            self._wrong(f"the lock {lock} was not read: no kernel of {', '.join(sorted(READS_FILES))} runs")
        elif not self._lock.lock:
            self._wrong(f"the lock {lock} cannot be read: {self._lock.no_lock or 'its digest is not told'}")
        elif self._lock.lock != expected:
            self._wrong(f"the lock {lock} has changed: its SHA-256 is {self._lock.lock}, and not {expected}")
        else:
            self.note(Finding(good=True, words=f"the lock {lock} is what it was"))

    def _ask(self, name: str, language: str, names: Sequence[str], lock: str) -> Seen:
        """Start a kernel, run the cell of its language, and end it."""
        mark = f"m{secrets.token_hex(8)}"
        kernel = quote(str(json.loads(self.server.ask("POST", "api/kernels", {"name": name}))["id"]), safe="")
        try:
            address = f"{self.server.api_url.replace('http', 'ws', 1)}/api/kernels/{kernel}/channels"
            printed = self.run(Cell(address, self.server.token, cell(language, mark, names, lock), self.seconds))
        finally:
            with contextlib.suppress(HubTrouble):
                self.server.ask("DELETE", f"api/kernels/{kernel}")
        seen = seen_in(printed, mark)
        self.machine = self.machine or seen.machine
        if lock and (seen.lock or seen.no_lock):
            self._lock = seen
        return seen

    def _wrong(self, words: str) -> None:
        self.note(Finding(good=False, words=words))


def _language(spec: Mapping[str, Any]) -> str:
    return str((spec.get("spec") or {}).get("language") or "").lower()


def _words(error: Exception) -> str:
    if isinstance(error, HubTrouble) and error.status:
        return f"HTTP {error.status}{': ' + error.said if error.said else ''}"
    if isinstance(error, HubTrouble) and error.may_pass:
        return f"the server does not answer: {str(error).rpartition(': ')[2]}"
    return str(error) or type(error).__name__


def _written(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
