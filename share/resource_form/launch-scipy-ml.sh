#!/bin/sh
# The preset scipy-ml, and whatever else is typed: launch-scipy-ml.sh -c 8 -m 32. Copy this file and edit it for a launch script of your own.
exec resource-form launch -P scipy-ml "$@"
