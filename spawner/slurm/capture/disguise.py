"""Other words for everything that names people and places, the same ones in all answers. Pure.

The answers are gone through twice: first to learn every name, then to write. So a new word never holds a name of the site, and a name that
one answer gives away is hidden in every other, in its texts and error messages too.
"""

from __future__ import annotations

import ipaddress
import itertools
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator

from ..grammar import expand_hostlist
from ..values import is_address
from . import words
from .pseudonyms import candidates, fold, like, outline

SHORTEST_PART = 4
"""From so many characters on a name is hidden as a part of other words as well; a shorter one only where it stands alone."""

_RUN = re.compile(r"[^\W\d_]+")
_PLAIN = re.compile(r"[\w.,:;+*~#!%$@^/()\[\]{}<>=|&'\" -]*", re.ASCII)
_MOMENT = re.compile(r"[0-9]{9,11}", re.ASCII)
_PIECE = re.compile(r"[^\W_]+", re.ASCII)
_AMOUNT = re.compile(r"[0-9.]+[A-Za-z]?", re.ASCII)


class Disguise:
    """The names of one site, and what stands for each of them.

    Parameters
    ----------
    now
        Seconds since the epoch: moments are told from here.
    keep
        Names that stay as they are.
    """

    def __init__(self, now: float, keep: Collection[str] = ()) -> None:
        self.now = int(now)
        self.is_learning = True
        self.replaced: Counter[str] = Counter()
        """How many different names of each kind were replaced, and how many texts."""
        self.stays: dict[str, set[str]] = {}
        """The words that stay though a site has chosen them, by what they are."""
        self._keep = frozenset(fold(name) for name in keep)
        self._names: dict[str, str] = {}
        """By name, in lower case, its first kind."""
        self._hosts: dict[str, None] = {}
        self._addresses: dict[str, str] = {}
        self._address_numbers = itertools.count(1)
        self._shapes: dict[str, Iterator[str]] = {}
        """By shape the words that no name of this shape has been given or refused."""
        self._numbers: dict[str, dict[int, int]] = {}
        self._types: set[str] = set()
        self._words: dict[str, str] = {}
        self._runs: dict[str, str] = {}
        self._given: set[str] = set()
        self._counted: set[tuple[str, str]] = set()

    # --- what is learnt -----------------------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """End the learning: from now on everything is replaced."""
        self.is_learning = False
        self._host_runs = {run for host in self._hosts for run in _RUN.findall(host)}
        self._long = {name for name in (*self._names, *self._hosts) if len(name) >= SHORTEST_PART and name not in self._keep}
        self._personal = {name for name in self._long if self._names.get(name) not in ("partition", "QOS")}
        self._lengths = sorted({len(name) for name in self._long})
        self._single = {run for name in (*self._names, *self._hosts) for run in _PIECE.findall(name)}
        for number, ids in self._numbers.items():
            first = 1 if number == "job" else 60001
            others = (other for other in range(first, first + 2 * len(ids) + 1) if number == "job" or other not in ids)
            self._numbers[number] = dict(zip(sorted(ids), others, strict=False))
        for name in self._keep & self._names.keys():
            self._words[name] = name
        for host in self._keep & self._hosts.keys():
            self._runs.update({run: run for run in _RUN.findall(host)})
        # The longest first: a short word has few others of its shape, and those that are left must do.
        for run in sorted(self._host_runs - self._runs.keys(), key=len):
            self._runs[run] = self._new(run, lambda word: word in self._host_runs or word in self._single)

    @property
    def still_read(self) -> tuple[str, ...]:
        """The site's names that are also words which stay, as a GPU's type: they can be read, but not as the site's."""
        known = {fold(word) for stays in self.stays.values() for word in stays} | words.COMMON_RESOURCES
        return tuple(sorted((self._names.keys() | self._hosts.keys()) & known - self._keep))

    # --- names --------------------------------------------------------------------------------------------------------------------

    def name(self, text: str, kind: str) -> str:
        """Return what stands for a name. ``user(1001)`` is a name and a number."""
        if text in words.RESERVED:
            return text
        if text.startswith(("-", "+")) and len(text) > 1:
            return text[0] + self.name(text[1:], kind)
        if text.endswith(")") and "(" in text and text[text.rindex("(") + 1 : -1].isdecimal():
            at = text.rindex("(")
            return f"{self.name(text[:at], kind)}({self.number(text[at + 1 : -1], 'user id')})"
        folded = fold(text)
        if self.is_learning:
            self._names.setdefault(folded, kind)
            return text
        self._count(folded, self._names.get(folded, kind))
        if folded not in self._words:
            self._words[folded] = self._new(folded)
        return like(text, self._words[folded])

    def names(self, text: str, kind: str) -> str:
        """Return a list with commas of what stands for each name."""
        return text if text in words.RESERVED else ",".join(self.name(name, kind) for name in text.split(","))

    def _new(self, folded: str, is_taken: Callable[[str], bool] | None = None) -> str:
        def refused(word: str) -> bool:
            return (
                word in self._given
                or word in self._names
                or word in self._hosts
                or (is_taken is not None and is_taken(word))
                or words.is_own_word(word)
                or word in words.COMMON_RESOURCES
                or word in {fold(reserved) for reserved in words.RESERVED}
                or self._holds_name(word, self._long)
            )

        shape = outline(folded)
        word = next(word for word in self._shapes.setdefault(shape, candidates(folded)) if not refused(word))
        self._given.add(word)
        return word

    def _count(self, what: str, kind: str) -> None:
        if (what, kind) not in self._counted and what not in self._keep:
            self._counted.add((what, kind))
            self.replaced[kind] += 1

    def _holds_name(self, word: str, names: Collection[str]) -> bool:
        return any(
            word[start : start + length] in names
            for length in self._lengths
            if length <= len(word)
            for start in range(len(word) - length + 1)
        )

    def _tells(self, text: str, names: Collection[str], spared: Collection[str] = ()) -> bool:
        """Whether a word that would stay holds a name of the site."""
        folded = fold(text)
        if folded in self._keep or folded in spared or _AMOUNT.fullmatch(text):
            return False
        known = names if names is self._long else self._personal
        short = {piece for piece in _PIECE.findall(folded) if len(piece) < SHORTEST_PART and piece not in spared}
        return (
            folded in known
            or self._holds_name(folded, known)
            or any(piece in self._names or piece in self._hosts for piece in short - self._keep - words.COMMON_RESOURCES)
        )

    # --- hosts and addresses ------------------------------------------------------------------------------------------------------

    def hosts(self, text: str) -> str:
        """Return a host list with other letters: its numbers and ranges stay."""
        if text in words.RESERVED:
            return text
        if is_address(text):
            return self._address(text)
        folded = fold(text)
        if self.is_learning:
            try:
                self._hosts.update(dict.fromkeys(expand_hostlist(folded)))
            except ValueError:
                self._hosts[folded] = None
            return text
        self._count(folded, "host list" if "[" in text or "," in text else "host")
        return _RUN.sub(lambda match: like(match[0], self._run(fold(match[0]))), text)

    def _run(self, folded: str) -> str:
        if folded not in self._runs:
            self._runs[folded] = self._new(folded, lambda word: word in self._host_runs)
        return self._runs[folded]

    def _address(self, text: str) -> str:
        if self.is_learning:
            self._addresses.setdefault(text, "")
            return text
        self._count(text, "address")
        if not self._addresses.get(text):
            # Ranges that are nobody's (RFC 2544, RFC 3849).
            range_of = "2001:db8::" if ":" in text else "198.18.0.0"
            start = int(ipaddress.ip_address(range_of))
            new = (str(ipaddress.ip_address(start + number)) for number in self._address_numbers)
            self._addresses[text] = next(address for address in new if address not in self._addresses)
        return self._addresses[text]

    # --- numbers and moments ------------------------------------------------------------------------------------------------------

    def number(self, text: str, what: str) -> str:
        """Return another number for an id: 0 is root's and stays."""
        if not text.isdecimal() or int(text) == 0:
            return text if text == "0" else outline(text)
        if self.is_learning:
            self._numbers.setdefault(what, {})[int(text)] = 0
            return text
        self._count(text, what)
        return str(self._numbers.get(what, {}).get(int(text), 0))

    def moment(self, text: str, *, step: int = 1) -> str:
        """Return ``{-90}`` for ninety seconds ago; ``step`` 60 rounds away from now to whole minutes. Slurm's words for none stay."""
        if not _MOMENT.fullmatch(text):
            return text if text in words.RESERVED or text == "0" else outline(text)
        distance = int(text) - self.now
        steps = -(-abs(distance) // step) * step
        return f"{{{'-' if distance <= 0 else '+'}{steps}}}"

    # --- what stays ---------------------------------------------------------------------------------------------------------------

    def plain(self, text: str) -> str:
        """Return a value of which Slurm itself is the author: numbers, states, flags. What looks like anything else becomes a text."""
        if _PLAIN.fullmatch(text) and "@" not in text[1:] and not re.search(r"(?:^|[ =:,])/", text):
            return text
        return self.text(text)

    def type_of_gres(self, text: str) -> str:
        """Return the type of a GPU as it is, unless it holds a person's, an account's or a host's name."""
        folded = fold(text)
        if self.is_learning:
            self._types.add(folded)
            return text
        return (
            self._stay(text, "types of GRES") if not self._tells(text, self._personal, words.COMMON_RESOURCES) else self.name(text, "word")
        )

    def word(self, text: str, what: str) -> str:
        """Return a word that an admin has chosen, as a node's feature, as it is, unless it holds any name of the site."""
        if self.is_learning or text in words.RESERVED:
            return text
        spared = words.COMMON_RESOURCES | self._types
        return self._stay(text, what) if not self._tells(text, self._long, spared) else self.name(text, "word")

    def _stay(self, text: str, what: str) -> str:
        if _PLAIN.fullmatch(text) and not re.search(r"[/@=|]", text):
            self.stays.setdefault(what, set()).add(text)
            return text
        return self.text(text)

    # --- texts --------------------------------------------------------------------------------------------------------------------

    def text(self, text: str) -> str:
        """Return a text of which only the outline stays, with Slurm's own sentences and words, and with what stands for known names."""
        if self.is_learning or text in words.RESERVED:
            return text
        new = "".join(part if is_own else self._outlined(part) for is_own, part in words.parts(text))
        if new != text:
            self._count(text, "text")
        return new

    def _outlined(self, text: str) -> str:
        return _TOKEN.sub(self._token, text)

    def _token(self, match: re.Match[str]) -> str:
        token = match[0]
        if match["path"] or match["mail"]:
            return outline(token)
        if match["hosts"] and all(fold(host) in self._hosts for host in _expanded(token)):
            return self.hosts(token)
        if is_address(token):
            return self._address(token)
        bare = token.rstrip(".-+")
        tail = token[len(bare) :]
        folded = fold(bare)
        if folded in self._names:
            return self.name(bare, self._names[folded]) + tail
        if folded in self._hosts:
            return self.hosts(bare) + tail
        if words.is_own_word(bare, is_key=match.string[match.end() : match.end() + 1] == "="):
            return token
        return outline(token)


_TOKEN = re.compile(
    r"(?P<path>(?<![\w.])~?(?:/[^\s,;:'\"()\[\]|=]+)+)"
    r"|(?P<mail>[^\s()\[\]<>{},;:'\"|=]+@[^\s()\[\]<>{},;:'\"|=]+)"
    r"|(?P<hosts>\w[\w.-]*(?:\[[0-9,-]+\][\w.-]*)+)"
    r"|(?P<word>(?:\w|[^\x00-\x7f])(?:[\w.+-]|[^\x00-\x7f])*)"
)


def _expanded(text: str) -> Iterator[str]:
    try:
        yield from expand_hostlist(text)
    except ValueError:
        yield ""
