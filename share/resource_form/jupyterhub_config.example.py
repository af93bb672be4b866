"""A configuration that an HPC centre can start from.

Copy it to /etc/jupyterhub/jupyterhub_config.py, read it once from top to bottom, and change what the comments ask for.
Every line that is commented out says whether it shows the default or an example. ``jupyterhub --help-all`` lists all there is.
"""

import spawner

c = get_config()  # noqa: F821 - JupyterHub provides it

# The spawner, its pages, and two defaults of the Hub that fit a batch system. Lines below this one win over it.
spawner.configure(c)
# Where nodes report what their GPUs do (docs/gpus.md), in place of the line above:
#     spawner.configure(c, gpu_report_token_file="/etc/jupyterhub/gpu-report-token")
# It adds a service and a role. Further down, services and roles of your own are to be added as well (JupyterHub.services.append,
# JupyterHub.load_roles.append), not set anew. For a log of JSON lines (docs/logs.md):
#     spawner.configure(c, json_log=True)

# --- Log-in -----------------------------------------------------------------------------------------------------------------
# The cluster's own users. Any other authenticator does as well, if the names it gives are those of the system's users.
c.JupyterHub.authenticator_class = "pam"
c.LocalAuthenticator.allowed_groups = {"hpc-users"}
c.Authenticator.admin_users = {"jupyter-admin"}

# --- Addresses --------------------------------------------------------------------------------------------------------------
# What people type. Put TLS in front of it (nginx, Apache), or give the proxy a certificate.
c.JupyterHub.bind_url = "http://127.0.0.1:8000"
# Compute nodes call the Hub here: an address of this machine that they can reach.
c.JupyterHub.hub_ip = "0.0.0.0"
# c.JupyterHub.hub_connect_ip = "hub.cluster.example"
# c.ConfigurableHTTPProxy.should_start = False  # where the proxy is a service of its own, so that it outlives the Hub

# --- Slurm ------------------------------------------------------------------------------------------------------------------
# This section was called c.Cluster; that name still works, and the Hub's log says what to write instead.
# Where slurm.conf and the commands are, if not in their usual places.
# c.SlurmCluster.slurm_conf = "/etc/slurm/slurm.conf"  # example; default: ""
# c.SlurmCluster.bin_dir = "/usr/bin"  # example; default: ""

# What this Hub calls itself in its jobs' comments. Two Hubs on one cluster need two names.
c.SlurmCluster.hub_name = "jupyterhub"

# Jobs with this Hub's name that belong to no session: "adopt" (make them sessions again), "cancel" or "report" (in the log only), and
# how often they are looked for (seconds).
# c.SlurmCluster.orphaned_jobs = "adopt"  # default
# c.SlurmCluster.sweep_interval = 600  # default

# How jobs ask for memory ("mem", "mem-per-cpu", "none": the site's default) and for GPUs ("gres", "gpus", "gpus-per-node"), where a plugin
# of Slurm's wants other options than --mem and --gres.
# c.SlurmCluster.memory_option = "mem"  # default
# c.SlurmCluster.gpu_option = "gres"  # default

# Names by which Slurm knows the machine that jobs are submitted from, for partitions with AllocNodes. Empty: this machine's own names.
# c.SlurmCluster.submit_hosts = ["portal01"]  # example; default: []

# The only partitions in which sessions may run. Empty: all that are not hidden.
# c.SlurmCluster.partitions = ["g100_int"]  # example; default: []

# A Hub that is root submits each job as its user by itself. A Hub that is another user needs the rule in
# share/resource_form/sudoers (installed with the package), with the programs of which it speaks, and goes through this command.
# c.SlurmCluster.sudo = ["sudo", "-n"]  # default

# How old, in seconds, what the form shows may be. Slurm is asked only while somebody looks.
# c.SlurmCluster.nodes_interval = 20  # default
# c.SlurmCluster.layout_interval = 180  # default
# c.SlurmCluster.accounting_interval = 600  # default
# c.SlurmCluster.holdings_interval = 120  # default
# c.SlurmCluster.jobs_interval = 15  # default
# c.SlurmCluster.starting_interval = 8  # default
# What running sessions use of CPU and memory, while their users look (0: not asked; only a Hub that is root or SlurmUser is told):
# c.SlurmCluster.usage_interval = 60  # default
# c.SlurmCluster.command_timeout = 60  # default

# Where nodes report their GPUs: whether one that is faulty, or filled by a process outside of Slurm, counts as taken although Slurm calls
# it free, and for how many seconds it has to be so filled.
# c.SlurmCluster.trust_gpu_reports = True  # default
# c.SlurmCluster.gpu_stray_after = 30  # default

# For how many seconds the report of a node about its GPUs counts; nodes report every 15.
# c.SlurmCluster.gpu_reports_fresh = 90  # default

# Whether users may ask Slurm when a request would start, and after how many seconds such a question is given up.
# c.SlurmCluster.estimates = True  # default
# c.SlurmCluster.estimate_timeout = 3  # default

