#!/bin/sh
# Makes .venv with the locked packages, or sees within milliseconds that nothing is to do.
#
#   sh tools/setup.sh         bring .venv up to date (every make target begins with this)
#   sh tools/setup.sh lock    write poetry.lock anew after a change in pyproject.toml
#
# Environment: PYTHON names the interpreter; POETRY_PYPI_MIRROR_URL the package index, otherwise pip's
# own setting is used; TUNER_KIT_SETUP_NEEDS_MIB replaces the disk space asked for (0: no check);
# TUNER_KIT_SETUP_SEARCH_DIRS the folders that are searched after PATH.
# POSIX sh, because no Python is known yet. Exit codes: 5 this machine lacks something, 130 Ctrl-C.
set -eu

poetry_version=2.5.1
# Plain Poetry fails on an index that serves only the simple HTML pages, as many mirrors do.
mirror_plugin_version=0.6.5
command_line_packages="PIL annotated_types filelock jinja2 jsonschema markupsafe prompt_toolkit psutil pydantic
    pydantic_core questionary referencing rich ruamel typing_inspection"

# Measured on Linux x86-64: 6.6 GiB in .venv, 3.2 GiB of wheels in Poetry's cache, 0.1 GiB for Poetry.
# macOS gets no CUDA libraries (3.3 GiB of the first figure): an estimate, not a measurement.
case $(uname -s) in
Darwin) venv_mib=3700 cache_mib=1600 poetry_cache=${HOME:-}/Library/Caches/pypoetry ;;
*) venv_mib=7000 cache_mib=3300 poetry_cache=${XDG_CACHE_HOME:-${HOME:-}/.cache}/pypoetry ;;
esac

root=$(cd "$(dirname "$0")/.." && pwd -P)
cd "$root"
stamp_file=.venv/tuner-kit-setup
lock_dir=.setup.partial
log=.poetry/setup.log

. tools/find_python.sh

# Each of these would make pip, Poetry or Python work on another environment than ours.
unset PYTHONHOME PYTHONPATH VIRTUAL_ENV CONDA_PREFIX CONDA_DEFAULT_ENV PIP_TARGET PIP_PREFIX
export PIP_USER=0 POETRY_VIRTUALENVS_CREATE=true POETRY_VIRTUALENVS_IN_PROJECT=true
export POETRY_REQUESTS_MAX_RETRIES="${POETRY_REQUESTS_MAX_RETRIES:-3}"
export POETRY_REQUESTS_TIMEOUT="${POETRY_REQUESTS_TIMEOUT:-60}"

main() {
    [ "${1:-}" = lock ] || ! is_complete || return 0
    take_lock
    if [ "${1:-}" = lock ]; then
        write_lock_file
    elif ! is_complete; then # another set-up may have finished while this one waited
        set_up
    fi
}

set_up() {
    rm -f "$stamp_file" # from here on nothing half-made may pass for complete
    rm -rf .setup-*.partial
    if ! poetry_fits || ! venv_fits; then find_python; fi
    check_disk
    install_poetry
    make_venv
    sync_packages
    write_stamp
}

write_lock_file() {
    poetry_fits || find_python
    install_poetry
    find_index
    logged show .poetry/bin/python -m poetry lock --no-interaction ||
        fail_from_log M93 "Poetry could not lock the dependencies of pyproject.toml"
}

# --- is there anything to do?

# Everything that .venv was made from, and the place, because its scripts name it.
fingerprint() {
    echo "$(cat poetry.lock pyproject.toml tools/*.sh .venv/pyvenv.cfg 2>/dev/null | cksum) $root"
}

is_complete() {
    [ -f "$stamp_file" ] && [ -x .venv/bin/python ] && [ -x .venv/bin/tuner-kit ] || return 1
    [ -z "${PYTHON:-}" ] || grep -qxF "python $PYTHON" "$stamp_file" || return 1
    IFS= read -r made_from <"$stamp_file" || return 1
    [ "$made_from" = "$(fingerprint)" ]
}

write_stamp() {
    interrogate .venv/bin/python
    {
        fingerprint
        printf 'python %s\n' "$base" "${PYTHON:-$base}"
    } >"$stamp_file.new"
    mv "$stamp_file.new" "$stamp_file"
}

poetry_stamp() { echo "poetry $poetry_version, mirror plugin $mirror_plugin_version"; }
poetry_fits() {
    [ "$(cat .poetry/complete 2>/dev/null)" = "$(poetry_stamp)" ] &&
        .poetry/bin/python -c "" >/dev/null 2>&1
}

# True for an environment of this folder whose interpreter runs, suits and is the one asked for.
venv_fits() {
    grep -qF "$root/.venv" .venv/bin/activate 2>/dev/null || return 1
    interrogate .venv/bin/python && suits || return 1
    [ -n "${PYTHON:-}" ] || return 0
    venv_real=$real
    find_python
    [ "$python_real" = "$venv_real" ]
}

