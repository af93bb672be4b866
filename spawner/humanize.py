"""Amounts as a person reads them, where the exact figure would be in the way."""

from __future__ import annotations

import datetime
import html
import re
from collections.abc import Callable, Sequence

from .i18n import N_, _, decimal, ngettext
from .units import format_memory

# Translators: the days of the week, Monday first, with a blank between, as in the heading "Thursday 26 November"
WEEKDAYS = N_("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
# Translators: the months with a blank between, as in the heading "Thursday 26 November"
MONTHS = N_("January February March April May June July August September October November December")
# Translators: the days of the week in short, Monday first, with a blank between, as in "14:00 on Sat 28 Nov"
SHORT_WEEKDAYS = N_("Mon Tue Wed Thu Fri Sat Sun")
# Translators: the months in short, with a blank between, as in "14:00 on Sat 28 Nov"
SHORT_MONTHS = N_("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec")
# Translators: a moment of another day: "14:00 on Sat 28 Nov". It stands after "at", "until", "since" and "about"
ANOTHER_DAY = N_("{time} on {weekday} {day} {month}")
# Translators: a moment of another year: "14:00 on Sat 28 Nov 2026"
ANOTHER_YEAR = N_("{time} on {weekday} {day} {month} {year}")


def iso_time(moment: float) -> str:
    """Return a moment, in seconds since the epoch, as programs and the scripts of pages read it: ISO 8601 in UTC, to the second."""
    return datetime.datetime.fromtimestamp(int(moment), tz=datetime.timezone.utc).isoformat().replace("+00:00", "Z")


class Dated(str):
    """A sentence with moments in it, in the Hub's own time zone, and the same as HTML.

    There each moment is a ``<time>``, which the script of the page writes anew in the user's zone (``static/common/times.js``). It is text
    to all but what asks for HTML, as a template does; so it has no place in an attribute. What is made of it with ``str.format`` or
    ``join`` is text only: :func:`dated` puts it into another sentence.
    """

    __slots__ = ("_html",)
    _html: str

    def __new__(cls, words: str, as_html: str = "") -> Dated:  # copies are made without what is in the slot
        """Make one of its words and of the same as HTML, escaped."""
        made = super().__new__(cls, words)
        made._html = as_html
        return made

    def __html__(self) -> str:
        """Return it as HTML, for Jinja and MarkupSafe."""
        return self._html


def dated(sentence: str, /, **values: object) -> Dated:
    """Return the sentence with its values filled in, of which some are moments (:func:`day_and_time`) or have some in them."""
    in_html = {name: value.__html__() if isinstance(value, Dated) else html.escape(str(value)) for name, value in values.items()}
    return Dated(sentence.format(**values), html.escape(sentence).format(**in_html))


def moment_in_words(moment: float, now: float) -> Dated:
    """Return ``at 14:00``, as :func:`day_and_time`."""
    return dated(_("at {moment}"), moment=day_and_time(moment, now))


def day_and_time(moment: float, now: float, *, seconds: bool = False) -> Dated:
    """Return ``14:00``, on another day ``14:00 on Sat 28 Nov``, in another year with that, in the Hub's own time zone.

    Both are in seconds since the epoch. ``static/common/moments.js`` writes the same in the user's time zone, where it is shown as HTML.
    """
    words = _day_and_time(moment, now, seconds=seconds)
    return Dated(words, f'<time datetime="{iso_time(moment)}">{html.escape(words)}</time>')


def _day_and_time(moment: float, now: float, *, seconds: bool) -> str:
    then, today = (datetime.datetime.fromtimestamp(value).astimezone() for value in (moment, now))
    time = time_of_day(then, seconds=seconds)
    if then.date() == today.date():
        return time
    weekday, month = _one_of(SHORT_WEEKDAYS, then.weekday()), _one_of(SHORT_MONTHS, then.month - 1)
    sentence = _(ANOTHER_DAY) if then.year == today.year else _(ANOTHER_YEAR)
    return sentence.format(time=time, weekday=weekday, day=then.day, month=month, year=then.year)


def time_of_day(moment: datetime.datetime, *, seconds: bool = False) -> str:
    """Return ``14:00``, where the day stands beside it or is today's."""
    return moment.strftime("%H:%M:%S" if seconds else "%H:%M")


def day_in_words(day: datetime.date, today: datetime.date) -> str:
    """Return ``Today``, ``Yesterday``, ``Thursday 26 November``, with the year where it is another one."""
    if day == today:
        return _("Today")
    if day == today - datetime.timedelta(days=1):
        return _("Yesterday")
    weekday, month = _one_of(WEEKDAYS, day.weekday()), _one_of(MONTHS, day.month - 1)
    # Translators: a day: "Thursday 26 November"
    words = _("{weekday} {day} {month}").format(weekday=weekday, day=day.day, month=month)
    words = words[:1].upper() + words[1:]
    return words if day.year == today.year else f"{words} {day.year}"


def date_in_words(day: datetime.date) -> str:
    """Return ``1 April 2025``, within a sentence."""
    # Translators: a day within a sentence: "1 April 2025"
    return _("{day} {month} {year}").format(day=day.day, month=_one_of(MONTHS, day.month - 1), year=day.year)


def _one_of(names: str, index: int) -> str:
    """One of names with blanks between, translated; in English where a translation has another number of them."""
    english, translated = names.split(), _(names).split()
    return (translated if len(translated) == len(english) else english)[index]


def clock_texts(gettext: Callable[[str], str]) -> dict[str, str]:
    """Return what ``static/common/moments.js`` writes moments with, translated by ``gettext``."""
    return {
        "moment_weekdays": gettext(SHORT_WEEKDAYS),
        "moment_months": gettext(SHORT_MONTHS),
        "moment_day": gettext(ANOTHER_DAY),
        "moment_year": gettext(ANOTHER_YEAR),
    }


def moment_texts(gettext: Callable[[str], str]) -> dict[str, str]:
    """Return what ``static/common/moments.js`` writes moments and days with, translated by ``gettext``."""
    return {
        **clock_texts(gettext),
        "day_weekdays": gettext(WEEKDAYS),
        "day_months": gettext(MONTHS),
        "day": gettext(N_("{weekday} {day} {month}")),
        "today": gettext(N_("Today")),
        "yesterday": gettext(N_("Yesterday")),
    }


def joined(parts: Sequence[str]) -> str:
    """Return ``a, b and c``."""
    if len(parts) < 2:
        return "".join(parts)
    return _("{first} and {last}").format(first=", ".join(parts[:-1]), last=parts[-1])


def tenths(megabytes: int) -> str:
    """Write MB as GB with one digit behind the decimal sign: ``7.9``."""
    return decimal(megabytes / 1024, 1, grouped=False)


def cores_in_words(number: int) -> str:
    """Return ``1 core``, ``48 cores``."""
    return ngettext("{number} core", "{number} cores", number).format(number=number)


MIG_PROFILE = r"[0-9]+g\.[0-9]+gb"
"""The pattern of a profile of MIG, ``3g.20gb``, in small letters and without what may stand before and behind it."""

_SLICE = re.compile(rf"(?:(.+)[_-])?({MIG_PROFILE}(?:\+.+)?)", re.ASCII | re.IGNORECASE)
"""A type that is a slice of a card under MIG: by its profile, behind the card's name or alone."""

_SPOKEN_WITH_A_VOWEL = tuple("AEFHILMNORSX8")


def is_slice(gpu_type: str) -> bool:
    """Tell whether Slurm's type of a GPU is a slice of one under MIG."""
    return bool(_SLICE.fullmatch(gpu_type))


def gpu_type_in_words(gpu_type: str) -> str:
    """Return Slurm's type of a GPU in words: ``V100``, ``A100 slice 3g.20gb``, ``GPU slice 3g.20gb``; empty for none."""
    found = _SLICE.fullmatch(gpu_type)
    if found is None:
        return gpu_type.upper()
    # Translators: a part of a GPU that the hardware has split: "A100 slice 3g.20gb"
    return _("{card} slice {profile}").format(card=(found[1] or "GPU").upper(), profile=found[2].lower())


def gpus_in_words(count: int, gpu_type: str) -> str:
    """Return ``2 GPUs``, ``1 × V100``."""
    if gpu_type:
        return f"{count} × {gpu_type_in_words(gpu_type)}"
    return ngettext("{number} GPU", "{number} GPUs", count).format(number=count)


def share_of_gpu(gres: str, count: int, per_card: int) -> str:
    """Return how much of a card so many parts are: ``1/5``; of MPS ``10 %``."""
    return f"{decimal(100 * count / per_card, 1)} %" if gres == "mps" else f"{count}/{per_card}"


def part_of_gpu(gres: str, gpu_type: str, count: int, per_card: int | None) -> str:
    """Return a part of one GPU in words: ``1/5 of a V100``, ``10 % of a GPU``.

    ``1 V100 shard`` where nobody knows how many make a GPU.
    """
    card = gpu_type_in_words(gpu_type)
    if per_card is None and gres == "mps":
        return " ".join(part for part in (card, f"MPS {count}") if part)
    if per_card is None and card:
        return ngettext("{number} {type} shard", "{number} {type} shards", count).format(number=count, type=card)
    if per_card is None:
        return ngettext("{number} shard", "{number} shards", count).format(number=count)
    card = card or "GPU"
    # Translators: a part of one GPU: "1/5 of a V100"; the second is for names that English has "an" before: "1/5 of an A100"
    sentence = _("{part} of an {card}") if card.startswith(_SPOKEN_WITH_A_VOWEL) else _("{part} of a {card}")
    return sentence.format(part=share_of_gpu(gres, count, per_card), card=card)


def limit_of_memory(megabytes: int) -> str:
    """Return MB as a limit in words: exact where that is short, else GB rounded down to a tenth, so that what is said can be had.

    ``375300`` is ``366.5 GB``; ``1536`` is ``1.5 GB``; ``500`` is ``500 MB``.
    """
    exact = format_memory(megabytes)
    if megabytes < 10 * 1024 or exact.endswith("GB"):
        return exact
    return f"{decimal(megabytes * 10 // 1024 / 10, 1, grouped=False)} GB"


def duration(minutes: int) -> str:
    """Return minutes as everybody writes them: ``30 min``, ``8 h``, ``1 h 57 min``, ``2 days``, ``1 day 12 h``."""
    days, rest = divmod(minutes, 24 * 60)
    hours, rest = divmod(rest, 60)
    parts = [ngettext("{number} day", "{number} days", days).format(number=days)] if days else []
    parts += [_("{number} h").format(number=hours)] if hours else []
    parts += [_("{number} min").format(number=rest)] if rest or not parts else []
    return " ".join(parts)


def as_sentence(text: str) -> str:
    """Return what an admin has written as a sentence that can stand among ours: with a capital letter, and a full stop."""
    words = text.strip()
    return words and f"{words[0].upper()}{words[1:]}{'' if words[-1] in '.!?…' else '.'}"
