"""``POST /hub/api/resource-form/check``: what would become of a request; nothing is submitted. The page asks while the user chooses."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from jupyterhub.apihandlers import APIHandler
from markupsafe import escape
from tornado import web

from ...advice.alternatives import Alternative
from ...advice.assessment import Assessment, nodes_with_room, review, warnings
from ...advice.service import Advice, advise, patience_of_open_page
from ...advice.usage_bars import ResourceUsage
from ...cache import countdown
from ...cluster.estimator import estimate_in_words, no_start_in_words
from ...errors import EstimateUnavailable, ResourceFormError, SlurmRefused
from ...humanize import iso_time
from ...i18n import using
from ...job.sbatch import PreparedJob, Tag
from ...request.choices import Choices
from ...request.form_fields import ranges_in_words, shown_value, useful_to_press
from ...request.model import FORM_FIELDS
from ...request.shared_memory import shared_memory_in_words
from ...slurm.runner import Identity
from ..form.page import decision, release_panel, storage_panel, usage_panel
from ..known import name_of
from ..locale import language_of
from ..logged_in import TellsPages, require_log_in
from ..metrics.definitions import CHECK_SECONDS
from ..protocol import HubSpawner
from ..reach import spawner_asked_about
from ..sessions.options import told_request
from ..variables import with_known_variables

MAX_FITTING_NODES = 200
"""Names of nodes that the page is told of, to mark them in its picture: it shows no more."""


def _alternative(entry: Alternative, choices: Choices) -> dict[str, Any]:
    return {
        "change": {name: shown_value(entry.request, name, choices) for name in entry.change},
        "sentence": entry.sentence,
        "cost": entry.cost and {"total": entry.cost.total, "exact": entry.cost.exact},
    }


def _cost(advice: Advice) -> dict[str, Any] | None:
    """In billing units; None where it is not known, with all numbers 0 where the session is not charged."""
    cost = advice.assessment.cost
    if not advice.charged:
        return {"charged": False, "per_hour": 0, "total": 0, "exact": True, "billing": 0, "budgets": [], "warning": ""}
    if cost is None:
        return None
    return {
        "charged": True,
        "per_hour": cost.per_hour,
        "total": cost.total,
        "exact": cost.exact,
        "billing": cost.billing,
        "budgets": list(advice.budgets),
        "warning": advice.over.sentence,
    }


def _usage(entry: ResourceUsage) -> dict[str, Any]:
    bars = {
        name: {"used": bar.used, "most": bar.most, "sentence": bar.words}
        for name, bar in (("here", entry.here), ("overall", entry.overall))
    }
    return {"resource": entry.resource, "unit": entry.unit, "limit_is": entry.limit_is, **bars}


def _fields(assessment: Assessment, choices: Choices) -> dict[str, dict[str, Any]]:
    """What the fields of the page may be now, by field."""
    request = assessment.request
    words = ranges_in_words(request, choices, assessment.ranges)
    fields: dict[str, dict[str, Any]] = {
        name: {"range": words.get(name, ""), "minimum": bounds.least, "maximum": bounds.most} for name, bounds in assessment.ranges.items()
    }
    for name, useful in useful_to_press(assessment.ranges).items():
        fields[name]["useful"] = [{"value": entry.value, "label": entry.label, "number": entry.number} for entry in useful]
    release = choices.release(request.release)
    fields["gpus"] = {"range": words["gpus"], "values": [gpus.value for gpus in assessment.gpus]}
    fields["start_folder"] = {"range": words["start_folder"]}
    fields["shared_memory"] = {"range": shared_memory_in_words(request, choices)}
    fields["interface"] = {"values": [entry.name for entry in choices.interfaces(release)]}
    return fields


def check_answer(advice: Advice, choices: Choices, *, now: float) -> dict[str, Any]:
    """Return the contract's answer, and what the page needs beside it: what is said in words, what had to move, where it fits."""
    assessment = advice.assessment
    request, found = assessment.request, assessment.verdict
    return {
        "ok": not assessment.errors,
        "errors": dict(assessment.errors),
        "verdict": found.kind,
        "sentence": found.sentence,
        "field": found.field or None,
        "nodes_that_fit": found.nodes_that_fit,
        "estimate": None,
        "alternatives": [_alternative(entry, choices) for entry in assessment.alternatives],
        "cost": _cost(advice),
        "script": "",
        "warnings": list(warnings(assessment)),
        "review": review(assessment, charged=advice.charged),
        "request": told_request(request.options()),
        "words": request.in_words,
        "moved": {
            name: {"value": shown_value(request, name, choices), "sentence": sentence} for name, sentence in assessment.moved.items()
        },
        "fields": _fields(assessment, choices),
        "holdings": [_usage(entry) for entry in advice.holdings],
        "fits": list(nodes_with_room(assessment, choices, MAX_FITTING_NODES)),
        "ends": iso_time(now + request.walltime * 60),
        "as_of": iso_time(assessment.forecast.as_of) if assessment.forecast is not None else None,
    }


