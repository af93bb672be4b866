"""A real Prometheus reads the metrics of a Hub with sessions, and answers each query of the dashboard and the alerts; and the report."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import re
import secrets
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from private_slurm import packages
from private_slurm.cluster import PrivateCluster

from tests.support.login_node import free_port
from tests.support.real_hub import CHECKOUT, Environments, needs_users, open_site
from tests.support.site_under_test import Site, wait_for
from tests.support.terminal import Terminal

TOKEN = secrets.token_hex(16)
SETTINGS = f"""
c.JupyterHub.authenticate_prometheus = True
c.JupyterHub.services.append({{"name": "prometheus", "api_token": "{TOKEN}"}})
c.JupyterHub.load_roles.append({{"name": "prometheus", "services": ["prometheus"], "scopes": ["read:metrics"]}})
c.SlurmCluster.jobs_interval = 2
"""
SHARE = CHECKOUT / "share" / "resource_form"
ALERTS = SHARE / "prometheus" / "alerts.yaml"
DASHBOARD = SHARE / "grafana" / "dashboard.json"

FILTER = re.compile(r"\s(?:>|==)\s[0-9.]+$")
"""The end of a query that shows only what is more than nothing, or of an alert: without it there is an answer where all is well, too."""

HAVE_NUMBERS = ("Queue wait", "From the job's start to the server", "How long commands run", "Form and check")
"""Panels that show a part of what has happened; before anything has they would show no number (NaN)."""


@pytest.fixture(scope="module")
def running_site(environments: Environments, cluster: PrivateCluster, users: tuple[str, ...]) -> Iterator[Site]:
    """A Hub whose metrics take a token."""
    with open_site("hub-metrics", environments, cluster, users, SETTINGS) as site:
        yield site


@dataclass
class Prometheus:
    """A Prometheus of the test's own, in a folder, with our alerts; it looks at the Hub each second."""

    site: Site
    folder: Path
    port: int

    @classmethod
    def started(cls, site: Site, folder: Path) -> tuple[Prometheus, subprocess.Popen[bytes]]:
        """One that answers."""
        (folder / "token").write_text(TOKEN)
        target = site.hub.url.removeprefix("http://").rstrip("/")
        configuration = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(ALERTS)],
            "scrape_configs": [
                {
                    "job_name": "jupyterhub",
                    "metrics_path": "/hub/metrics",
                    "authorization": {"credentials_file": str(folder / "token")},
                    "static_configs": [{"targets": [target]}],
                }
            ],
        }
        (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration))
        found = cls(site, folder, free_port())
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{found.port}",
            ],
            stdout=(folder / "log").open("wb"),
            stderr=subprocess.STDOUT,
            env={"PATH": os.environ["PATH"]},
        )
        return found, process

    def get(self, path: str, **parameters: str) -> Any:
        """What its API answers; None while it does not."""
        try:
            answer = requests.get(f"http://127.0.0.1:{self.port}/api/v1/{path}", params=parameters, timeout=10)
        except requests.ConnectionError:
            return None
        if answer.status_code == 503:
            return None  # it listens already, and reads its own files still
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def ask(self, expression: str) -> list[float]:
        """The numbers that a query gives, one for each row."""
        found = self.get("query", query=expression.replace("$__rate_interval", "1m"))
        assert found["resultType"] == "vector"
        return [float(row["value"][1]) for row in found["result"]]


@pytest.fixture
def prometheus(site: Site, tmp_path: Path) -> Iterator[Prometheus]:
    """One that has read the Hub's metrics."""
    packages.ensure_debian_packages(["prometheus"])
    found, process = Prometheus.started(site, tmp_path)
    try:
        wait_for(lambda: found.get("status/config"), "Prometheus to answer", 30)
        wait_for(lambda: found.ask('up{job="jupyterhub"} == 1'), "Prometheus to have read the metrics", 30)
        yield found
    finally:
        process.terminate()
        process.wait(30)


def queries() -> Iterator[tuple[str, str]]:
    """Those of the dashboard, by the titles of their panels, and those of the alerts."""
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]
    for rule in yaml.safe_load(ALERTS.read_text())["groups"][0]["rules"]:
        yield rule["alert"], rule["expr"]


