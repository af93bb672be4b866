"""Words and sentences of Slurm's own: they stay where any other word of a text is made unreadable.

Sources: src/common/slurm_errno.c, slurm_get_errno and job_reason_string in src/common (squeue(1), JOB REASON CODES), the manual pages.
"""

from __future__ import annotations

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


RESERVED = frozenset({"", "(null)", "N/A", "n/a", "ALL", "NONE", "None", "UNLIMITED", "Unknown", "root", "slurm", "normal"})
"""What stands where a name may stand and is nobody's: Slurm's words for none and for all, and names that every Slurm has."""

COMMON_RESOURCES = frozenset(
    {"cpu", "mem", "node", "billing", "energy", "pages", "vmem", "disk", "gpu", "shard", "mps", "gpumem", "gpuutil"}
)

JOB_SUBMIT_PLUGINS = frozenset(
    {"lua", "all_partitions", "require_timelimit", "throttle", "partition", "defaults", "logging", "cray_aries", "pbs"}
)
"""Those that come with Slurm (slurm.conf(5), JobSubmitPlugins)."""

SENTENCES = (
    "Access denied to requested reservation",
    "Access/permission denied",
    "Batch job submission failed",
    "Broken pipe",
    "Communication connection failure",
    "Connection refused",
    "Connection reset by peer",
    "Connection timed out",
    "Could not establish a configuration source",
    "Current Association Manager state",
    "Association Records",
    "QOS Records",
    "Header lengths are longer than data received",
    "Incompatible versions of client and server code",
    "Invalid authentication credential",
    "Invalid partition name specified",
    "Invalid user id",
    "Message receive failure",
    "Message send failure",
    "Message send/receive failure",
    "No jobs in the system",
    "No nodes in the system",
    "No partitions in the system",
    "No reservations in the system",
    "No route to host",
    "No such file or directory",
    "Permission denied",
    "Protocol authentication error",
    "Rate limit exceeded",
    "Requested operation is presently disabled",
    "Requested partition configuration not available now",
    "Required node not available (down, drained or reserved)",
    "Required partition not available (inactive or drain)",
    "Resource temporarily unavailable",
    "Slurm accounting storage is disabled",
    "Slurm backup controller in standby mode",
    "Slurm internal error",
    "Socket timed out on send/recv operation",
    "Transport endpoint is not connected",
    "Unable to contact slurm controller (connect failure)",
    "Unable to contact slurm controller",
    "Unexpected message received",
    "Unspecified error",
    "You are not running a supported accounting_storage plugin",
    "You don't have permission to do this",
    "Zero Bytes were transmitted or received",
    "Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions",
    "Job's account not permitted to use this partition",
    "Job's QOS not permitted to use this partition",
    "launch failed requeued held",
    "job requeued in held state",
    "user env retrieval failed requeued held",
    "Reserved for maintenance",
    "Not responding",
    "Node unexpectedly rebooted",
    "Low RealMemory",
    "Low socket*core*thread count",
    "Low CPUs",
    "Low TmpDisk",
    "Kill task failed",
    "Prolog error",
    "Epilog error",
    "batch job complete failure",
    "gres/gpu count reported lower than configured",
    "gres/gpu count too low",
    "health check failed",
    "Slurm is not installed on this service.",
    "A Slurm command could not be started.",
    "Slurm did not answer in time.",
    "Slurm's answer is longer than this service reads.",
    "was ended",
)

_SENTENCES = re.compile("|".join(re.escape(sentence) for sentence in sorted(SENTENCES, key=len, reverse=True)))

WORDS = _words(
    """
    sacctmgr scontrol squeue sbatch slurmctld slurmdbd slurmd slurm Slurm munge error fatal warning debug info failed failure
    slurm_load_jobs slurm_load_node slurm_load_partitions slurm_load_reservations slurm_load_assoc_mgr_info slurm_load_ctl_conf
    slurm_persist_conn_open_without_init slurm_persist_conn_open slurm_receive_msg slurm_get_auth_info slurm_conf slurm_set_addr
    slurm_send_node_msg slurm_unpack_received_msg slurm_msg_sendto resolve_ctls_from_dns_srv fetch_config _establish_config_source
    s_p_parse_file accounting_storage associations invalid unknown option field request The the a an to of on in for from with
    is was be been are not no this that Problem problem connecting connection talking database host address port line file
    Unknown Invalid Unable unable open read write version protocol timeout timed out reading
    GPU CPU RAM ECC XID DIMM NVLink Xid down drain drained DOWN DRAINED reboot maintenance Maintenance MAINT
    UnavailableNodes ReservedNodes Linux SMP PREEMPT_DYNAMIC PREEMPT Debian Ubuntu UTC GMT primary UP
    """
)

_REASONS = _words(
    """
    None Priority Dependency Resources PartitionNodeLimit PartitionTimeLimit PartitionDown PartitionInactive JobHeldAdmin JobHeldUser
    BeginTime Licenses AssociationJobLimit AssociationResourceLimit AssociationTimeLimit Reservation ReqNodeNotAvail NodeDown
    SystemFailure JobLaunchFailure NonZeroExitCode RaisedSignal TimeLimit InactiveLimit InvalidAccount InvalidQOS QOSUsageThreshold
    QOSJobLimit QOSResourceLimit QOSTimeLimit Cleaning Prolog QOSNotAllowed AccountNotAllowed DependencyNeverSatisfied PartitionConfig
    JobArrayTaskLimit BurstBufferResources BurstBufferStageIn BurstBufferOperation FrontEndDown NodesFail BadConstraints
    JobHoldMaxRequeue MaxMemPerLimit MaxGRESPerAccount MaxJobsPerAccount MaxPoweredUpNodes MpiPortsBusy NodesNotAvail OutOfMemory
    ReservationDeleted SchedDefer StageInFailed Constraints FedJobLock HetDependency InvalidConstraints DeadLine QOSGrpNodeLimit
    ReqNodeNotAvail WrongNode Killed
    """
)
_LIMIT_REASON = re.compile(r"(?:Assoc|QOS)(?:Grp|Max|Min)(?:[A-Z][A-Za-z]{0,11}){1,6}", re.ASCII)

_KEYS = _words(
    """
    NodeName Arch CoresPerSocket CPUAlloc CPUEfctv CPUTot CPULoad AvailableFeatures ActiveFeatures Gres GresDrain GresUsed NodeAddr
    NodeHostName Port Version OS RealMemory AllocMem FreeMem Sockets Boards State ThreadsPerCore TmpDisk Weight Owner MCS_label
    Partitions BootTime SlurmdStartTime LastBusyTime CfgTRES AllocTRES CapWatts CurrentWatts AveWatts Reason Comment Extra InstanceId
    InstanceType ReservationName PartitionName StartTime EndTime Duration Nodes NodeCnt CoreCnt Features Flags TRES Users Groups
    Accounts Licenses BurstBuffer JobId JobName CPU_IDs Mem GRES
    """
)


def parts(text: str) -> list[tuple[bool, str]]:
    """Split a text into Slurm's own sentences (True) and what stands between them."""
    found: list[tuple[bool, str]] = []
    at = 0
    for match in _SENTENCES.finditer(text):
        found += [(False, text[at : match.start()]), (True, match[0])]
        at = match.end()
    return [part for part in [*found, (False, text[at:])] if part[1]]


def is_own_word(word: str, *, is_key: bool = False) -> bool:
    """Tell whether a word is Slurm's, as a reason of a job is, or an English one of its messages; a key only in front of ``=``."""
    return word in WORDS or word in _REASONS or bool(_LIMIT_REASON.fullmatch(word)) or (is_key and word in _KEYS)
