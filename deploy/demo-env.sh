# shellcheck shell=bash
# Source this in a shell at the top of the project: amoctl and amo-monitor then speak to the stack of ./dev up.
export AMO_DATA_DIR=$PWD/var/up/data
export AMO_RUN_DIR=$PWD/var/up/run
export PATH=$PWD/build/bin:$PATH
