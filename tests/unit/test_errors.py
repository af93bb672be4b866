"""Every exception has a sentence for the user, a line for the admin, a label, and an HTTP status."""

from __future__ import annotations

from typing import Any

import pytest

from spawner import errors
from spawner.errors import (
    CatalogueError,
    EstimateUnavailable,
    FormFileError,
    LogError,
    LogGone,
    LogRefused,
    LogUnreadable,
    NoAccount,
    NoLogYet,
    RequestRejected,
    RequestTooLarge,
    ResourceFormError,
    SessionFailed,
    SlurmDenied,
    SlurmError,
    SlurmOutputError,
    SlurmRefused,
    SlurmSaysTooMuch,
    SlurmTimeout,
    SlurmUnavailable,
    StartRefused,
)


@pytest.mark.parametrize(
    ("kind", "parent", "label", "status"),
    [
        (ResourceFormError, Exception, "error", 500),
        (RequestRejected, ResourceFormError, "request", 400),
        (RequestTooLarge, RequestRejected, "request_too_large", 413),
        (NoAccount, ResourceFormError, "no_account", 400),
        (CatalogueError, ResourceFormError, "catalogue", 500),
        (FormFileError, ResourceFormError, "form_file", 503),
        (SlurmError, ResourceFormError, "slurm", 502),
        (SlurmUnavailable, SlurmError, "slurm_unavailable", 503),
        (SlurmDenied, SlurmUnavailable, "slurm_denied", 503),
        (SlurmTimeout, SlurmUnavailable, "slurm_timeout", 503),
        (SlurmSaysTooMuch, SlurmUnavailable, "slurm_says_too_much", 503),
        (EstimateUnavailable, SlurmUnavailable, "no_estimate", 503),
        (SlurmRefused, SlurmError, "slurm_refused", 400),
        (SlurmOutputError, SlurmError, "slurm_output", 502),
        (SessionFailed, ResourceFormError, "session_failed", 400),
        (StartRefused, ResourceFormError, "start_refused", 403),
        (LogError, ResourceFormError, "log", 404),
        (NoLogYet, LogError, "no_log_yet", 404),
        (LogGone, LogError, "log_gone", 404),
        (LogRefused, LogError, "log_refused", 403),
        (LogUnreadable, LogError, "log_unreadable", 503),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_the_tree(kind: type[ResourceFormError], parent: type, label: str, status: int) -> None:
    """The tree is the one that is drawn at the top of the module."""
    assert kind.__bases__ == (parent,)
    assert (kind.label, kind.status) == (label, status)
    assert errors.__doc__ is not None
    assert kind.__name__ in errors.__doc__
    assert label in errors.__doc__ or kind is ResourceFormError


def test_the_tree_is_complete() -> None:
    """No exception of the module is left out of the drawing, nor out of the test above; labels are unique."""
    kinds = [entry for entry in vars(errors).values() if isinstance(entry, type) and issubclass(entry, ResourceFormError)]
    assert len(kinds) == 24
    assert len({kind.label for kind in kinds}) == len(kinds)


@pytest.mark.parametrize("kind", [ResourceFormError, NoAccount, CatalogueError, SlurmError, SlurmUnavailable, SlurmRefused, SessionFailed])
def test_sentence_and_log(kind: Any) -> None:
    """The user's sentence and the admin's line are two things; without the second the first stands for both."""
    error = kind("No.", log="exit 1")
    assert (error.sentence, error.log, str(error)) == ("No.", "exit 1", "exit 1")
    assert (kind("No.").log, str(kind("No."))) == ("No.", "No.")


def test_label_of_one_error() -> None:
    """A label can be given to one error without changing those of its kind."""
    assert ResourceFormError("No.", label="special").label == "special"
    assert ResourceFormError("No.").label == "error"


def test_request_rejected() -> None:
    """One sentence a field; the whole is their sequence; what is handed in stays the caller's."""
    given = {"cores": "Too many.", "memory": "Too much."}
    error = RequestRejected(given)
    given.clear()
    assert error.errors == {"cores": "Too many.", "memory": "Too much."}
    assert error.sentence == "Too many. Too much."
    assert "Too many." in error.log
    assert RequestRejected(error.errors, log="short").log == "short"


def test_slurms_own_words() -> None:
    """What Slurm printed goes along, apart from the sentence."""
    refused = SlurmRefused("No.", details=("Invalid account",), stderr="sbatch: error: x", field="account")
    assert (refused.details, refused.stderr, refused.field) == (("Invalid account",), "sbatch: error: x", "account")
    assert SlurmUnavailable("No.", stderr="x").stderr == "x"
    assert SlurmRefused("No.").details == ()
