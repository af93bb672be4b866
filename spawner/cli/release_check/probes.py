"""The cells that are run in kernels: each prints what it sees of the node, of packages and of a file, a line each behind a mark."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

OTHER_NAMES: Mapping[str, str] = {
    "pytorch": "torch",
    "scikit_learn": "scikit-learn",
    "opencv": "opencv-python",
    "py-opencv": "opencv-python",
}
"""What conda calls a package, and what it calls itself in Python."""

_PYTHON = """
def _look(mark, names, lock, others):
    import glob, hashlib, importlib.metadata, json, os, platform, sys
    def version(name):
        if name.lower() == "python":
            return platform.python_version()
        for each in (name, others.get(name.lower(), name)):
            try:
                return importlib.metadata.version(each)
            except (importlib.metadata.PackageNotFoundError, ValueError):
                pass
        for path in glob.glob(os.path.join(glob.escape(sys.prefix), "conda-meta", glob.escape(name) + "-*.json")):
            with open(path, encoding="utf-8") as file:
                found = json.load(file)
            if found.get("name") == name:
                return found.get("version")
    print(mark, "machine", platform.machine())
    for number, name in enumerate(names):
        print(mark, "package", number, version(name) or "")
    if lock:
        try:
            with open(lock, "rb") as file:
                print(mark, "lock", hashlib.sha256(file.read()).hexdigest())
        except OSError as error:
            print(mark, "no-lock", error.strerror)
_look(*%s)
del _look
"""

_R = """
local({
  mark <- %(mark)s
  names <- c(%(names)s)
  lock <- %(lock)s
  say <- function(...) cat(paste(mark, ...), "\\n", sep = "")
  version <- function(name) {
    if (tolower(name) %%in%% c("r", "r-base")) return(paste(R.version$major, R.version$minor, sep = "."))
    tryCatch(as.character(utils::packageVersion(sub("^r-", "", name))), error = function(e) "")
  }
  say("machine", R.version$arch)
  for (number in seq_along(names)) say("package", number - 1, version(names[number]))
  if (nzchar(lock)) {
    if (file.access(lock, 4) == 0) say("lock", sub(" .*", "", system2("sha256sum", c("--", shQuote(lock)), stdout = TRUE)))
    else say("no-lock", "no such file, or not to be read")
  }
})
"""

_JULIA = """
import Pkg, SHA
let mark = %(mark)s, names = String[%(names)s], lock = %(lock)s
    versions = Dict(lowercase(one.name) => one.version for one in values(Pkg.dependencies()))
    println(mark, " machine ", Sys.ARCH)
    for (number, name) in enumerate(names)
        found = lowercase(name) == "julia" ? VERSION : get(versions, lowercase(name), nothing)
        println(mark, " package ", number - 1, " ", found === nothing ? "" : found)
    end
    if !isempty(lock)
        println(mark, isfile(lock) ? " lock " * bytes2hex(open(SHA.sha256, lock)) : " no-lock no such file")
    end
end
"""

_BASH = """
echo %(mark)s machine "$(uname -m)"
if [ -z %(lock)s ]; then :; elif [ -r %(lock)s ]; then echo %(mark)s lock "$(sha256sum < %(lock)s | cut -d" " -f1)"
else echo %(mark)s no-lock no such file, or not to be read; fi
"""

_PRINTS: Mapping[str, str] = {
    "c++": "#include <iostream>\nstd::cout << %s << std::endl;",
    "javascript": "console.log(%s)",
    "typescript": "console.log(%s)",
    "ruby": "puts %s",
    "scala": "println(%s)",
}
"""By language, a cell that prints a word; of any other language a sum is asked for, which nearly all can work out."""

SUM = "1 + 1"


def _python(mark: str, names: Sequence[str], lock: str) -> str:
    # The literals of Python are those of ASCII JSON, where there are neither booleans nor null.
    return _PYTHON % f"({json.dumps(mark)}, {json.dumps(list(names))}, {json.dumps(lock)}, {json.dumps(dict(OTHER_NAMES))})"


def _r(mark: str, names: Sequence[str], lock: str) -> str:
    return _R % {"mark": json.dumps(mark), "names": ", ".join(map(json.dumps, names)), "lock": json.dumps(lock)}


def _julia(mark: str, names: Sequence[str], lock: str) -> str:
    mark, lock, *written = (json.dumps(text).replace("$", "\\$") for text in (mark, lock, *names))
    return _JULIA % {"mark": mark, "names": ", ".join(written), "lock": lock}


def _bash(mark: str, _names: Sequence[str], lock: str) -> str:
    return _BASH % {"mark": mark, "lock": shlex.quote(lock)}


_CELLS: Mapping[str, Callable[[str, Sequence[str], str], str]] = {"python": _python, "r": _r, "julia": _julia, "bash": _bash}
READS_FILES = frozenset(_CELLS)
"""The languages whose cell says what the node is, and what a file holds."""
TELLS_VERSIONS = READS_FILES - {"bash"}
"""The languages whose kernels can be asked for the versions of packages."""


def cell(language: str, mark: str, names: Sequence[str] = (), lock: str = "") -> str:
    """Return the code of the cell that is run in a kernel of a language.

    Parameters
    ----------
    mark
        One word of letters and digits, in front of each line that is printed.
    names
        The packages whose versions are asked for.
    lock
        A file whose digest is asked for; empty for none.
    """
    make = _CELLS.get(language)
    if make is not None:
        return make(mark, names, lock)
    return _PRINTS[language] % json.dumps(mark) if language in _PRINTS else SUM


@dataclass(frozen=True)
class Seen:
    """What a cell has printed: the node's architecture, the versions in the order of the names, a file's SHA-256, or why there is none."""

    machine: str = ""
    versions: Mapping[int, str] = field(default_factory=dict)
    lock: str = ""
    no_lock: str = ""


def seen_in(printed: str, mark: str) -> Seen:
    """Read what a cell has printed; lines without the mark are somebody else's."""
    values: dict[str, str] = {}
    versions: dict[int, str] = {}
    for line in printed.splitlines():
        front, _blank, rest = line.partition(" ")
        if front != mark:
            continue
        key, _blank, value = rest.partition(" ")
        number, _blank, version = value.partition(" ")
        if key != "package":
            values[key] = value.strip()
        elif number.isdigit():
            versions[int(number)] = version.strip()
    return Seen(values.get("machine", ""), versions, values.get("lock", "").lower(), values.get("no-lock", ""))
