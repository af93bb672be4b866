"""Every exception of this package, in one tree.

::

    ResourceFormError                   reason label            HTTP
    ├── RequestRejected                 request                 400   the user asked for what cannot be
    │   └── RequestTooLarge             request_too_large       413   more than a request can hold: not read at all
    ├── NoAccount                       no_account              400   the user has no Slurm account here
    ├── CatalogueError                  catalogue               500   the admin's catalogue of releases is broken
    ├── FormFileError                   form_file               503   the admin's file of fields and presets never could be read
    ├── SlurmError                      slurm
    │   ├── SlurmUnavailable            slurm_unavailable       503   no answer, or none that can be trusted: unknown
    │   │   ├── SlurmDenied             slurm_denied            503   Slurm does not show the Hub what it needs
    │   │   ├── SlurmTimeout            slurm_timeout           503   our own time limit ended the command: ambiguous
    │   │   ├── SlurmSaysTooMuch        slurm_says_too_much     503   our own bound of its output ended the command: ambiguous
    │   │   ├── SlurmNotStarted         slurm_not_started       503   the command is not there, or may not be run
    │   │   ├── SlurmUnconfirmed        slurm_unconfirmed       503   sbatch failed and left open whether there is a job
    │   │   └── EstimateUnavailable     no_estimate             503   nobody knows when a request would start
    │   ├── SlurmRefused                slurm_refused           400   Slurm said no, and why
    │   └── SlurmOutputError            slurm_output            502   an answer that we cannot read
    ├── NotStored                       not_stored              503   the Hub's database does not take what has to be durable
    ├── SessionFailed                   session_failed          400   the job ended, or never could start
    ├── StartRefused                    start_refused           403   a hook of the site's said no, and why
    └── LogError                        log
        ├── NoLogYet                    no_log_yet              404   the job has not begun to write its log
        ├── LogGone                     log_gone                404   there is no log, and none will come
        ├── LogRefused                  log_refused             403   in its place is something that is not read
        └── LogUnreadable               log_unreadable          503   the Hub cannot read it, and says where it is

Each carries ``sentence`` (for the user, plain text), ``log`` (a line for the admin) and ``label`` (for metrics).

An error may be raised for nobody in particular, and be shown to many (:mod:`.cache`): then it is made with an English sentence from the
catalogue, marked with ``N_``, and ``sentence`` is that in the language of whoever reads it.
"""

from __future__ import annotations

from collections.abc import Mapping

from .i18n import _

MAX_ERRORS = 50
"""So many of a request's errors are told; a request may have been made to have thousands."""


class ResourceFormError(Exception):
    """The root of the tree of errors. ``sentence`` is shown to the user as text; ``log`` goes into the Hub's log."""

    label = "error"
    status = 500

    def __init__(self, sentence: str, *, log: str = "", label: str = "") -> None:
        super().__init__(log or sentence)
        self._sentence = sentence
        self.log = log or sentence
        if label:
            self.label = label

    @property
    def sentence(self) -> str:
        """What to tell the user, in the language in use."""
        return _(self._sentence)


class RequestRejected(ResourceFormError):
    """The request names something that cannot be had. ``errors`` maps each field at fault to its sentence."""

    label = "request"
    status = 400

    def __init__(self, errors: Mapping[str, str], *, log: str = "") -> None:
        self.errors = dict(errors)
        sentence = " ".join(list(self.errors.values())[:MAX_ERRORS])
        if len(self.errors) > MAX_ERRORS:
            sentence += " " + _("… and {number} more.").format(number=len(self.errors) - MAX_ERRORS)
        super().__init__(sentence, log=log or f"request rejected: {sentence}")


class RequestTooLarge(RequestRejected):
    """The request holds more keys or longer text than any request needs. It was not read, so that it costs nobody else time."""

    label = "request_too_large"
    status = 413

    def __init__(self, sentence: str, *, log: str) -> None:
        super().__init__({}, log=log)
        self._sentence = sentence


class NoAccount(ResourceFormError):
    """The user has no association in Slurm, so no job of theirs could run."""

    label = "no_account"
    status = 400


class CatalogueError(ResourceFormError):
    """The catalogue of releases cannot be read. ``sentence`` names the file, the entry and the field."""

    label = "catalogue"


class FormFileError(ResourceFormError):
    """The admin's file of fields and presets cannot be read, and never could: what it forbids is not known. ``log`` names its lines."""

    label = "form_file"
    status = 503


