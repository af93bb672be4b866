"""A site of which there is a file of ``resource-form capture``: the product can be asked about it as if it were there."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spawner import errors
from spawner.slurm.capture.answers import FILE_MARK
from spawner.slurm.capture.document import FORMAT, VERSION
from spawner.slurm.runner import Result
from spawner.slurm.squeue import MARK
from tests.support.fake_runner import FakeRunner

_MOMENT = re.compile(r"\{([+-][0-9]+)\}")


class CapturedSite(FakeRunner):
    """Answers each question that is in the file as Slurm did; ``now`` (seconds since the epoch) is the moment of the capture."""

    def __init__(self, document: Mapping[str, Any], now: float) -> None:
        super().__init__()
        assert (document["format"], document["version"]) == (FORMAT, VERSION)
        self.now = now
        self._answers = {tuple(answer["argv"]): answer for answer in document["answers"].values()}

    @classmethod
    def read(cls, path: Path, now: float) -> CapturedSite:
        """The site of a file."""
        return cls(json.loads(path.read_text()), now)

    def result(self, argv: tuple[str, ...]) -> Result:
        answer = self._answers.get(tuple(argument.replace(MARK, FILE_MARK) for argument in argv))
        if answer is None:
            raise errors.SlurmNotStarted("This is not in the file.", log=" ".join(argv))
        if "failed" in answer:
            raise getattr(errors, answer["failed"])("Slurm did not answer.", log=answer["words"])
        return Result(argv, answer["exit_status"], self._text(answer["stdout"]), self._text(answer["stderr"]), answer["seconds"])

    def _text(self, lines: list[str]) -> str:
        text = "\n".join(lines).replace(f"^{FILE_MARK}^", f"^{MARK}^")
        return _MOMENT.sub(lambda match: str(int(self.now) + int(match[1])), text)
