"""The exit codes of the commands about sessions; they do not change."""

from __future__ import annotations

READY = 0
"""It is as it was asked for: a session is ready, a request would start now, what was to be stopped is gone."""

FAILED = 1
"""It could not be done, and waiting changes nothing."""

WRONG = 2
"""Wrong usage; nothing was asked of the Hub."""

WAITS = 3
"""The session waits or starts, or a request would."""

REFUSED = 4
"""The Hub refuses it."""

UNREACHABLE = 5
"""The Hub cannot be reached, or does not know at the moment."""

ENDED = 6
"""The session is over, or there is none."""

INTERRUPTED = 130

NOBODY_READS = 141
"""As of a program that is ended by SIGPIPE."""
