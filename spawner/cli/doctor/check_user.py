"""What is wrong with what the Hub does as a user: through sudo, and with Slurm's own word on a request. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ...i18n import _
from .facts import SudoFacts, UserFacts
from .findings import Finding, error, listed, note, skipped, warning, well


def sudo(facts: SudoFacts) -> Iterator[Finding]:
    """The rule for sudo lets the Hub do what it must, and nothing else."""
    if not facts.is_needed:
        yield well("sudo", _("The Hub is root, and needs no sudo."))
        return
    advice = _("Take the rule of share/resource_form/sudoers, with your names in it, and install the programs of which it speaks.")
    barred = [_(what) for what, must, may in facts.tried if must and not may]
    open_to = [_(what) for what, must, may in facts.tried if may and not must]
    if not facts.is_there:
        yield error("sudo", _("There is no sudo."), _("A Hub that is not root submits and cancels through it."), advice)
        return
    if barred:
        yield error(
            "sudo",
            _("sudo does not let the Hub do as a user: {what}").format(what=listed(barred)),
            _("No session can start, or be stopped."),
            advice,
        )
    if open_to:
        yield error(
            "sudo",
            _("sudo lets the Hub do what it must not: {what}").format(what=listed(open_to)),
            _("Whoever gets hold of the Hub’s account has those of its users as well."),
            advice,
        )
    if facts.precaution:
        yield warning("sudo", facts.precaution, _("The Hub’s log says so at its start."), advice)
    if barred or open_to or facts.precaution:
        return
    if not facts.tried:
        yield skipped("sudo", _("The rule for sudo was not tried: name a user with --user."))
    elif not facts.reads_logs:
        yield note(
            "sudo",
            _("The reader of sessions’ logs is not installed, or the rule does not allow it."),
            _("The pages say where a log is, and do not show it."),
            advice,
        )
    else:
        yield well("sudo", _("The rule for sudo lets the Hub do what it must, and nothing else that was tried."))


def user(facts: UserFacts | None) -> Iterator[Finding]:
    """The user whose requests are tried may start a session at all."""
    if facts is None:
        yield skipped("user", _("No user’s request was tried: name one with --user."))
    elif facts.error:
        yield error(
            "user",
            _("{user} can start no session: {why}").format(user=facts.name, why=facts.error),
            _("What holds for this user may hold for others."),
            _("Name another user, or see to this one’s accounts and partitions."),
        )
    else:
        yield well("user", _("{user} may start sessions.").format(user=facts.name))


def submit(facts: UserFacts | None, plugins: str) -> Iterator[Finding]:
    """Slurm would take a typical request."""
    if facts is None or facts.error or facts.request is None:
        yield skipped("submit", _("No request was tried."))
        return
    request = facts.request.summary
    if facts.refusal:
        yield error(
            "submit",
            _("Slurm refuses a typical request ({request}): {words}").format(request=request, words=facts.refusal),
            _("Sessions are refused with these words. Submit plugins: {plugins}").format(plugins=plugins or "-"),
            _("Slurm takes it with the line below.") if facts.passes_with else _("See what the site’s plugin or wrapper wants."),
            *filter(None, (facts.passes_with,)),
        )
    elif facts.unreadable:
        yield warning(
            "submit",
            _("Slurm takes a typical request ({request}), in words that cannot be read.").format(request=request),
            _("Users are not told when a request would start, and a job’s number may not be found either."),
            _("Look at what the wrapper around sbatch does with its output."),
        )
    else:
        yield well("submit", _("Slurm would take a typical request ({request}).").format(request=request))
