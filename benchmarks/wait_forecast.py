"""Does what is told of past waits hold for the jobs that follow, on a real slurmctld?

``python benchmarks/wait_forecast.py``: generated jobs of a site with day and night, its days made short, on a private Slurm. Half of the
days are read through sacct and counted; the other half is scored against what that told. Prints stated and observed shares by group and
over all, and exits with 1 if one of those over all is more than 5 points off, or something could not be submitted.
"""

from __future__ import annotations

import argparse
import datetime
import math
import random
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

from private_slurm.cluster import PrivateCluster
from private_slurm.spec import Account, ClusterSpec, Member, NodeGroup, Partition
from private_slurm.users import available_users

from spawner.availability.waits import PastWaits, Within
from spawner.slurm.runner import READING_ENVIRONMENT
from spawner.slurm.waits import PastWait, parse_waits, show_waits

DAY_SECONDS, DAYS, JOBS_A_SECOND = 40.0, 8, 7.0
SCALE = 86_400 / DAY_SECONDS
MEAN_SECONDS = 3.0
GIVES_UP, PATIENCE_SECONDS = 0.03, 3.0
"""So many of the jobs are cancelled by their users after so long, if they wait still."""

LIMIT = 0.05
MONDAY = datetime.datetime(2026, 11, 2, tzinfo=datetime.timezone.utc)


@dataclass(frozen=True)
class Planned:
    """A job of the workload; ``at`` is in seconds from its begin."""

    at: float
    cores: int
    minutes: int
    seconds: float
    gives_up: bool


def workload(numbers: random.Random, days: int) -> list[Planned]:
    """A Poisson process whose rate follows the hour (thinned from its peak), small and large jobs with short and long limits."""
    found, at = [], 0.0
    peak = 1.6 * JOBS_A_SECOND
    while (at := at + numbers.expovariate(peak)) < days * DAY_SECONDS:
        if numbers.random() * 1.6 > 1 - 0.6 * math.cos(2 * math.pi * at / DAY_SECONDS):
            continue
        cores, minutes = numbers.choice((1, 1, 1, 2, 12)), numbers.choice((60, 2880))
        seconds = min(12.0, numbers.expovariate(1 / MEAN_SECONDS))
        found.append(Planned(at, cores, minutes, seconds, numbers.random() < GIVES_UP))
    return found


def submit(cluster: PrivateCluster, user: str, planned: Planned) -> None:
    """Hand one job to Slurm, and give it up where its user does."""
    options = (f"--cpus-per-task={planned.cores}", f"--time={planned.minutes}", "--mem=1M")
    job = cluster.submit(*options, user=user, script=f"exec sleep {planned.seconds:.2f}")
    if planned.gives_up:
        time.sleep(PATIENCE_SECONDS)
        cluster.run("scancel", "--state=PENDING", str(job), check=False)


def told(cluster: PrivateCluster, begin: float) -> list[PastWait]:
    """What sacct says now, with waits as long as they would be in days of 24 hours; moments are left as they are."""
    waits = parse_waits(cluster.run(*show_waits(1), env=READING_ENVIRONMENT).stdout, int(time.time()))
    return [replace(wait, seconds=round(wait.seconds * SCALE)) for wait in waits if wait.eligible >= int(begin)]


def held(job: PastWait, within: Within) -> bool | None:
    """Whether the job began within that; None where it was given up before, so that nobody knows."""
    return job.began if job.seconds <= within.seconds and job.began else None if job.seconds <= within.seconds else False


