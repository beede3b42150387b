# Sourced by the other scripts: makes .venv and installs what is pinned, once. Of .venv/bin they call Python
# alone: the first line of other programs there cannot name every folder.
# shellcheck shell=bash

# Installs the groups of pyproject.toml, which the pip that comes with Python 3.10 and 3.11 cannot.
PIP=pip==26.3

# fail SENTENCE: say what is wrong and leave with the exit code of a request that cannot be done.
fail() {
    echo "warpgen: $1" >&2
    exit 2
}

# find_python: print a Python that is new enough.
find_python() {
    local candidate
    for candidate in python3 python3.14 python3.13 python3.12 python3.11 python3.10 python; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    fail "no Python 3.10 or newer was found: install one, with its venv module"
}

# findable PYTHON: let it find warpgen from any folder. Relative, as a line cannot hold every folder's name.
findable() {
    "$1" -c '
import os, sysconfig
packages = sysconfig.get_path("purelib")
with open(os.path.join(packages, "warpgen.pth"), "w") as file:
    print(os.path.relpath(".", packages), file=file)'
}

# pins [GROUP]: print all that decides what is installed.
pins() {
    cat requirements.txt
    if [[ $# -gt 0 ]]; then
        sed -n '/^\[dependency-groups\]/,/^\[[^d]/p' pyproject.toml
    fi
}

# environment [GROUP]: make .venv hold what requirements.txt pins, and that group of pyproject.toml. The stamp is
# written last and holds a checksum of what was installed, so an interrupted installation is done again and a
# complete one is not.
environment() {
    local stamp=".venv/installed-${1:-run}" wanted quiet=(--quiet --disable-pip-version-check)
    wanted="$(pins "$@" | cksum) $PWD"
    if [[ -x .venv/bin/python && -f $stamp && $(<"$stamp") == "$wanted" ]]; then
        return
    fi
    if [[ ! -w . ]]; then
        fail "nothing can be written to $PWD, where .venv is to be: copy the checkout to a folder of yours"
    fi
    echo "warpgen: installing requirements.txt${1:+ and the group $1} into $PWD/.venv, once; this takes some minutes" >&2
    if ! .venv/bin/python -c 'import pip' 2>/dev/null; then
        local python
        python=$(find_python)
        "$python" -m venv --clear .venv || fail "$python cannot make .venv: install its venv module and ensurepip"
    fi
    if [[ -t 2 ]]; then
        quiet=(--disable-pip-version-check) # a person is there to see how it goes on
    fi
    {
        { [[ $# -eq 0 ]] || .venv/bin/python -m pip install "${quiet[@]}" "$PIP"; } &&
            # Compiling all modules of a group takes minutes; those that are imported are compiled as they are.
            .venv/bin/python -m pip install "${quiet[@]}" -r requirements.txt ${1:+--no-compile --group "$1"}
    } >&2 || fail "the requirements could not be installed: see above, then call again"
    findable .venv/bin/python
    echo "$wanted" >"$stamp"
}

# prepare [GROUP]: as `environment`, in the folder of the checkout, one caller at a time.
prepare() {
    cd "$(dirname "${BASH_SOURCE[0]}")/.." || fail "the folder of warpgen cannot be entered"
    exec 9<.
    if command -v flock >/dev/null; then
        flock 9
    fi
    environment "$@"
    exec 9<&-
    # Who wants no compiled modules in the tree gets them in .venv: else each process would compile all of warpgen.
    if [[ -n ${PYTHONDONTWRITEBYTECODE:-} ]]; then
        unset PYTHONDONTWRITEBYTECODE
        export PYTHONPYCACHEPREFIX=${PYTHONPYCACHEPREFIX:-$PWD/.venv/pycache}
    fi
}
