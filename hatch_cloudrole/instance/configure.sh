#!/bin/sh
# configure.sh: finds or obtains the interpreter, then role.py configure does the work. It may run any number of
# times, and ends with role.py's exit code; 111: no interpreter, 112: it could not be obtained, 113: anything else
# before role.py.
script=configure.sh
# Begin of what configure.sh and launch.sh have alike.
set -u
bin=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 113
approot=$(dirname -- "$bin")

# A relative path is relative to approot.
below() {
    case $1 in
    /*) printf '%s' "$1" ;;
    *) printf '%s/%s' "$approot" "$1" ;;
    esac
}

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
    "$1" -I -c 'import sys
sys.exit(sys.implementation.name != "cpython" or "{}.{}".format(*sys.version_info) != sys.argv[1])' "$minor" 2>/dev/null
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
    for path in "$approot/runtime/python/bin/python3" "$approot/runtime/bin/python3"; do
        if [ -x "$path" ]; then
            python=$path
            reason='it is in the package'
            return
        fi
    done
    for name in "python$minor" python3 python; do
        path=$(command -v "$name") || continue
        if fits "$path"; then
            python=$path
            reason='it is on the PATH'
            return
        fi
    done
    for path in "$role_home/python-$version/python/bin/python3" "$role_home/python-$version/bin/python3"; do
        if [ -x "$path" ]; then
            python=$path
            reason='it was obtained before'
            return
        fi
    done
}

[ -r "$bin/role.json" ] || fail 113 "$bin/role.json cannot be read; deploy the package again"
version=$(setting python) || exit $?
minor=${version%.*}
# End of what both have alike.

sha256() {
    if command -v sha256sum >/dev/null; then
        sha256sum <"$1" | cut -c1-64
    else
        shasum -a 256 <"$1" | cut -c1-64
    fi
}

download() {
    if command -v curl >/dev/null; then
        curl -fsSL --retry 5 --connect-timeout 30 -o "$2" "$1"
    elif command -v wget >/dev/null; then
        wget -q -t 5 -T 30 -O "$2" "$1"
    else
        echo 'neither curl nor wget is installed' >&2
        return 1
    fi
}

# Unpack the pinned build beside its place, then rename it: a killed run leaves nothing that looks whole.
obtain() {
    source=$1
    hash=$2
    mkdir -p -- "$role_home" && beside=$(mktemp -d "$role_home/get.XXXXXX") || return 1
    trap 'rm -rf -- "$beside"' EXIT
    if [ -f "$source" ]; then
        cp -- "$source" "$beside/archive" || return 1
    else
        download "$source" "$beside/archive" || return 1
    fi
    found=$(sha256 "$beside/archive")
    if [ "$found" != "$hash" ]; then
        echo "the SHA-256 of $source is $found, but role.json has $hash" >&2
        return 1
    fi
    mkdir "$beside/new" && tar -x -z -f "$beside/archive" -C "$beside/new" || return 1
    # Where another run was quicker, its result stays.
    [ -d "$role_home/python-$version" ] || mv -- "$beside/new" "$role_home/python-$version" || return 1
    rm -rf -- "$beside"
    trap - EXIT
}

find_python ''
if [ -z "$python" ]; then
    what="there is no CPython $version on this machine"
    url=$(setting url) || exit $?
    hash=$(setting sha256) || exit $?
    source=$url
    path=$(setting path) || exit $?
    [ -z "$path" ] || source=$(below "$path")
    if [ -n "${CLOUDROLE_RUNTIME_URL:-}" ]; then
        source=$CLOUDROLE_RUNTIME_URL
        case $source in
        */)
            name=${path:-$url}
            source=$source${name##*/}
            ;;
        esac
    fi
    [ -n "$source" ] || fail 111 "$what, and the runtime setting obtains none; install it, or set PYTHON to its path"
    obtain "$source" "$hash" || fail 112 "$what, and it could not be obtained from $source"
    find_python ''
    [ -n "$python" ] || fail 112 "$what, and what was obtained from $source holds none"
    reason='it was obtained'
fi
CLOUDROLE_INTERPRETER_REASON=$reason
export CLOUDROLE_INTERPRETER_REASON
exec "$python" "$bin/role.py" configure
