#!/usr/bin/env bash
# Prolog and Epilog of slurmd: this node's GPUs are reported as soon as a job has begun or ended here, and not up to 15 seconds later.
#
#   install --mode=0755 prolog_epilog.sh /etc/slurm/resource-form-gpu-report
#   slurm.conf:  Prolog=/etc/slurm/resource-form-gpu-report
#                Epilog=/etc/slurm/resource-form-gpu-report
#
# Not needed: the service reports without it. If you have a prolog already, call this one from it.
#
# A prolog that fails or takes long drains the node or keeps the job waiting. So nothing here can fail, and nothing is waited for: what may
# take time is left to a process of its own, which is ended after 20 seconds and holds none of slurmd's files open. It is in a process group
# of its own before this script ends (set -m), for slurmd then kills what is left of the script's.

hub_api_url=${RESOURCE_FORM_HUB_API_URL:-https://hub.example.org/hub/api}
token_file=${RESOURCE_FORM_GPU_TOKEN_FILE:-/etc/resource-form/gpu-token}
program=${RESOURCE_FORM_PROGRAM:-/opt/resource-form/bin/resource-form}
service=resource-form-gpu-report

report() {
  # The service knows of faults that a new process cannot know of (Xid errors since it began): let it report if it runs.
  systemctl --quiet is-active "$service" && systemctl kill --kill-who=main --signal=USR1 "$service" && return
  # $SLURMD_NODENAME, which slurmd sets here, is the node.
  "$program" gpu-report --once --hub-api-url "$hub_api_url" --token-file "$token_file" --time-limit 15
}

if [ "${1:-}" = report ]; then
  report
else
  set -m
  timeout --kill-after=5 20 "$0" report </dev/null >/dev/null 2>&1 &
fi
exit 0
