"""How a site wants memory and GPUs to be asked for: its plugin demands other options, or slurm.conf says nothing of the nodes' memory."""

from __future__ import annotations

from private_slurm.spec import NodeGroup, Partition

from tests.support.slurm_sites import ACCOUNTING, SlurmSite, ask

THREADS = (NodeGroup("n[1-2]", cpus=8, memory_mb=16000, options="Sockets=1 CoresPerSocket=4 ThreadsPerCore=2"),)
WITH_GPUS = (NodeGroup("n[1-2]", cpus=8, memory_mb=16000, gres="gpu:v100:2"),)
OPEN = Partition("open", "n[1-2]", "Default=YES MaxTime=8:00:00")
UNSET = 1
"""RealMemory where slurm.conf does not say it (slurm.conf(5))."""


def plugin(condition: str, words: str) -> dict[str, str]:
    """A job_submit.lua that refuses the jobs of users for which the condition holds."""
    return {
        "job_submit.lua": f"""
function slurm_job_submit(job, parts, uid)
    if uid ~= 0 and {condition} then
        slurm.log_user("{words}")
        return slurm.ERROR
    end
    return slurm.SUCCESS
end
function slurm_job_modify(job, record, parts, uid)
    return slurm.SUCCESS
end
return slurm.SUCCESS
"""
    }


LUA = {"JobSubmitPlugins": "lua"}
NO_MEM = plugin("job.min_mem_per_node ~= nil or job.min_mem_per_cpu ~= nil", "say nothing of memory")

