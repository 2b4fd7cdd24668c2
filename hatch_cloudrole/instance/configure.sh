#!/bin/sh
# configure.sh: finds or obtains the interpreter, then role.py configure does the work. It may run any number of
# times, and ends with role.py's exit code; 111: no interpreter, 112: it could not be obtained, 113: anything else
# before role.py.
script=configure.sh
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

sha256() {
    if command -v sha256sum >/dev/null; then
        sha256sum <"$1" | cut -c1-64
    else
        shasum -a 256 <"$1" | cut -c1-64
    fi
}

download() {
    if command -v curl >/dev/null; then
        curl -fsSL --retry 4 --retry-connrefused --connect-timeout 30 -o "$2" "$1"
    elif command -v wget >/dev/null; then
        # There are wgets that know little more than the address.
        case $(wget --help 2>&1) in
        *--retry-connrefused*) wget -q -t 5 --waitretry=8 --retry-connrefused -T 30 -O "$2" "$1" ;;
        *) wget -q -T 30 -O "$2" "$1" ;;
        esac
    else
        echo 'neither curl nor wget is installed' >&2
        return 1
    fi
}

# An address without what may be secret in it, for logs.
shown() {
    address=${1%%\?*}
    case $address in
    *://*)
        rest=${address#*://}
        host=${rest%%/*}
        case $host in *@*) address=${address%%://*}://${rest#*@} ;; esac
        ;;
    esac
    printf '%s' "$address"
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
        echo "the SHA-256 of $(shown "$source") is $found, but role.json has $hash" >&2
        return 1
    fi
    mkdir "$beside/new" && tar -x -z -f "$beside/archive" -C "$beside/new" || return 1
    if [ -z "$(python_in "$beside/new")" ]; then
        echo "there is no bin/python3 in it" >&2
        return 1
    fi
    # Where another run was quicker, its result stays, if it is one.
    if [ -z "$(python_in "$role_home/python-$version")" ]; then
        [ ! -e "$role_home/python-$version" ] || mv -- "$role_home/python-$version" "$beside/old" || return 1
        mv -- "$beside/new" "$role_home/python-$version" || return 1
    fi
    rm -rf -- "$beside"
    trap - EXIT
}

# What killed runs have left; a younger one may still be at work.
for folder in "$role_home"/get.*; do
    if [ -d "$folder" ] && [ -n "$(find "$folder" -prune -mmin +60)" ]; then
        rm -rf -- "$folder"
    fi
done

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
        name=${path:-$url}
        name=${name##*/}
        if [ -d "$source" ]; then
            # An address may write + otherwise than a file system does.
            source=$source/$name
            [ -f "$source" ] || source=$(printf '%s' "$source" | sed 's/%2[Bb]/+/g')
        else
            case $source in */) source=$source$name ;; esac
        fi
    fi
    [ -n "$source" ] || fail 111 "$what, and the runtime setting obtains none; install it, or set PYTHON to its path"
    obtain "$source" "$hash" || fail 112 "$what, and it could not be obtained from $(shown "$source")"
    find_python ''
    [ -n "$python" ] || fail 112 "$what, and what was obtained from $(shown "$source") cannot be started"
    reason='it was obtained'
fi
CLOUDROLE_INTERPRETER_REASON=$reason
export CLOUDROLE_INTERPRETER_REASON
exec "$python" "$bin/role.py" configure