# --- Software ---------------------------------------------------------------------------------------------------------------
# The releases that the form offers; share/resource_form/releases.example.yaml is one to start from.
# c.ResourceFormSpawner.catalogue_file = "/etc/jupyterhub/releases.yaml"  # example; default: ""
# Who may choose releases that are not tested, no longer supported, or disabled; the form has them under "Advanced".
# c.ResourceFormSpawner.advanced_releases = {"untested": {"groups": ["testers"]}, "ended": True, "disabled": "admins"}  # example

# Links to the site's storage areas that users find in their homes, made in the job where the area is there.
# c.ResourceFormSpawner.home_links = {"work": "$WORK", "scratch": "$CINECA_SCRATCH", "work_{account}": "/work/{account}"}  # example

# The storage areas in which users may have a session start; "local": it is on the node itself, and lost with the session.
# c.ResourceFormSpawner.start_folders = {"home": "$HOME", "work": "/work/{account}", "tmp": {"path": "$TMPDIR", "local": True}}  # example
# The site's command that tells what its user has used of them, a JSON object a line; run as the user, and never waited for.
# c.ResourceFormSpawner.storage_command = ["/opt/site/bin/quota", "--json"]  # example; default: []
# c.ResourceFormSpawner.storage_interval = 600  # default

# --- The form ---------------------------------------------------------------------------------------------------------------
# Choices and limits come from Slurm. Here they can be narrowed, preset, locked or hidden, written as a user would type them.
# c.ResourceFormSpawner.fields = {  # example; default: {}
#     "cores": {"default": 4, "maximum": 24},
#     "memory": {"default": "16G", "maximum": "180G"},
#     "gpus": {"default": 0, "maximum": 1},
#     "walltime": {"default": "2h", "maximum": "8h"},
#     "partition": {"default": "g100_int", "locked": True},
#     "interface": {"hidden": True},
#     "color": {"hidden": True},
#     "qos": {},  # a field for the QOS, which is not there without this
#     "constraint": {},  # so is one for features of nodes
#     "nodes": {"maximum": 4}, "tasks": {},  # sessions on several nodes, and several tasks on a node
#     "account": {"help": "Ask your principal investigator for more hours."},
# }
# Requests that are chosen with one press: for everyone, or for those in a group or with an account, a partition or a reservation.
# c.ResourceFormSpawner.presets = [{  # example; default: []
#     "name": "small-gpu", "label": "Small GPU", "description": "For trying things out.",
#     "values": {"gpus": 1, "cores": 8, "memory": "32G", "walltime": "4h"},
#     "partitions": ["g100_int"],
# }]
# More fields and presets in a file, which is read again when it changes: a course is added without a restart of the Hub.
# c.ResourceFormSpawner.form_file = "/etc/jupyterhub/form.yaml"  # example; default: ""
# Presets and Start, nothing else, for everyone (True) or for some: a class that should not have to choose.
# c.ResourceFormSpawner.only_presets = {"groups": ["school"]}  # example; default: False
# The login node by which `resource-form forward` leads to the node of a session.
# c.ResourceFormSpawner.login_host = "login.cluster.example"  # example; default: ""
# c.ResourceFormSpawner.support_text = "Questions: support@cluster.example"  # example; default: ""
# The language of the form and of all that users are told; without it each user's browser decides between English and Italian.
# c.ResourceFormSpawner.language = "it"  # example; default: ""

# Links with options fill the form and start nothing; this lets those start a session that stand on a page of the Hub's own site.
# c.ResourceFormSpawner.links_may_start = True  # example; default: False

# --- Bounds ------------------------------------------------------------------------------------------------------------------
# How much of anything the Hub takes; docs/security.md says what becomes of more. These are the defaults.
# c.ResourceFormBounds.request_keys = 100  # keys
# c.ResourceFormBounds.request_characters = 100000  # characters
# c.ResourceFormBounds.request_values = 2000  # values
# c.ResourceFormBounds.request_depth = 4  # levels
# c.ResourceFormBounds.body_bytes = 1000000  # bytes
# c.ResourceFormBounds.requests = 300  # requests in ten seconds
# c.ResourceFormBounds.requests_of_strangers = 1000  # requests in ten seconds
# c.ResourceFormBounds.pages = 40  # pages in ten seconds
# c.ResourceFormBounds.start_requests = 20  # starts a minute
# c.ResourceFormBounds.checks = 30  # checks in ten seconds
# c.ResourceFormBounds.estimates = 10  # estimates a minute
# c.ResourceFormBounds.estimates_in_all = 240  # estimates a minute
# c.ResourceFormBounds.refusals = 20  # refusals in ten seconds
# c.ResourceFormBounds.streams = 20  # event streams
# c.ResourceFormBounds.streams_in_all = 2000  # event streams
# c.ResourceFormBounds.starts = 3  # starts
# c.ResourceFormBounds.starts_in_all = 8  # starts
# c.ResourceFormBounds.ended_sessions = 1000  # sessions
# c.ResourceFormBounds.ended_days = 30  # days
# c.ResourceFormBounds.process_bytes = 128000000  # bytes
# c.ResourceFormBounds.user_process_bytes = 8000000  # bytes
# c.ResourceFormBounds.complaint_bytes = 200000  # bytes
# c.ResourceFormBounds.list_rows = 1000000  # rows
# c.ResourceFormBounds.value_characters = 1000000  # characters
# c.ResourceFormBounds.site_process_bytes = 8000000  # bytes