def test_the_metrics_in_prometheus(site: Site, prometheus: Prometheus, tmp_path: Path) -> None:
    """A session that comes up and is stopped, and a start that is refused, are in the numbers; and every query of ours has an answer."""
    needs_users(site.users, 2)
    sample = "jupyterhub_resource_form_"
    visitor = site.visitor()
    visitor.form()
    # A rate begins with what was there before: the pairs of partitions and GPUs are, once Slurm has named them.
    v100 = f'{sample}queue_wait_seconds_count{{partition="g100_int",gpu="v100"}}'
    wait_for(lambda: prometheus.ask(v100) == [0], "the rows of Slurm's partitions")
    assert visitor.start({"cores": "999"}).status == 400
    assert visitor.api("POST", "resource-form/check", json={"gpus": "v100:1", "partition": "g100_int"}).status_code == 200
    site.start({"cores": 1, "memory": "1G", "gpus": "v100:1", "partition": "g100_int"})
    wait_for(lambda: prometheus.ask(f'{sample}sessions{{state="running"}}') == [1], "the session among those that run")
    wait_for(lambda: prometheus.ask(v100) == [1], "the session's wait")
    assert prometheus.ask(f'{sample}server_start_seconds_count{{partition="g100_int",gpu="v100"}}') == [1]
    assert prometheus.ask(f'{sample}failed_starts_total{{reason="request"}}') == [1]
    assert prometheus.ask(f'{sample}commands_total{{command="sbatch",outcome="ok"}}') == [1]
    (age,) = prometheus.ask(f'{sample}answer_age_seconds{{answer="jobs"}}')
    assert 0 <= age < 60
    site.stop()
    wait_for(lambda: prometheus.ask(f'{sample}ended_sessions_total{{category="stopped"}}') == [1], "the end of the session")
    wait_for(lambda: prometheus.ask(f'{sample}sessions{{state="running"}}') == [0], "no session that runs")
    assert prometheus.ask(f"{sample}info") == [1]

    answered = {expression: prometheus.ask(FILTER.sub("", expression)) for _name, expression in queries()}
    assert [expression for expression, numbers in answered.items() if not numbers] == []
    shown = [(name, expression) for name, expression in queries() if name in HAVE_NUMBERS]
    assert {name for name, _expression in shown} == set(HAVE_NUMBERS)
    assert [expression for _name, expression in shown if all(math.isnan(number) for number in answered[expression])] == []
    # With their filters too they are queries; that of failed starts has the refusal.
    with_filters = {expression: prometheus.ask(expression) for _name, expression in queries()}
    refused = next(expression for expression in with_filters if "by (reason)" in expression)
    assert len(with_filters[refused]) == 1

    rules = prometheus.get("rules")["groups"][0]["rules"]
    assert len(rules) == len(yaml.safe_load(ALERTS.read_text())["groups"][0]["rules"])
    wait_for(lambda: all(rule["health"] == "ok" for rule in prometheus.get("rules")["groups"][0]["rules"]), "each alert to be evaluated")
    assert [alert["labels"]["alertname"] for alert in prometheus.get("alerts")["alerts"] if alert["state"] == "firing"] == []
    subprocess.run(["promtool", "check", "rules", str(ALERTS)], check=True, capture_output=True)
    exposed = requests.get(f"{site.hub.url}hub/metrics", headers={"Authorization": f"token {TOKEN}"}, timeout=30).text
    assert not any(user in exposed for user in site.users)
    lint = subprocess.run(["promtool", "check", "metrics"], input=exposed, capture_output=True, text=True, check=False)
    assert [line for line in lint.stderr.splitlines() if sample in line] == []


S = "jupyterhub_resource_form_"
LOOP = "jupyterhub_event_loop_interval_seconds"
TROUBLE = {
    'up{job="jupyterhub"}': "0x60",
    f'{S}answer_failing_seconds{{answer="jobs"}}': "301+60x60",
    f'{S}command_seconds_bucket{{command="squeue",le="10"}}': "0x60",
    f'{S}command_seconds_bucket{{command="squeue",le="30"}}': "0+4x60",
    f'{S}command_seconds_bucket{{command="squeue",le="+Inf"}}': "0+4x60",
    f'{S}commands_total{{command="sbatch",outcome="ok"}}': "0+2x60",
    f'{S}commands_total{{command="sbatch",outcome="failed"}}': "0+3x60",
    f'{S}failed_starts_total{{reason="slurm_timeout"}}': "0+1x60",
    f'{S}ended_sessions_total{{category="node_failure"}}': "0+1x60",
    f'{S}sessions{{state="unknown"}}': "3x60",
    f'{S}orphaned_jobs{{why="left_alone"}}': "1x120",
    f'{S}unread_total{{list="jobs",what="rows"}}': "0+1x60",
    f"{LOOP}_count": "0+1200x60",
    f'{LOOP}_bucket{{le="0.5"}}': "0+1190x60",
    f'{S}form_seconds_bucket{{le="2.5"}}': "0+1x60",
    f'{S}form_seconds_bucket{{le="5"}}': "0+2x60",
    f'{S}form_seconds_bucket{{le="+Inf"}}': "0+2x60",
}
"""What Prometheus reads each minute where all goes wrong that there is an alert for; in promtool's way of writing it."""

