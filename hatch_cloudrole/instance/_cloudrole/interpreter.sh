# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # it shares its variables with the scripts that read it in
# interpreter.sh: what configure.sh and launch.sh both need: where things are, how a failure is told, and which
# interpreter there is. Both read it in, after setting script, bin and approot.

# A relative path is relative to approot.
below() {
    case $1 in
    /*) printf '%s' "$1" ;;
    *) printf '%s/%s' "$approot" "$1" ;;
    esac
}

# It would lead an interpreter to the standard library of another one.
unset PYTHONHOME

role_home=$(below "${CLOUDROLE_HOME:-.cloudrole}")

# role.py has its own log; this is for what keeps it from starting.
fail() {
    code=$1
    shift
    printf '%s FAILED with exit code %s: %s\n' "$script" "$code" "$*" >&2
    logs=$(below "${CLOUDROLE_LOG_DIR:-logs}")
    mkdir -p -- "$logs" 2>/dev/null
    if [ -d "$logs" ] && [ -w "$logs" ]; then
        printf '%s FAILED with exit code %s: %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$code" "$*" >>"$logs/$script.log"
    fi
    exit "$code"
}

# Print the first text that role.json has for a key. A backslash begins an escape, which only Python should read.
setting() {
    tr -d '\n' <"$bin/role.json" | awk -v key="$1" '{
        if (match($0, "\"" key "\"[ \t]*:[ \t]*\"[^\"]*\"")) {
            text = substr($0, RSTART, RLENGTH)
            sub(/^"[^"]*"[ \t]*:[ \t]*"/, "", text)
            sub(/"$/, "", text)
            if (index(text, "\\")) exit 3
            print text
        }
    }' || fail 113 "$bin/role.json: $1 holds a character that sh cannot read; name the interpreter with PYTHON"
}

# Whether an interpreter starts, and is the CPython that the wheels are for.
fits() {
    "$1" -I -c 'import sys, sysconfig
built = sysconfig.get_platform().replace("-", "_")
sys.exit(sys.implementation.name != "cpython" or "{}.{}".format(*sys.version_info) != sys.argv[1]
    or bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
    or built.startswith("linux_") and not sys.argv[2].endswith(built[5:]))' "$minor" "$platform" 2>/dev/null
}

# The interpreter in a folder of what was obtained or packaged, as python-build-standalone and others have it.
python_in() {
    for path in "$1/python/bin/python3" "$1/bin/python3"; do
        if [ -x "$path" ]; then
            printf '%s' "$path"
            return
        fi
    done
}

# Use an interpreter that is named, which has to be there.
named() {
    python=$(below "$1")
    reason=$2
    if [ ! -f "$python" ] || [ ! -x "$python" ]; then
        fail 111 "$python is missing, but $reason; install it there or name another"
    fi
}

# Set python and reason, or leave python empty. $1 is the interpreter that configure used, where it is known.
find_python() {
    python=
    path=$(setting interpreter) || exit $?
    if [ -n "$path" ]; then
        named "$path" 'deployed-python-interpreter-path names it'
        return
    fi
    if [ -n "${PYTHON:-}" ]; then
        named "$PYTHON" 'the PYTHON variable names it'
        return
    fi
    if [ -n "$1" ] && [ -x "$1" ]; then
        python=$1
        reason='configure used it'
        return
    fi
    python=$(python_in "$approot/runtime")
    if [ -n "$python" ]; then
        reason='it is in the package'
        return
    fi
    for name in "python$minor" python3 python; do
        path=$(command -v "$name") || continue
        if fits "$path"; then
            python=$path
            reason='it is on the PATH'
            return
        fi
    done
    python=$(python_in "$role_home/python-$version")
    reason='it was obtained before'
}

[ -r "$bin/role.json" ] || fail 113 "$bin/role.json cannot be read; deploy the package again"
version=$(setting python) || exit $?
platform=$(setting platform) || exit $?
minor=${version%.*}
