"""The shared memory (``/dev/shm``) of a session whose release runs in a container: how much it may be, and what is said of it.

It is a part of the memory that is asked for: what lies in it counts against the job's. Where there is no container, ``/dev/shm`` is the
node's own, or the job's by job_container/tmpfs, and nobody but root sets its size: there the field is absent.
"""

from __future__ import annotations

from ..i18n import _
from ..site.release import Release
from ..units import format_memory
from .choices import Choices
from .field_values import quoted
from .model import SessionRequest
from .size_validation import Refuse

KEY = "shared_memory"
LITTLE_MB, MUCH_MB, FROM_MB = 64, 1024, 4096
"""What a session has that asks for none: 64 MB, and 1 GB from 4 GB of memory on, as container engines and their portals have it."""


def automatic(memory_mb: int) -> int:
    """Return the shared memory in MB of a session of so much memory that asks for none itself; never more than it has."""
    return min(MUCH_MB if memory_mb >= FROM_MB else LITTLE_MB, memory_mb)


def has_shared_memory(release: Release | None) -> bool:
    """Tell whether the release runs in a container that takes its size, on some architecture at least."""
    if release is None:
        return False
    places = (release, *release.architectures.values())
    return any(place.container is not None and place.container.shared_memory_option for place in places)


def check_shared_memory(request: SessionRequest, choices: Choices, refuse: Refuse) -> None:
    """Refuse more than the memory that is asked for, and any where the release has none to choose."""
    if not request.shared_memory:
        return
    if not has_shared_memory(choices.release(request.release)):
        sentence = _("{release} has no shared memory to choose. Leave it empty.")
        refuse(KEY, sentence.format(release=quoted(choices.catalogue.labels().release(request.release))))
    elif request.shared_memory > request.memory:
        sentence = _("{value} is more than the memory, of which it is a part. Choose at most {most}, or more memory.")
        refuse(KEY, sentence.format(value=format_memory(request.shared_memory), most=format_memory(request.memory)))


def given_to(request: SessionRequest, release: Release) -> int:
    """Return the shared memory that the session's container gets, in MB; 0 where it takes none."""
    return (request.shared_memory or automatic(request.memory)) if has_shared_memory(release) else 0


def shared_memory_notes(request: SessionRequest, choices: Choices) -> tuple[str, ...]:
    """Return what a user should know who asks for so much, a sentence each."""
    if not has_shared_memory(choices.release(request.release)) or request.shared_memory * 2 <= request.memory:
        return ()
    left = format_memory(max(0, request.memory - request.shared_memory))
    return (_("The shared memory is more than half of the memory: once it is full, {left} are left for all else.").format(left=left),)


def shared_memory_in_words(request: SessionRequest, choices: Choices) -> str:
    """Return what it may be, in a sentence; empty where the chosen release has none."""
    if not has_shared_memory(choices.release(request.release)):
        return ""
    sentence = _("At most {most}. Left empty it is {automatic}.")
    return sentence.format(most=format_memory(request.memory), automatic=format_memory(automatic(request.memory)))