class CheckHandler(TellsPages, APIHandler):  # type: ignore[misc]
    """``POST /hub/api/resource-form/check`` with a request as JSON.

    ``?user=`` and ``?server=`` say whose: one's own, or that of somebody whose servers the caller may start. ``?changed=FIELD``: the other
    fields are to follow that one. ``?script=0`` leaves the script out, ``?panel=1`` adds the page's own piece of HTML, ``?when=1`` asks
    Slurm for an estimate, ``?when=html`` for the page, which gets its sentence as HTML too.
    """

    async def post(self) -> None:
        require_log_in(self)
        spawner = spawner_asked_about(self)
        options = with_known_variables(spawner, self._options())
        with using(language_of(self, spawner)):
            try:
                with CHECK_SECONDS.time():
                    answer = await self._answer(spawner, options)
            except ResourceFormError as error:
                self.log.warning("No advice for %s: %s", name_of(spawner.user), error.log)
                raise web.HTTPError(503 if error.status >= 500 else error.status, error.sentence) from None
        self.set_header("Cache-Control", "no-store")
        self.finish(json.dumps(answer))

    def _options(self) -> dict[str, Any]:
        body = self.get_json_body()
        if body is not None and not isinstance(body, dict):
            raise web.HTTPError(400, "Expected a request: a JSON object.")
        return body or {}

    async def _answer(self, spawner: HubSpawner, options: Mapping[str, Any]) -> dict[str, Any]:
        changed = self.get_argument("changed", "")
        left = countdown(patience_of_open_page(spawner.cluster))
        choices = await spawner.choices(options=options, patience=left())
        terms, changed = await spawner.terms(), changed if changed in FORM_FIELDS else ""
        advice = await advise(spawner.cluster, choices, options, terms, changed=changed, patience=left())
        assessment = advice.assessment
        answer = check_answer(advice, choices, now=time.time())
        if self.get_argument("panel", "") == "1":
            answer |= {"panel": decision(advice, choices, spawner), "holding": usage_panel(advice, spawner)}
            answer["storage"] = storage_panel(choices, spawner)
            if changed in ("", "release") or "release" in assessment.moved:
                answer["release"] = release_panel(advice, choices, spawner)
        if assessment.errors:
            return answer
        member = await spawner.cluster.member(name_of(spawner.user))
        tag = Tag(spawner.cluster.hub_name, name_of(spawner.user), self.get_argument("server", ""), "nonce")
        when = self.get_argument("when", "")
        with_script, with_estimate = self.get_argument("script", "1") != "0", when in ("1", "html")
        if with_script or with_estimate:
            job = await spawner.prepare(assessment.request, lambda _script: tag, member.identity.home)
        if with_script:
            answer |= {"script": job.script, "command": job.command, "environment": job.shown_environment}
        if with_estimate:
            answer |= await self._estimate(spawner, job, assessment, member.identity)
            if when == "html":
                answer["estimate_html"] = escape(answer["estimate_sentence"])  # which keeps the moments
        return answer

    async def _estimate(self, spawner: HubSpawner, job: PreparedJob, assessment: Assessment, identity: Identity) -> dict[str, Any]:
        """When Slurm thinks that it would start, and the sentence; no time where it does not say, which is no error."""
        if assessment.verdict.kind == "never":
            # Slurm's own estimate looks neither at the partition's limits nor at all of accounting's.
            return {"estimate_sentence": assessment.verdict.sentence}
        try:
            estimate = await spawner.cluster.estimator.ask(job.argv, job.script, job.environment, identity)
        except SlurmRefused as error:
            return {"estimate_sentence": no_start_in_words(error)}
        except EstimateUnavailable as error:
            return {"estimate_sentence": error.sentence}
        return {"estimate": iso_time(estimate.start), "estimate_sentence": estimate_in_words(estimate, time.time())}
