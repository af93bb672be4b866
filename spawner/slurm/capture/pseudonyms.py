"""Another word of the same shape: capitals, digits, signs and length stay, for mistakes hang on these. Pure."""

from __future__ import annotations

from collections.abc import Iterator

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_OTHER_LETTERS = "àáâãäåæçèéêëìíîïðñòóôõöøùú"
_DIGITS = "1234567890"
_OTHER_SIGN = "§"


def fold(text: str) -> str:
    """Return ``text`` in lower case, with as many characters as it has: the few letters that would become two stay."""
    if text.isascii():
        return text.lower()
    return "".join(lower if len(lower := letter.lower()) == 1 else letter for letter in text)


def like(shape: str, text: str) -> str:
    """Return ``text`` with capitals where ``shape`` has them; what is longer than the shape stays in lower case."""
    return (
        "".join(letter.upper() if letter_of.isupper() else letter for letter_of, letter in zip(shape, text, strict=False))
        + text[len(shape) :]
    )


def outline(text: str) -> str:
    """Return what is left of a text of which nothing may be read: ``x`` and ``X`` for letters, ``0`` for digits, signs as they are."""
    return "".join(_outlined(letter) for letter in text)


def _outlined(letter: str) -> str:
    if letter.isalpha():
        x = "x" if letter.isascii() else "é"
        return x.upper() if letter.isupper() else x
    if letter.isdecimal():
        return "0"
    return letter if letter.isascii() else _OTHER_SIGN


def candidates(folded: str) -> Iterator[str]:
    """Return words of the same shape as one in lower case, no two alike: ``abcde.fghi-j``, ``bbcde.fghi-j``, …

    Those that the shape allows come first, then longer ones. A shape of signs alone gets letters as well.
    """
    shape = folded
    while True:
        wheels = [_wheel(letter) for letter in shape]
        number = 1
        for wheel in wheels:
            number *= len(wheel)
        # A name without a letter or a digit stands for itself only: it needs another one.
        yield from (_turned(wheels, turn) for turn in range(number if any(len(wheel) > 1 for wheel in wheels) else 0))
        shape += "x"


def _wheel(letter: str) -> str:
    if letter.isalpha():
        return _LETTERS if letter.isascii() else _OTHER_LETTERS
    if letter.isdecimal():
        return _DIGITS
    return letter if letter.isascii() else _OTHER_SIGN


def _turned(wheels: list[str], turn: int) -> str:
    """The letters one after the other as in the alphabet, each turned on by its digit of the number ``turn``."""
    text, seen = [], {_LETTERS: 0, _OTHER_LETTERS: 0, _DIGITS: 0}
    for wheel in wheels:
        if len(wheel) == 1:
            text.append(wheel)
            continue
        turn, on = divmod(turn, len(wheel))
        text.append(wheel[(seen[wheel] + on) % len(wheel)])
        seen[wheel] += 1
    return "".join(text)