def scored(table: PastWaits, jobs: Iterable[PastWait]) -> bool:
    """Print stated and observed shares, and tell whether those over all lie within the limit."""
    cells: dict[tuple[str, str], list[tuple[float, bool]]] = defaultdict(list)
    nothing = 0
    for job in jobs:
        forecast = table.of(job.partition, cores=job.cores, gpus=job.gpus, minutes=job.minutes, now=job.eligible)
        for name in ("half", "nine_of_ten"):
            within = getattr(forecast, name, None)
            if forecast is None or within is None:
                nothing += 1
            elif (began := held(job, within)) is not None:
                cells[name, " / ".join(forecast.group)].append((within.share, began))
                cells[name, "all"].append((within.share, began))
    fine = True
    print(f"{'':12} {'group':44} {'jobs':>5} {'stated':>7} {'observed':>8} {'off':>6}")
    for (name, group), pairs in sorted(cells.items()):
        stated, observed = (sum(pair[column] for pair in pairs) / len(pairs) for column in (0, 1))
        print(f"{name:12} {group:44} {len(pairs):5} {stated:7.1%} {observed:8.1%} {100 * (observed - stated):+6.1f}")
        fine = fine and (group != "all" or abs(observed - stated) <= LIMIT)
    print(f"Nothing was told in {nothing} cases.")
    return fine and {("half", "all"), ("nine_of_ten", "all")} <= set(cells)


def main() -> int:
    """Replay and score."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--days", type=int, default=DAYS, help="an even number")
    parser.add_argument("--cores", type=int, default=40, help="of each of the two nodes")
    asked = parser.parse_args()
    jobs = workload(random.Random(asked.seed), asked.days)
    load = sum(job.cores * job.seconds for job in jobs) / (asked.days * DAY_SECONDS * 2 * asked.cores)
    print(f"Seed {asked.seed}: {len(jobs)} jobs in {asked.days} days of {DAY_SECONDS:.0f} s, load {load:.0%} without overhead.", flush=True)
    user = available_users()[0]
    spec = ClusterSpec(
        nodes=(NodeGroup("w[001-002]", cpus=asked.cores, memory_mb=100_000),),
        partitions=(Partition("work", "w[001-002]", "Default=YES MaxTime=UNLIMITED"),),
        accounts=(Account("lab"),),
        members=(Member(user, ("lab",)),),
        slurm_conf={"SchedulerParameters": "bf_interval=2,sched_interval=2,batch_sched_delay=0"},
        name="replay",
    )
    with tempfile.TemporaryDirectory(prefix="rf-replay-") as folder:
        Path(folder).chmod(0o755)
        with PrivateCluster(spec, Path(folder) / "slurm") as cluster, ThreadPoolExecutor(12) as pool:
            begin = time.time()
            first: list[PastWait] | None = None
            half = asked.days * DAY_SECONDS / 2
            handed: list[Future[None]] = []
            late = 0.0
            for planned in jobs:
                if first is None and planned.at >= half:
                    first = told(cluster, begin)
                time.sleep(max(0.0, begin + planned.at - time.time()))
                late = max(late, time.time() - begin - planned.at)
                handed.append(pool.submit(submit, cluster, user, planned))
            failed = sum(future.exception() is not None for future in handed)
            deadline = time.time() + 300
            while cluster.active_jobs() and time.time() < deadline:
                time.sleep(1)
            time.sleep(10)  # slurmdbd hears of an end seconds later
            after = [job for job in told(cluster, begin) if job.eligible >= int(begin + half)]
    assert first is not None

    def place(moment: float) -> datetime.datetime:
        """The time of day in the replay, on one of four workdays."""
        day, part = divmod(moment + 0.5 - begin, DAY_SECONDS)
        return MONDAY + datetime.timedelta(days=day % 4, seconds=part * SCALE)

    by_day: dict[int, list[int]] = defaultdict(list)
    for job in (*(each for each in first if each.began), *(each for each in after if each.began)):
        by_day[int((job.eligible + 0.5 - begin) // DAY_SECONDS)].append(round(job.seconds / SCALE))
    print("Median and mean wait of those that began, by day, in s:")
    print("  ".join(f"{statistics.median(waits):.0f}/{statistics.mean(waits):.1f}" for _day, waits in sorted(by_day.items())))
    cancelled = sum(not job.began for job in first + after)
    print(f"{len(first)} counted, {len(after)} scored, {cancelled} had not begun; {failed} not submitted, at most {late:.1f} s late.")
    return 0 if scored(PastWaits(first, place=place), after) and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
