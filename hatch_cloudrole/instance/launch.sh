#!/bin/sh
# launch.sh: finds the interpreter that configure used, then role.py launch runs the role's program. It ends with
# the program's exit code; 111: no interpreter, 113: anything else before role.py.
script=launch.sh
set -u
bin=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 113
approot=$(dirname -- "$bin")
if [ ! -r "$bin/_cloudrole/interpreter.sh" ]; then
    line="$script FAILED with exit code 113: $bin/_cloudrole/interpreter.sh cannot be read; deploy the package again"
    printf '%s\n' "$line" >&2
    logs=${CLOUDROLE_LOG_DIR:-logs}
    case $logs in /*) ;; *) logs=$approot/$logs ;; esac
    mkdir -p -- "$logs" && printf '%s\n' "$line" >>"$logs/$script.log"
    exit 113
fi
# shellcheck source=hatch_cloudrole/instance/_cloudrole/interpreter.sh
. "$bin/_cloudrole/interpreter.sh"

remembered=
if [ -r "$role_home/python.txt" ]; then
    remembered=$(cat -- "$role_home/python.txt")
fi
find_python "$remembered"
[ -n "$python" ] || fail 111 "there is no CPython $version on this machine; configure.sh has to run first"
CLOUDROLE_INTERPRETER_REASON=$reason
export CLOUDROLE_INTERPRETER_REASON
exec "$python" "$bin/role.py" launch