# --- Announcements ----------------------------------------------------------------------------------------------------------
# Announcements for the form, and partitions that are in trouble or take no new sessions; share/resource_form/notices.example.yaml is one
# to start from. A command may print the same, as YAML or JSON; how often it is asked (seconds).
# c.ResourceFormSpawner.notices_file = "/etc/jupyterhub/notices.yaml"  # example; default: ""
# c.ResourceFormSpawner.notices_command = ["/opt/site/bin/notices", "--json"]  # example; default: []
# c.ResourceFormSpawner.notices_interval = 60  # default

# --- Budgets ----------------------------------------------------------------------------------------------------------------
# What Slurm knows of budgets (GrpTRESMins) is shown without further ado. Where a site keeps them elsewhere, a command of its own tells of
# them, as JSON; how often it is asked (seconds); and whether a request beyond a budget is warned of or refused.
# c.ResourceFormSpawner.budget_command = ["/opt/site/bin/budgets", "--json", "--user", "{user}"]  # example; default: []
# c.ResourceFormSpawner.budget_interval = 600  # default
# c.ResourceFormSpawner.over_budget = "refuse"  # example; default: "warn"
# Sessions that cost nothing, as in pre-production: True for all, or names of partitions and accounts.
# c.ResourceFormSpawner.not_charged = ["g100_int", "cin_training"]  # example; default: False

# --- The job ----------------------------------------------------------------------------------------------------------------
# Options of sbatch that every job gets; they win over the form's.
# c.ResourceFormSpawner.sbatch_options = ["--qos=interactive", "--constraint=v100"]  # example; default: []
# Ports of the compute nodes that the Hub's proxy can reach through the firewall.
# c.ResourceFormSpawner.port_range = "20000-20999"  # example; default: ""
# How files are protected that are made in a session.
# c.ResourceFormSpawner.job_umask = "0022"  # default
# How long a job may wait in the queue, and how long its server may take to listen (seconds). JupyterHub's own limit follows from
# both unless it is set; below their sum it would end a start first.
# c.ResourceFormSpawner.queue_timeout = 3600  # default
# c.ResourceFormSpawner.listen_timeout = 300  # default
# c.ResourceFormSpawner.start_timeout = 3960  # example; default: 0
# How often the Hub looks whether a session lives (seconds); it reads what SlurmCluster.jobs_interval keeps fresh.
# c.ResourceFormSpawner.poll_interval = 10  # default
# How many past sessions of each user are kept in the Hub's database, and for how many days; 0 keeps none.
# c.ResourceFormSpawner.history_length = 50  # example; default: 100
# c.ResourceFormSpawner.history_days = 30  # example; default: 90
# How long before the end of a session its user is warned (minutes).
# c.ResourceFormSpawner.warn_minutes = [60, 10]  # example; default: [15, 5]
# GPUs that nobody uses, where nodes report what they do: minutes until their user is told, and minutes after that until the session is
# stopped (0: never).
# c.ResourceFormSpawner.idle_gpu_minutes = 60  # example; default: 0
# c.ResourceFormSpawner.idle_gpu_stop_minutes = 30  # example; default: 0
# What users are told of their sessions elsewhere: of which events, how many minutes before the end, so many times an hour at most; by
# e-mail, by a command that gets JSON on its standard input, or at an address to post it to.
# c.ResourceFormSpawner.message_kinds = ["ends_soon", "idle"]  # example; default: ["started", "ends_soon", "ended", "idle"]
# c.ResourceFormSpawner.message_end_minutes = 30  # example; default: 15
# c.ResourceFormSpawner.message_hourly = 5  # example; default: 20
# c.ResourceFormSpawner.message_mail_server = "localhost"  # example; default: ""
# c.ResourceFormSpawner.message_mail_from = "jupyter@example.org"  # example; default: ""
# c.ResourceFormSpawner.message_mail_to = "{username}@example.org"  # example; default: ""
# c.ResourceFormSpawner.message_command = ["/opt/site/bin/tell-user"]  # example; default: []
# c.ResourceFormSpawner.message_webhook = "https://chat.example.org/hooks/sessions"  # example; default: ""
# Whether JupyterLab shows a bar with the session's name, job, node, time left and a button that stops it.
# c.ResourceFormSpawner.lab_extension = False  # example; default: True
# Folders with your own versions of resource_form/job_script.sh, form.html, availability.html; they may extend ours as
# "ours/resource_form/…".
# c.ResourceFormSpawner.template_paths = ["/etc/jupyterhub/templates"]  # example; default: []

# --- Servers ----------------------------------------------------------------------------------------------------------------
# More than one session for each user, each a job of its own with a name and a colour.
# c.JupyterHub.allow_named_servers = True
# c.JupyterHub.named_server_limit_per_user = 5
