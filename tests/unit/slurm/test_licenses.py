"""The licences that Slurm counts, as ``scontrol show licenses`` prints them."""

from __future__ import annotations

import pytest

from spawner.errors import SlurmOutputError
from spawner.slurm.licenses import parse_licenses
from spawner.slurm.model import License

OLD = "LicenseName=idl Total=4 Used=1 Free=3 Reserved=0 Remote=no\nLicenseName=ansys@flex Total=2 Used=2 Free=0 Reserved=0 Remote=yes\n"
NEW = "LicenseName=idl Total=4 Used=1 Free=3 Reserved=0 Remote=no LastConsumed=0 LastDeficit=0 LastUpdate=0 HRes=(null)\n"


def test_licences() -> None:
    """Name, total and what is free; later versions print more behind it."""
    assert parse_licenses(OLD) == (License("idl", 4, 3), License("ansys@flex", 2, 0))
    assert parse_licenses(NEW) == (License("idl", 4, 3),)


def test_none() -> None:
    """A cluster without licences says so; any other answer is none."""
    assert parse_licenses("No licenses configured in Slurm.\n") == ()
    for text in ("", "error\n", "LicenseName=idl Total=many\n"):
        with pytest.raises(SlurmOutputError):
            parse_licenses(text)
