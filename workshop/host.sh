#!/bin/sh
# The few things that can only come from the machine itself: Python 3.11 or newer with venv, time zones, and
# PostgreSQL's programs and openssl for the tests. Installs what is missing when run by root on Debian, otherwise says how.
set -eu
python=${PYTHON:-python3}
missing=""

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || missing="$missing python3"
"$python" -c 'import ensurepip, venv' 2>/dev/null || missing="$missing python3-venv"
"$python" -c 'import zoneinfo; zoneinfo.ZoneInfo("Europe/Moscow")' 2>/dev/null || missing="$missing tzdata"
command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$missing postgresql"
command -v openssl >/dev/null || missing="$missing openssl"
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
    echo "This machine lacks:$missing. As root: apt-get install$missing" >&2
    exit 1
fi

# Tests start a database of their own: no cluster is wanted, and no service may start on this machine.
case $missing in *postgresql*)
    if [ ! -e /etc/postgresql-common ]; then
        mkdir -p /etc/postgresql-common/createcluster.d
        echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.d/pbx-bridge-tests.conf
    fi ;;
esac

log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "Debian: installing$missing"
if ! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends $missing; } \
    >"$log" 2>&1 </dev/null; then
    tail -n 20 "$log" >&2
    echo "apt-get could not install$missing: see above, then run make deps again." >&2
    exit 1
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "$python is older than 3.11: use Debian 12 or newer, or name another one, as in make deps PYTHON=python3.12" >&2
    exit 1
fi
