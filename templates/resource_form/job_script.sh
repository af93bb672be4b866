#!/bin/bash
{% macro set_up(software) %}
{% for module in software.modules %}
module load {{ module | quote }}
{% endfor %}
{% for name, value in software.environment.items() %}
export {{ name }}={{ value | quote }}
{% endfor %}
{% if software.path %}
export PATH={{ software.path | quote }}:"$PATH"
{% endif %}
{% if software.conda %}
export CONDA_PREFIX={{ software.conda | quote }}
export CONDA_DEFAULT_ENV="${CONDA_PREFIX##*/}" CONDA_SHLVL=1 PATH="$CONDA_PREFIX/bin:$PATH"
for activation in "$CONDA_PREFIX"/etc/conda/activate.d/*.sh; do
  [ -r "$activation" ] && . "$activation"
done
{% endif %}
{% if software.virtual_environment %}
unset PYTHONHOME
export VIRTUAL_ENV={{ software.virtual_environment | quote }}
export PATH="$VIRTUAL_ENV/bin:$PATH"
{% endif %}
{% if software.container %}
export RESOURCE_FORM_CONTAINER={{ software.container | container | quote }}
{% endif %}
{% if software.setup_script %}
if [ ! -r {{ software.setup_script | quote }} ]; then
  echo "resource-form: the set-up script "{{ software.setup_script | quote }}" of release $RESOURCE_FORM_RELEASE cannot be read" >&2
  exit 80
fi
. {{ software.setup_script | quote }}
{% endif %}
{% endmacro %}
# The job of one session. What the user chose reaches sbatch as arguments and the job as environment variables;
# nothing of it stands in this text. The site's own parts come from the catalogue of releases.

# Only the launcher knows what to do with it: a Hub that has lost the session asks for the port again.
trap '' USR1

umask 077
log_folder="${XDG_STATE_HOME:-$HOME/.local/state}/jupyterhub-resource-form"
# To its end always, so that nothing is written over what others have put there.
mkdir -p "$log_folder" && : >"$log_folder/$SLURM_JOB_ID.log" && exec >>"$log_folder/$SLURM_JOB_ID.log" 2>&1
umask "${RESOURCE_FORM_UMASK:-0022}"

# The site's set-up (modules, for one), but not the user's own start-up files: a broken .bashrc must not break the session.
[ -r /etc/profile ] && . /etc/profile
{% if software %}
case "$(uname -m)" in
{% for architecture, own in software.items() %}
{{ architecture }})
{{ set_up(own) -}}
{{ release.architectures[architecture].prologue }}
  ;;
{% endfor %}
*)
  echo "resource-form: release $RESOURCE_FORM_RELEASE is not built for $(uname -m), the architecture of this node" >&2
  exit 80
  ;;
esac
{% else %}
{{ set_up(release) -}}
{% endif %}
{% block prologue %}
{{ release.prologue }}
{% endblock prologue %}

{% if release.first_login %}
export RESOURCE_FORM_FIRST_LOGIN={{ {"release": release.tag, "script": release.first_login.script} | tojson_plain | quote }}
{% endif %}

# Where Slurm does not fence devices, a session without GPUs must not see those of others. Slurm takes the variable out of the
# environment that sbatch hands over, so it is set here.
[ "$RESOURCE_FORM_GPUS" = 0 ] && export CUDA_VISIBLE_DEVICES=""

# srun of Slurm 22.05 to 23.02 does not read SLURM_CPUS_PER_TASK any more.
export SRUN_CPUS_PER_TASK="$SLURM_CPUS_PER_TASK"
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-$SLURM_CPUS_PER_TASK}"
export OPENBLAS_NUM_THREADS="${OPENBLAS_NUM_THREADS:-$SLURM_CPUS_PER_TASK}"
export MKL_NUM_THREADS="${MKL_NUM_THREADS:-$SLURM_CPUS_PER_TASK}"
export NUMEXPR_MAX_THREADS="${NUMEXPR_MAX_THREADS:-$SLURM_CPUS_PER_TASK}"

if ! command -v python3 >/dev/null; then
  echo "resource-form: there is no python3 in release $RESOURCE_FORM_RELEASE, nor on this node" >&2
  exit 127
fi
exec python3 -I - <<'{{ end_of_launcher }}'
{{ launcher }}
{{ end_of_launcher }}
# Only reached where the text above could not be handed over: it goes through a temporary file.
echo "resource-form: the launcher could not be started; is there room in ${TMPDIR:-/tmp}?" >&2
exit 88
