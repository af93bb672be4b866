"""A site's own script in the place of sbatch, and its submit plugin: what they print, rewrite and refuse. No job is without an owner."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from private_slurm.cluster import PrivateCluster

from spawner.slurm.states import ENDED
from tests.support.invariant import ask_to_start, ask_to_stop
from tests.support.real_hub import Environments, cluster_spec, open_site
from tests.support.site_under_test import Site, wait_for

PLAIN = {"gpus": 0}
PLUGIN = """
function slurm_job_submit(job_desc, part_list, submit_uid)
{body}
  return slurm.SUCCESS
end
function slurm_job_modify(job_desc, job_rec, part_list, modify_uid)
  return slurm.SUCCESS
end
return slurm.SUCCESS
"""
REWRITES = '  job_desc.comment = "project-7"'
AT_ONCE_SECONDS = 20.0
"""Less than what is waited where it is open whether there is a job: MessageTimeout and a minute."""


class Scripts:
    """The plugin and the script of a running site; both are read anew with each job."""

    _moments = itertools.count(int(time.time()) + 3600)

    def __init__(self, cluster: PrivateCluster, commands: Path) -> None:
        self._plugin = cluster.slurm_conf.parent / "job_submit.lua"
        self._sbatch = commands / "sbatch"
        self._real = cluster.bin_dir / "sbatch"

    def set(self, plugin: str = "", sbatch: str = 'exec "$REAL" "$@"') -> None:
        """Have the plugin do this, in Lua, and the script that."""
        self._plugin.write_text(PLUGIN.format(body=plugin))
        # slurmctld reads a file again that is younger, in whole seconds, than the one it has read.
        moment = next(self._moments)
        os.utime(self._plugin, (moment, moment))
        self._sbatch.unlink(missing_ok=True)
        self._sbatch.write_text(f"#!/bin/bash\nREAL={self._real}\n{sbatch}\n")
        self._sbatch.chmod(0o755)


@pytest.fixture(scope="module")
def running_site(environments: Environments, users: tuple[str, ...]) -> Iterator[Site]:
    """A cluster with a plugin, and a Hub whose commands are in a folder of the site's."""
    spec = replace(
        cluster_spec(users, environments.slurm),
        name="scripts",
        slurm_conf={"JobSubmitPlugins": "lua", "SchedulerParameters": "batch_sched_delay=0", "MessageTimeout": "10"},
        files={"job_submit.lua": PLUGIN.format(body="")},
    )
    with PrivateCluster(spec, environments.folder / "slurm-scripts") as cluster:
        commands = environments.folder / "commands"
        commands.mkdir(exist_ok=True)
        for path in cluster.bin_dir.iterdir():
            (commands / path.name).unlink(missing_ok=True)
            (commands / path.name).symlink_to(path)
        more = f"c.SlurmCluster.bin_dir = {str(commands)!r}\nc.SlurmCluster.jobs_interval = 2\n"
        with open_site("hub-scripts", environments, cluster, users, more) as site:
            yield site


@pytest.fixture
def scripts(site: Site, environments: Environments) -> Iterator[Scripts]:
    """As they are without a test; each changes them as it likes."""
    scripts = Scripts(site.cluster, environments.folder / "commands")
    scripts.set()
    yield scripts
    scripts.set()


def jobs(site: Site) -> list[int]:
    """All jobs that wait or run, whatever their comments say."""
    return [number for number in site.cluster.active_jobs() if site.cluster.job_state(number) not in (*ENDED, "COMPLETING")]


@pytest.mark.parametrize(
    "prints",
    [
        '"$REAL" "$@" || exit; echo "You have 3 jobs."',
        'id=$("$REAL" "$@") || exit; echo 7; echo "$id"; echo 2026',
        '"$REAL" "$@" > /dev/null || exit; echo "Thank you."',
        '"$REAL" "$@"; echo "The quota could not be read." >&2; exit 3',
    ],
    ids=["words behind it", "numbers around it", "no id", "a failure of its own"],
)
def test_the_comment_is_rewritten_and_the_id_is_hidden(site: Site, scripts: Scripts, prints: str) -> None:
    """The job is the session's all the same: ready with it, and given back with it."""
    scripts.set(REWRITES, prints)
    mine = site.cluster.submit("--mem=100M", "--account=cin_train", user=site.users[0], script="exec sleep 3600")
    began = time.monotonic()
    site.start(PLAIN)
    assert time.monotonic() - began < AT_ONCE_SECONDS, site.logs()
    (job,) = set(jobs(site)) - {mine}
    assert site.cluster.job(job)["Comment"] == "project-7"
    site.stop()
    assert jobs(site) == [mine]