class SlurmError(ResourceFormError):
    """A Slurm command did not do what it was asked. ``stderr`` is what it printed."""

    label = "slurm"
    status = 502

    def __init__(self, sentence: str, *, log: str = "", label: str = "", stderr: str = "") -> None:
        super().__init__(sentence, log=log, label=label)
        self.stderr = stderr


class SlurmUnavailable(SlurmError):
    """Slurm gave no answer that can be trusted. Nothing follows from it about any job."""

    label = "slurm_unavailable"
    status = 503


class SlurmDenied(SlurmUnavailable):
    """Slurm does not let the Hub's user see what it was asked for (slurm.conf(5), PrivateData)."""

    label = "slurm_denied"


class SlurmTimeout(SlurmUnavailable):
    """A command ran past our own time limit. For sbatch this is ambiguous: the job may exist."""

    label = "slurm_timeout"


class SlurmSaysTooMuch(SlurmUnavailable):
    """A command printed more than we keep of one and was ended. For sbatch this is ambiguous: the job may exist."""

    label = "slurm_says_too_much"


class SlurmNotStarted(SlurmUnavailable):
    """A command could not be started at all: whatever it was to do has not happened."""

    label = "slurm_not_started"


class SlurmUnconfirmed(SlurmUnavailable):
    """sbatch ended in a way that leaves open whether there is a job, or which. ``refusal`` is what to say once there is none, if Slurm
    gave words that may be a refusal. ``printed`` are numbers that it printed and that may be the job's id.
    """

    label = "slurm_unconfirmed"

    def __init__(
        self, sentence: str, *, log: str = "", stderr: str = "", refusal: SlurmRefused | None = None, printed: tuple[int, ...] = ()
    ) -> None:
        super().__init__(sentence, log=log, stderr=stderr)
        self.refusal = refusal
        self.printed = printed


class EstimateUnavailable(SlurmUnavailable):
    """No estimate of when a request would start: no answer in time, asked too often, or not asked at all. Nothing else follows from it."""

    label = "no_estimate"


class SlurmRefused(SlurmError):
    """Slurm refused the request. ``details`` are its own words, one line each; ``words`` what the sentence has a place ``{words}`` for."""

    label = "slurm_refused"
    status = 400

    def __init__(
        self, sentence: str, *, details: tuple[str, ...] = (), log: str = "", stderr: str = "", field: str = "", words: str = ""
    ) -> None:
        super().__init__(sentence, log=log, stderr=stderr)
        self.details = details
        self.field = field
        self.words = words

    @property
    def sentence(self) -> str:
        """What to tell the user, in the language in use."""
        return super().sentence.replace("{words}", self.words)


class SlurmOutputError(SlurmError):
    """A command succeeded and printed what the parser does not know."""

    label = "slurm_output"


class NotStored(ResourceFormError):
    """What has to be durable before a job is asked for could not be stored; nothing was submitted."""

    label = "not_stored"
    status = 503


class SessionFailed(ResourceFormError):
    """The session's job ended before the server was up, or never could have started. ``details`` are the lines of its log that say why."""

    label = "session_failed"
    status = 400

    def __init__(self, sentence: str, *, details: tuple[str, ...] = (), log: str = "", label: str = "") -> None:
        super().__init__(sentence, log=log, label=label)
        self.details = details


class StartRefused(ResourceFormError):
    """A hook of the site's does not let the session start. The sentence is the site's own; ``status`` is the hook's."""

    label = "start_refused"
    status = 403

    def __init__(self, sentence: str, *, status: int = 403, log: str = "") -> None:
        super().__init__(sentence, log=log)
        self.status = status


class LogError(ResourceFormError):
    """There is no log to show. ``place`` is where it is, or would be, on the cluster."""

    label = "log"
    status = 404

    def __init__(self, sentence: str, *, place: str, job: int = 0, log: str = "") -> None:
        super().__init__(sentence, log=log)
        self.place = place
        self.job = job

    @property
    def sentence(self) -> str:
        """What to tell the user, in the language in use."""
        return super().sentence.format(place=self.place, job=self.job)


class NoLogYet(LogError):
    """The job has not begun to write its log."""

    label = "no_log_yet"


class LogGone(LogError):
    """There is no log, and none will come."""

    label = "log_gone"


class LogRefused(LogError):
    """What is in the place of the log is no regular file of its owner's."""

    label = "log_refused"
    status = 403


class LogUnreadable(LogError):
    """The log cannot be read by the Hub."""

    label = "log_unreadable"
    status = 503
