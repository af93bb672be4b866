"""What is typed in the field of GPUs: ``2``, ``v100:2``, ``a100_3g.20gb:1``, ``shard:1``."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from ..humanize import gpus_in_words, part_of_gpu
from ..i18n import N_, _
from ..slurm.names import may_be_a_name
from ..slurm.shared_gres import SHARED


@dataclass(frozen=True, slots=True)
class GpuRequest:
    """``count`` of one kind of GPU on one node, or of the parts that make one GPU. ``gres`` is Slurm's name: ``gpu``, ``shard``, ``mps``.

    ``per_card`` is how many such parts make one GPU, None where that is not known, and ``card`` the GPU's type where only one type is given
    out in parts: the request does not say it, the nodes do.
    """

    count: int = 0
    type: str = ""
    gres: str = "gpu"
    per_card: int | None = field(default=None, compare=False)
    card: str = field(default="", compare=False)

    @property
    def is_part(self) -> bool:
        """Whether this is a part of a GPU, not whole ones."""
        return bool(self.count) and self.gres in SHARED

    @property
    def whole(self) -> int:
        """How many whole GPUs these are: none for a part of one."""
        return 0 if self.is_part else self.count

    @property
    def amount(self) -> float:
        """How many GPUs these are, a part as the fraction that it is: a half where nobody knows."""
        if not self.is_part:
            return self.count
        return self.count / self.per_card if self.per_card else 0.5

    @property
    def option(self) -> str:
        """The value of ``sbatch --gres``, empty for no GPU."""
        if not self.count:
            return ""
        return ":".join(part for part in (self.gres, self.type, str(self.count)) if part)

    @property
    def value(self) -> str:
        """As in ``user_options``: ``0``, ``2``, ``v100:2``, ``shard:1``."""
        if not self.count:
            return "0"
        # A type that is called like a resource has to stand behind the resource's name to be read as a type.
        gres = self.gres if self.gres != "gpu" or self.type in _GRES else ""
        return ":".join(part for part in (gres, self.type, str(self.count)) if part)

    @property
    def words(self) -> str:
        """For a person: ``no GPU``, ``2 GPUs``, ``1 × V100``, ``1/5 of a V100``."""
        if not self.count:
            return _("no GPU")
        if self.is_part:
            return part_of_gpu(self.gres, self.type or self.card, self.count, self.per_card)
        return gpus_in_words(self.count, self.type)

    @property
    def words_in_full(self) -> str:
        """As :attr:`words`; of a part also what sets it apart from a GPU of one's own."""
        if not self.is_part:
            return self.words
        # Translators: a choice, such as "1/5 of a V100, memory not isolated": others use the same GPU and may take its memory
        return _("{part}, memory not isolated").format(part=self.words)


_GRES = ("gpu", *SHARED)


def parse_gpus(value: Any) -> GpuRequest:
    """Read ``0``, ``2``, ``"2"``, ``"v100:2"``, ``"gpu:v100:2"``, ``"shard:1"``; empty and ``none`` are 0.

    Raises
    ------
    ValueError
        With a sentence, in English for the catalogue.
    """
    if isinstance(value, GpuRequest):
        return value
    if isinstance(value, float):
        value = f"{value:g}"
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise ValueError(N_("It is neither a number nor text."))
    if isinstance(value, int):
        value = str(value) if 0 <= value < 10_000 else "-"
    text = value.strip()
    if text.lower() in ("", "none"):
        return GpuRequest()
    parts = text.split(":")
    gres = "gpu"
    if len(parts) > 1 and parts[0] in _GRES:
        gres = parts.pop(0)
    if _FRACTION.fullmatch(parts[-1]):
        raise ValueError(N_("GPUs are counted in whole numbers; a part of one is asked for as a number of shards, such as shard:1."))
    if len(parts) > 2 or not re.fullmatch(r"[0-9]{1,4}", parts[-1]):
        raise ValueError(N_("It has to be a number, or a type and a number such as v100:2."))
    if len(parts) == 2 and not (may_be_a_name(parts[0]) and _TYPE.fullmatch(parts[0])):
        raise ValueError(N_("Its type is not one that Slurm could have."))
    count = int(parts[-1])
    return GpuRequest(count, parts[0] if len(parts) == 2 else "", gres) if count else GpuRequest()


_TYPE = re.compile(r"[^:(),\s-][^:(),\s]*")
"""What GRES lists can hold as a type (:func:`.grammar.parse_gres`)."""

_FRACTION = re.compile(r"[0-9]*[.,/][0-9]+|[0-9]+ *%", re.ASCII)
