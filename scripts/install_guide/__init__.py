"""Runs docs/install.md from nothing: a Debian that has just been bootstrapped, the guide's commands one after the other, and a session.

`python3 -m install_guide --help`; `scripts/test --install` calls it. Root on Debian or Ubuntu is needed. Nothing of this machine is
changed: what runs is in folders of its own, in name spaces for mounts and processes that end with it. The network is this machine's, so
ports 443, 8000, 8001 and 8081 have to be free.
"""
