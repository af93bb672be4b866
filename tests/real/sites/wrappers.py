"""Scripts of a site's around Slurm's commands, which print what they like, and plugins that write into what is submitted."""

from __future__ import annotations

from private_slurm.spec import Partition

from tests.support.slurm_sites import SlurmSite, ask

NOTICE = """
echo "***** Maintenance on Monday, 8:00 *****"
echo "2026" >&2
echo "Connection refused? Write to us." >&2
"$REAL" "$@"
status=$?
echo "Thank you for computing with us."
echo "Your home is 80 % full." >&2
exit $status
"""
"""On both outputs, before and after; with a line that is a number, and one that could be sbatch's."""

BOXED = """
printf '%s\\n' '+---------+' '| Notice: |' '+---------+'
"$REAL" "$@"
"""

COMMENT = """
function slurm_job_submit(job_desc, part_list, submit_uid)
  job_desc.comment = "charged to project 7"
  return slurm.SUCCESS
end
function slurm_job_modify(job_desc, job_rec, part_list, modify_uid)
  return slurm.SUCCESS
end
return slurm.SUCCESS
"""
WITH_PLUGIN = {"JobSubmitPlugins": "lua"}

ASKS = (
    ask("started", busy=()),
    ask("started", cores=2, busy=("grace: -w n1 -c8",)),
    ask("waited", cores=8, busy=("grace: -w n1 -c8", "grace: -w n2 -c1")),
    ask("never", cores=9),
)
"""On a cluster without jobs as well: then squeue prints nothing of its own."""

SITES = (
    SlurmSite("notices-everywhere", "A notice on both outputs of every command, before it and after it", wrappers={"*": NOTICE}, asks=ASKS),
    SlurmSite("notice-in-a-box", "A notice in a box of the signs that part the columns of tables", wrappers={"*": BOXED}, asks=ASKS),
    SlurmSite(
        "comment-rewritten",
        "A plugin puts its own comment in the place of ours, and a script prints behind the id",
        slurm_conf=WITH_PLUGIN,
        files={"job_submit.lua": COMMENT},
        wrappers={"sbatch": '"$REAL" "$@" || exit\necho "You have 3 jobs."'},
        asks=ASKS,
    ),
    SlurmSite(
        "comment-appended",
        "A plugin writes behind our comment, and a script hides the id behind words of its own",
        slurm_conf=WITH_PLUGIN,
        files={"job_submit.lua": COMMENT.replace('"charged', '(job_desc.comment or "") .. ";charged')},
        wrappers={"sbatch": 'id=$("$REAL" "$@") || exit\necho "Submitted batch job $id"'},
        asks=ASKS,
    ),
    SlurmSite(
        "arguments-as-one",
        "A script hands all arguments to a shell, as ssh does, and keeps the environment",
        wrappers={"*": 'eval "$REAL $*"'},
        partitions=(Partition("open", "n[1-2]", "Default=YES MaxTime=8:00:00"),),
        asks=ASKS,
    ),
)