# --- disk space, before anything is downloaded

# Prints "<free MiB> <device>" for the file system of $1 or its nearest parent that exists.
file_system() {
    dir=$1
    while [ ! -d "$dir" ]; do dir=$(dirname "$dir"); done
    df -Pk "$dir" | awk 'NR == 2 { print int($4 / 1024), $1 }'
}

# Prints $1 MiB less what folder $2 already holds.
still_needed() {
    held=$(du -sk "$2" 2>/dev/null || echo 0)
    left=$(($1 - ${held%%[!0-9]*} / 1024))
    echo $((left > 0 ? left : 0))
}

check_disk() {
    cache=${POETRY_CACHE_DIR:-$poetry_cache}
    [ -z "${TUNER_KIT_SETUP_NEEDS_MIB:-}" ] || venv_mib=$TUNER_KIT_SETUP_NEEDS_MIB cache_mib=0
    for_venv=$(still_needed "$venv_mib" .venv/)
    for_cache=$(still_needed "$cache_mib" "$cache/artifacts")
    here=$(file_system "$root/.venv") there=$(file_system "$cache")
    if [ "${here#* }" = "${there#* }" ]; then
        require_space $((for_venv + for_cache)) "$here" "$root/.venv and $cache"
    else
        require_space "$for_venv" "$here" "$root/.venv"
        require_space "$for_cache" "$there" "$cache"
    fi
}

require_space() {
    [ "$1" -gt "${2%% *}" ] || return 0
    fail M01 "too little disk space: set-up needs $1 MiB more, ${2%% *} MiB are free" "${2#* }, for $3" \
        "free $(($1 - ${2%% *})) MiB there, or move Poetry's cache: POETRY_CACHE_DIR=/another/disk make demo"
}

# --- the three steps

install_poetry() {
    begin "[1/3] Poetry $poetry_version in .poetry"
    if poetry_fits; then
        printf ' there\n'
        : >"$log"
        return
    fi
    rm -rf .poetry
    mkdir .poetry
    logged hide "$python" -m venv .poetry ||
        fail_from_log M92 "Python $python_version could not make .poetry"
    logged hide .poetry/bin/python -m pip --disable-pip-version-check install --no-input \
        "poetry==$poetry_version" "poetry-plugin-pypi-mirror==$mirror_plugin_version" ||
        fail_from_log M92 "pip could not install Poetry $poetry_version"
    poetry_stamp >.poetry/complete
    end
}

make_venv() {
    if venv_fits; then
        begin "[2/3] .venv with Python $version"
        printf ' there\n'
        remove_half_installed
        return
    fi
    begin "[2/3] .venv with Python $python_version"
    # An environment that is deleted only in part looks complete to Poetry, but not to venv_fits without
    # this file, which venv writes last. The folder stays: it may be a link to a larger disk.
    rm -f .venv/bin/activate
    logged hide "$python" -m venv --clear --prompt tuner-kit .venv ||
        fail_from_log M92 "Python $python_version could not make .venv"
    end
}

# RECORD is the last file of a package to be written; Poetry takes one without it for installed.
remove_half_installed() {
    for info in .venv/lib/python3*/site-packages/*.dist-info; do
        [ ! -d "$info" ] || [ -f "$info/RECORD" ] || rm -rf "$info"
    done
}

sync_packages() {
    begin "[3/3] the packages of poetry.lock (the first time some minutes, and 3 GB to download)"
    echo
    find_index
    logged show .poetry/bin/python -m poetry sync --no-interaction ||
        fail_from_log M93 "Poetry could not install the packages of poetry.lock"
    repair_script_starts
    compile_command_line
    printf '[3/3]'
    end
}

# Poetry begins our own script with "#!<folder>/.venv/bin/python", which no system reads past a space. What is
# put there instead (by pip too, for its scripts) is a command to sh and a string to Python.
repair_script_starts() {
    case $root in *[[:space:]]*) ;; *) return 0 ;; esac
    for script in .venv/bin/*; do
        case $([ -L "$script" ] || head -c 4096 "$script" | LC_ALL=C tr -d '\000' | head -n 1) in
        "#!$root/.venv/bin/python"*) ;;
        *) continue ;;
        esac
        {
            printf '%s\n' '#!/bin/sh' "'''exec' \"$root/.venv/bin/python\" \"\$0\" \"\$@\"" "' '''"
            tail -n +2 "$script"
        } >"$script.partial"
        chmod 755 "$script.partial"
        mv "$script.partial" "$script"
    done
}

# Poetry leaves bytecode to the first import, which can't keep it where PYTHONDONTWRITEBYTECODE is set:
# every start of tuner-kit would compile again (0.42 s of CPU for a check instead of 0.31 s).
compile_command_line() {
    (
        cd .venv/lib/python3*/site-packages 2>/dev/null &&
            env -u PYTHONDONTWRITEBYTECODE ../../../bin/python -m compileall -q $command_line_packages
    ) >/dev/null 2>&1 || true
}