@pytest.mark.parametrize("prints", ['exec "$REAL" "$@"', '"$REAL" "$@" > /dev/null'], ids=["id", "no id"])
def test_stop_in_the_moment_of_the_submission(site: Site, scripts: Scripts, prints: str) -> None:
    """No job is left behind, though none carries the nonce."""
    scripts.set(REWRITES, prints)
    start = ask_to_start(site, site.users[0], PLAIN)
    wait_for(lambda: jobs(site), "the job", 30, every=0.02)
    ask_to_stop(site, site.users[0]).join(60)
    start.join(60)
    wait_for(lambda: not jobs(site) and not site.server(site.users[0]), f"neither job nor server\n{site.logs()}", 60, every=0.5)


def test_hub_killed_before_it_knew_the_id(site: Site, scripts: Scripts) -> None:
    """The next Hub knows the job by its script."""
    scripts.set(REWRITES, '"$REAL" "$@"; sleep 3')
    ask_to_start(site, site.users[0], PLAIN)
    wait_for(lambda: jobs(site), "the job", 30, every=0.02)
    site.hub.kill()
    made = jobs(site)
    site.hub.start()
    wait_for(lambda: site.server(site.users[0]).get("ready"), f"the session to be ready\n{site.logs()}", 90, every=0.5)
    assert jobs(site) == made
    site.stop()
    assert jobs(site) == []


@pytest.mark.parametrize(
    ("refuses", "words"),
    [
        pytest.param("  return 2037", "Requested operation is presently disabled", id="2037"),
        pytest.param("  return 2004", "Requested nodes not in this partition", id="2004"),
        pytest.param("  return 2005", "No node has this many cores.", id="2005"),
        pytest.param("  return 2074", "Requested account has breached requested QOS usage threshold", id="2074"),
        pytest.param("  return 2130", "Multiple partition job request not supported", id="2130"),
        pytest.param("  return 2113", "Slurm refused the job: ", id="2113"),
        pytest.param('  slurm.log_user("No notebooks on Fridays.") return slurm.ERROR', "No notebooks on Fridays.", id="words"),
        pytest.param('  slurm.log_user("No notebooks\\non Fridays.") return 2002', "No notebooks on Fridays.", id="words, code borrowed"),
        pytest.param('  slurm.log_user("No notebooks.") return 1', "No notebooks.", id="words, number of the system's"),
        pytest.param("  return slurm.ERROR", "Slurm refused the job.", id="without a word"),
    ],
)
def test_a_plugin_refuses(site: Site, scripts: Scripts, refuses: str, words: str) -> None:
    """Whatever it says is a refusal at once, in its words: in the answer and in the history."""
    scripts.set(f"  if true then {refuses.strip()} end", 'echo "Maintenance on Monday." >&2; exec "$REAL" "$@"')
    user = site.users[0]
    began = time.monotonic()
    status, answer = site.call("POST", f"/users/{user}/server", PLAIN)
    assert (status, time.monotonic() - began < AT_ONCE_SECONDS) == (400, True), f"{answer}\n{site.logs()}"
    assert words in answer["message"]
    latest = site.visitor(user).api("GET", "resource-form/sessions").json()["sessions"][0]
    assert latest["slurm_state"] == "NOT_SUBMITTED"
    assert words in latest["sentence"]
    assert "Monday" not in latest["sentence"]
    assert (jobs(site), site.server(user)) == ([], {})


def test_a_script_refuses(site: Site, scripts: Scripts) -> None:
    """A script that does not even ask Slurm has words of its own."""
    scripts.set("", 'echo "Your project has no hours left." >&2; exit 1')
    status, answer = site.call("POST", f"/users/{site.users[0]}/server", PLAIN)
    assert status == 400, answer
    assert "Your project has no hours left." in answer["message"]
    assert jobs(site) == []


def test_a_partition_drained_after_the_last_look(site: Site, scripts: Scripts) -> None:
    """Slurm says no at once, and the user is told."""
    site.visitor().form()
    scripts.set("", f'SLURM_CONF={site.cluster.slurm_conf} {site.cluster.bin_dir}/true; exec "$REAL" "$@"')
    site.cluster.run("scontrol", "update", "partitionname=g100_int", "state=drain")
    try:
        began = time.monotonic()
        status, answer = site.call("POST", f"/users/{site.users[0]}/server", PLAIN)
        assert (status, time.monotonic() - began < AT_ONCE_SECONDS) == (400, True), f"{answer}\n{site.logs()}"
        assert jobs(site) == []
    finally:
        site.cluster.run("scontrol", "update", "partitionname=g100_int", "state=up")