SITES = (
    SlurmSite(
        "demands-mem-per-cpu",
        "A plugin that takes jobs with --mem-per-cpu only",
        nodes=THREADS,
        partitions=(OPEN, Partition("whole", "n[1-2]", "MaxTime=8:00:00 OverSubscribe=EXCLUSIVE")),
        slurm_conf=LUA,
        files=plugin("job.min_mem_per_cpu == nil", "use --mem-per-cpu"),
        settings={"memory_option": "mem-per-cpu"},
        limits="add qos small MaxTRESPerJob=mem=12G\nmodify user {ada} set qos=small",
        asks=(
            ask("started", cores=3, memory="12G"),
            ask("never", cores=3, memory="13G"),
            ask("started", cores=3, memory="6G", busy=("root: -w n1 --mem=9000", "root: -w n2 --mem=9000")),
            ask("waited", cores=3, memory="8G", busy=("root: -w n1 --mem=9000", "root: -w n2 --mem=9000")),
            ask("started", cores=3, memory="7001M", busy=("root: -w n1 --mem=9000", "root: -w n2 --mem=9000")),
            ask("started", partition="whole", cores=3, memory="8G"),
            ask("waited", partition="whole", cores=3, memory="8G", busy=("root: -w n1 --mem=9000", "root: -w n2 --mem=9000")),
        ),
    ),
    SlurmSite(
        "demands-gpus",
        "A plugin that takes GPUs by --gpus only",
        nodes=WITH_GPUS,
        slurm_conf=LUA,
        files=plugin("job.tres_per_job == nil", "use --gpus"),
        settings={"gpu_option": "gpus"},
        asks=(
            ask("started", gpus="v100:2"),
            ask("started", gpus="1"),
            ask("never", gpus="v100:3"),
            ask("waited", gpus="2", busy=("root: -w n1 --gres=gpu:1", "root: -w n2 --gres=gpu:1")),
        ),
        draws=0,
    ),
    SlurmSite(
        "demands-gpus-per-node",
        "A plugin that takes GPUs by --gpus-per-node only, never by --gpus",
        nodes=WITH_GPUS,
        slurm_conf=LUA,
        files=plugin("job.tres_per_job ~= nil", "use --gpus-per-node"),
        settings={"gpu_option": "gpus-per-node", "memory_option": "mem-per-cpu"},
        asks=(
            ask("started", gpus="v100:2", cores=2),
            ask("never", gpus="v100:3"),
            ask("waited", gpus="v100:1", busy=("root: -w n1 --gres=gpu:2", "root: -w n2 --gres=gpu:2")),
        ),
    ),
    SlurmSite(
        "wants-no-mem",
        "A plugin that takes no job that asks for memory: DefMemPerCPU is what they get",
        nodes=THREADS,
        slurm_conf={**LUA, "DefMemPerCPU": "1000"},
        files=NO_MEM,
        settings={"memory_option": "none"},
        limits="add qos small MaxTRESPerJob=mem=6000\nmodify user {ada} set qos=small",
        asks=(
            ask("started", cores=3),
            ask("started", cores=3, memory="64G"),
            ask("never", cores=7),
            ask("started", cores=3, busy=("root: -w n1 --mem=12000", "root: -w n2 --mem=12000")),
            ask("waited", cores=3, busy=("root: -w n1 --mem=12001", "root: -w n2 --mem=12001")),
        ),
    ),
    SlurmSite(
        "wants-no-mem-per-node",
        "As before, with DefMemPerNode of a partition and DefMemPerGPU of another",
        nodes=WITH_GPUS,
        partitions=(
            Partition("open", "n[1-2]", "Default=YES MaxTime=8:00:00 DefMemPerNode=3000"),
            Partition("cards", "n[1-2]", "MaxTime=8:00:00 DefMemPerGPU=5000"),
        ),
        slurm_conf=LUA,
        files=NO_MEM,
        settings={"memory_option": "none"},
        asks=(
            ask("started", cores=3, busy=("root: -w n1 --mem=13000", "root: -w n2 --mem=13000")),
            ask("waited", cores=3, busy=("root: -w n1 --mem=13001", "root: -w n2 --mem=13001")),
            ask(partition="cards", gpus="2", busy=("root: -w n1 --mem=6000", "root: -w n2 --mem=6000")),
            ask(partition="cards", gpus="2", busy=("root: -w n1 --mem=6001", "root: -w n2 --mem=6001")),
            ask("waited", partition="cards", gpus="0", busy=("root: -w n1 --mem=6001", "root: -w n2 --mem=6001")),
        ),
    ),
    SlurmSite(
        "gives-all-memory",
        "Jobs that ask for no memory get all of the node's, for nothing says how much they get",
        settings={"memory_option": "none"},
        asks=(
            ask("started"),
            ask("waited", cores=1, busy=("grace: -w n1 --mem=100", "grace: -w n2 --mem=100")),
            ask("started", cores=1, busy=("grace: -w n1 --mem=100",)),
        ),
    ),
    SlurmSite(
        "memory-unset",
        "slurm.conf says no RealMemory, and memory is not given out",
        nodes=(NodeGroup("n[1-2]", cpus=8, memory_mb=UNSET, gres="gpu:v100:2"),),
        slurm_conf={"SelectTypeParameters": "CR_Core"},
        busy_options=(),
        asks=(
            ask("started", cores=2, memory="4G"),
            ask("started", cores=2, memory="200G", gpus="1"),
            ask("started", cores=2, busy=("grace: -w n1 -c6", "grace: -w n2 -c6")),
            ask("waited", cores=3, busy=("grace: -w n1 -c6", "grace: -w n2 -c6")),
        ),
    ),
    SlurmSite(
        "memory-unset-and-given-out",
        "slurm.conf says no RealMemory, and memory is given out: a job takes a whole node's",
        nodes=(NodeGroup("n[1-2]", cpus=8, memory_mb=UNSET),),
        busy_options=(),
        asks=(
            ask("started", cores=2, memory="4G"),
            ask("started", cores=2, busy=("grace: -w n1 -c1",)),
            ask("waited", cores=2, busy=("grace: -w n1 -c1", "grace: -w n2 -c1")),
        ),
    ),
    SlurmSite(
        "memory-unset-on-some",
        "slurm.conf says RealMemory of one node only",
        nodes=(NodeGroup("n1", cpus=8, memory_mb=16000), NodeGroup("n2", cpus=8, memory_mb=UNSET)),
        partitions=(OPEN, Partition("unset", "n2", "MaxTime=8:00:00")),
        slurm_conf={"SelectTypeParameters": "CR_Core"},
        busy_options=(),
        asks=(
            ask("started", partition="open", cores=2, memory="4G"),
            ask("waited", partition="open", cores=3, memory="4G", busy=("grace: -w n1 -c6",)),
            ask("started", partition="unset", cores=2, memory="4G"),
            ask("never", partition="open", cores=2, memory="17000M"),
        ),
    ),
    SlurmSite(
        "whole-nodes-linear",
        "select/linear gives out whole nodes",
        nodes=WITH_GPUS,
        slurm_conf={"SelectType": "select/linear", "SelectTypeParameters": "CR_Memory"},
        accounting=ACCOUNTING,
        asks=(
            ask("started", cores=2),
            ask("waited", cores=1, memory="1G", busy=("grace: -w n1 -c1", "grace: -w n2 -c1")),
            ask("started", cores=1, memory="1G", busy=("grace: -w n1 -c1",)),
        ),
    ),
)
