# Finds a Python 3.12 or 3.13 that runs and can make environments; read in by setup.sh.
#
# Gives python (path), python_version and python_real (path without symbolic links). A file that exists
# is not enough: a version manager's shim may fail, and Debian packages ensurepip separately.

python="" python_version="" python_real="" seen="" without_venv=""

# Prints the version, whether environments can be made, and the interpreter behind a shim or environment.
probe='
import os, sys
try:
    import ensurepip, venv
    makes = "venv"
except ImportError:
    makes = "none"
base = getattr(sys, "_base_executable", sys.executable)
print("%d.%d.%d %s" % (sys.version_info[:3] + (makes,)))
print(base)
print(os.path.realpath(base))
'

# Runs interpreter $1; gives version, makes, base and real (base without symbolic links).
interrogate() {
    answer=$("$1" -c "$probe" </dev/null 2>/dev/null) || return 1
    { read -r version makes && read -r base && read -r real; } <<EOF
$answer
EOF
}

suits() { case $version in 3.12.* | 3.13.*) ;; *) return 1 ;; esac }

# Takes $1 as the interpreter if it works and suits; otherwise notes why not.
consider() {
    [ -f "$1" ] && [ -x "$1" ] || return 1
    case $seen in *"$1 ("*) return 1 ;; esac
    if ! interrogate "$1"; then
        seen="${seen:+$seen, }$1 (does not run)"
    elif ! suits; then
        seen="${seen:+$seen, }$1 ($version)"
    elif [ "$makes" != venv ]; then
        without_venv=${without_venv:-"$version $1"}
    else
        python=$base python_version=$version python_real=$real
        return
    fi
    return 1
}

find_python() {
    [ -z "$python" ] || return 0
    if [ -n "${PYTHON:-}" ]; then
        consider "$(command -v "$PYTHON" || printf %s "$PYTHON")" && return
        [ -n "$without_venv" ] || fail M90 "PYTHON=$PYTHON is not a working Python 3.12 or 3.13" \
            "${seen:-no such program}" "name one that is, or leave PYTHON out to have one found"
    else
        search_path || search_managers || search_dirs && return
    fi
    fail_without_python
}

search_path() {
    for name in python3.12 python3.13 python3 python; do
        old_ifs=$IFS IFS=:
        for dir in $PATH; do
            IFS=$old_ifs
            consider "$dir/$name" && return
        done
    done
    return 1
}

search_managers() {
    pyenv_root=${PYENV_ROOT:-$(pyenv root 2>/dev/null || printf %s "${HOME:-}/.pyenv")}
    data=${XDG_DATA_HOME:-${HOME:-}/.local/share}
    for minor in 3.12 3.13; do
        for dir in "$pyenv_root"/versions/$minor* "${HOME:-}"/.asdf/installs/python/$minor* \
            "$data"/mise/installs/python/$minor* "$data"/uv/python/cpython-$minor*; do
            consider "$dir/bin/python$minor" && return
        done
        found=$(UV_PYTHON_DOWNLOADS=never uv python find --system $minor 2>/dev/null) &&
            consider "$found" && return
    done
    return 1
}

search_dirs() {
    for dir in ${TUNER_KIT_SETUP_SEARCH_DIRS-/usr/bin /usr/local/bin /opt/homebrew/bin /opt/local/bin}; do
        for name in python3.12 python3.13 python3; do
            consider "$dir/$name" && return
        done
    done
    return 1
}

fail_without_python() {
    if [ -n "$without_venv" ]; then
        minor=${without_venv%% *} minor=${minor%.*}
        fail M91 "Python ${without_venv%% *} cannot make virtual environments: ensurepip is missing" \
            "${without_venv#* }" "sudo apt install python$minor-venv (Debian and Ubuntu package it \
separately), or name another interpreter: make demo PYTHON=/path/to/python3.12"
    fi
    fail M90 "no Python 3.12 or 3.13 was found" "PATH, pyenv, uv and the usual folders; seen: ${seen:-none}" \
        "sudo apt install python3.12 python3.12-venv (Debian, Ubuntu), sudo dnf install python3.12 (Fedora), \
brew install python@3.12 (macOS), pyenv install 3.12, or uv python install 3.12; \
one elsewhere: make demo PYTHON=/path/to/python3.12"
}
