#!/usr/bin/env bash
# HealthCheckProgram of slurmd: drains this node if one of its GPUs cannot be used any more, so that no further job is sent to it.
#
#   install --mode=0755 health_check.sh /etc/slurm/resource-form-health-check
#   slurm.conf:  HealthCheckProgram=/etc/slurm/resource-form-health-check
#                HealthCheckInterval=300
#                HealthCheckNodeState=ANY,CYCLE
#
# Jobs that run go on. A node that is drained, failing or down already is left alone with its reason, whoever has set it. Nothing is resumed
# from here: that is for whoever has looked at the node.
#
# What cannot be looked at (no driver, no answer of Slurm's, no permission) drains nothing. slurmd ends a check that takes 60 seconds.

program=${RESOURCE_FORM_PROGRAM:-/opt/resource-form/bin/resource-form}
node=${SLURMD_NODENAME:-$(hostname -s)}
longest_reason=200

broken=$(timeout --kill-after=5 30 "$program" gpu-report --check --node "$node" --time-limit 20 2>/dev/null)
[ $? -eq 3 ] || exit 0

known=$(timeout 20 scontrol --oneliner show node "$node" 2>/dev/null) || exit 0
state=$(sed -n 's/.* State=\([^ ]*\).*/\1/p' <<<"$known")
case "$state" in
  '' | *DRAIN* | *FAIL* | *DOWN*) exit 0 ;;
esac

found=${broken//$'\n'/; }
timeout 20 scontrol update NodeName="$node" State=DRAIN Reason="${found:0:longest_reason}"
exit 0