PEACE = {
    'up{job="jupyterhub"}': "1x60",
    f'{S}answer_failing_seconds{{answer="jobs"}}': "0x30 20 40 0x30",
    f'{S}command_seconds_bucket{{command="squeue",le="10"}}': "0+4x60",
    f'{S}command_seconds_bucket{{command="squeue",le="+Inf"}}': "0+4x60",
    f'{S}commands_total{{command="sbatch",outcome="ok"}}': "0+3x60",
    f'{S}commands_total{{command="sbatch",outcome="failed"}}': "0+1x60",
    f'{S}failed_starts_total{{reason="request"}}': "0+9x60",
    f'{S}failed_starts_total{{reason="slurm_timeout"}}': "0x30 1x30",
    f'{S}ended_sessions_total{{category="stopped"}}': "0+9x60",
    f'{S}sessions{{state="unknown"}}': "0x30 3x5 0x30",
    f'{S}orphaned_jobs{{why="left_alone"}}': "0x30 1x10 0x30",
    f'{S}unread_total{{list="jobs",what="rows"}}': "7x60",
    f"{LOOP}_count": "0+1200x60",
    f'{LOOP}_bucket{{le="0.5"}}': "0+1199x60",
    f'{S}form_seconds_bucket{{le="2.5"}}': "0+9x60",
    f'{S}form_seconds_bucket{{le="+Inf"}}': "0+9x60",
}
"""The same where there is what there always is."""


@pytest.mark.parametrize(("read", "fires"), [(TROUBLE, True), (PEACE, False)], ids=["trouble", "peace"])
def test_the_alerts(tmp_path: Path, read: dict[str, str], fires: bool) -> None:
    """Each goes off where it is meant to, by Prometheus's own reckoning, and none for what passes."""
    packages.ensure_debian_packages(["prometheus"])
    names = [rule["alert"] for rule in yaml.safe_load(ALERTS.read_text())["groups"][0]["rules"]]
    expected = [{"labels": "{}", "value": 1}] if fires else []
    minutes = {name: 110 if name == "ResourceFormOrphans" and fires else 58 for name in names}
    group = {
        "interval": "1m",
        "input_series": [{"series": name, "values": numbers} for name, numbers in read.items()],
        "promql_expr_test": [
            {
                "expr": f'count(ALERTS{{alertname="{name}",alertstate="firing"}})',
                "eval_time": f"{minutes[name]}m",
                "exp_samples": expected,
            }
            for name in names
        ],
    }
    (tmp_path / "tests.yaml").write_text(yaml.safe_dump({"rule_files": [str(ALERTS)], "evaluation_interval": "1m", "tests": [group]}))
    done = subprocess.run(["promtool", "test", "rules", str(tmp_path / "tests.yaml")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_metrics_take_a_token(site: Site) -> None:
    """Nobody reads them without the scope."""
    url = f"{site.hub.url}hub/metrics"
    assert requests.get(url, timeout=30, allow_redirects=False).status_code == 403
    assert requests.get(url, headers={"Authorization": f"token {TOKEN}"}, timeout=30).status_code == 200


def test_the_report_of_a_month(site: Site, tmp_path: Path) -> None:
    """An administrator gets what the session that has ended has used; its user is refused."""
    needs_users(site.users, 2)
    site.start({"cores": 1, "memory": "1G", "gpus": "v100:2", "partition": "g100_int", "account": "cin_staff"})
    site.stop()
    month = time.strftime("%Y-%m")
    token = tmp_path / "service"
    token.write_text(site.token)
    terminal = Terminal(site, tmp_path, token)
    done = wait_for(
        lambda: found if "cin_staff" in (found := terminal.run("report", "--month", month, "--csv")).stdout else None,
        "the session in the report",
    )
    assert done.returncode == 0
    rows = [row for row in csv.DictReader(io.StringIO(done.stdout)) if row["account"] == "cin_staff"]
    assert [(row["month"], row["partition"], row["release"]) for row in rows] == [(month, "g100_int", "2026.10")]
    assert int(rows[0]["sessions"]) >= 1
    assert "cin_staff" in terminal.run("report").stdout
    own = Terminal.of(site, tmp_path).run("report")
    assert (own.returncode, own.stdout) == (4, "")
    assert "administrators" in own.stderr
