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
"$venv/bin/python" -m pip install -qq --require-hashes --requirement requirements-dev.txt
# The project itself: offline, built by the locked setuptools.
"$venv/bin/python" -m pip install -qq --no-deps --no-build-isolation --no-index --editable .
touch "$stamp"