# The index that pip uses here: the user's mirror, or pip's own default. It may hold a password.
find_index() {
    index=${POETRY_PYPI_MIRROR_URL:-${PIP_INDEX_URL:-}}
    index=${index:-$(pip_setting install.index-url || pip_setting global.index-url ||
        .poetry/bin/python -c 'from pip._internal.models.index import PyPI; print(PyPI.simple_url)')}
    index=${index%/} login=${index#*://}
    login=${login%%/*}
    case $login in *@*) login=${login%@*} ;; *) login="" ;; esac
    certificates=${REQUESTS_CA_BUNDLE:-${PIP_CERT:-$(pip_setting global.cert || true)}}
    [ -z "$certificates" ] || export REQUESTS_CA_BUNDLE="$certificates"
    export POETRY_PYPI_MIRROR_URL="$index"
}

pip_setting() { .poetry/bin/python -m pip config get "$1" 2>/dev/null; }
begin() {
    began=$(date +%s)
    printf '%s ...' "$1"
}
end() { printf ' %s s\n' $(($(date +%s) - began)); }

# --- running, logging, failing

# Runs a command with its output in the log, on the screen too if $1 is "show"; returns its status.
logged() {
    shown=$1
    shift
    {
        status=0
        "$@" </dev/null || status=$?
        echo "$status" >"$lock_dir/status"
    } 2>&1 | masked "$shown"
    return "$(cat "$lock_dir/status")"
}

logins='s#//[^/ ]*@#//***@#g; s#[^/ ]*:[^/ ]*@#***@#g'

# Copies its input to the log without the index's address or any password.
masked() {
    trap '' INT # the command's last words after Ctrl-C belong on the screen; end of file ends this
    while IFS= read -r line || [ -n "$line" ]; do
        [ -z "${index:-}" ] || replace "$index" "<index>"
        [ -z "${login:-}" ] || replace "$login@" "***@"
        case $line in *:*@*) line=$(printf '%s\n' "$line" | sed "$logins") ;; esac
        printf '%s\n' "$line" >>"$log"
        [ "$1" = hide ] || printf '%s\n' "$line"
    done
}

replace() {
    while :; do
        case $line in *"$1"*) line="${line%%"$1"*}$2${line#*"$1"}" ;; *) return ;; esac
    done
}

fail_from_log() {
    fix="check the network, proxy and pip's index-url, then repeat the command: what is downloaded is kept"
    if grep -qi 'no space left' "$log"; then
        fix="free some disk space, then repeat the command: what is downloaded is kept"
    elif grep -qi 'poetry.lock was last generated' "$log"; then
        fix="make lock"
    elif grep -q '^Installing the current project' "$log"; then
        fix="repair what the last line names: a file of this folder, or [tool.poetry] in pyproject.toml"
    fi
    printf '\nThe last lines of %s:\n' "$log" >&2
    tail -n 8 "$log" | sed 's/^\(.\{160\}\).*/\1.../; s/^/  | /' >&2
    fail "$1" "$2" "$root/$log" "$fix"
}

fail() {
    printf '\nerror %s  %s\n  where    %s\n  fix      %s\n' "$1" "$2" "$3" "$4" >&2
    exit 5
}

# --- one set-up at a time

take_lock() {
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    waited=0
    until mkdir "$lock_dir" 2>/dev/null; do
        [ -w . ] || fail M04 "set-up cannot write here" "$root" "chmod or chown the folder"
        holder=$(cat "$lock_dir/pid" 2>/dev/null || true)
        if is_set_up "$holder" || { [ -z "$holder" ] && [ "$waited" -lt 5 ]; }; then
            [ "$waited" -ne 1 ] || printf 'waiting for another set-up (process %s)\n' "$holder"
            waited=$((waited + 1))
            sleep 1
        else
            break_lock
        fi
    done
    trap 'rm -rf "$lock_dir"' EXIT
    echo $$ >"$lock_dir/pid"
}

# True if process $1 lives and is this script: a number may have been given to another program.
is_set_up() {
    [ -n "$1" ] && kill -0 "$1" 2>/dev/null || return 1
    if [ -r "/proc/$1/cmdline" ]; then
        tr '\0' ' ' <"/proc/$1/cmdline" | grep -q setup.sh
    else
        ps -o args= -p "$1" | grep -q setup.sh
    fi
}

# Removes the lock of a dead process. Two may try at once, so the folder is looked at after the move.
break_lock() {
    mv "$lock_dir" ".setup-$$.partial" 2>/dev/null || return 0
    if [ "$(cat ".setup-$$.partial/pid" 2>/dev/null || true)" = "$holder" ]; then
        rm -rf ".setup-$$.partial"
    else
        mv ".setup-$$.partial" "$lock_dir"
    fi
}

main "$@"
