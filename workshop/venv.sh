#!/bin/sh
# Make the virtual environment from the locked list. Two calls at once make one: the second waits, then sees it.
set -eu
venv=$1
stamp=$venv/.installed

[ -n "${PBX_VENV_LOCKED:-}" ] || exec env PBX_VENV_LOCKED=1 flock .cache/venv.lock "$0" "$@"
if [ -e "$stamp" ] && [ "$stamp" -nt requirements-dev.txt ] && [ "$stamp" -nt pyproject.toml ]; then
    exit 0
fi
echo "Python: installing $(grep -c '^[a-z]' requirements-dev.txt) packages into $venv"
"${PYTHON:-python3}" -m venv "$venv"
# A download of a minute must not look like a standstill: on a terminal each package is named as it comes.
errors=$venv/pip-errors.log
terminal=0
[ ! -t 1 ] || terminal=1
{
    "$venv/bin/python" -m pip install --no-color --require-hashes --requirement requirements-dev.txt 2>"$errors" \
        || echo "pip failed"
} | awk -v terminal="$terminal" '
    terminal && /^Collecting / { printf "\r  fetching %3d: %-50.50s", ++n, $2; fflush() }
    /^Installing / { printf "%s  unpacking them (about half a minute)%30s\n", terminal ? "\r" : "", ""; fflush() }
    /^pip failed/ { failed = 1 }
    END { exit failed }
' || {
    cat "$errors" >&2
    echo "Python packages could not be installed: the lines above say why. Check the network and pip's settings." >&2
    exit 1
}
# The project itself: offline, built by the locked setuptools.
"$venv/bin/python" -m pip install -qq --no-deps --no-build-isolation --no-index --editable .
touch "$stamp"
