#!/bin/sh
# Prove that a stranger's machine is enough: a bare Debian with git and make, a fresh clone of the last commit,
# then a command in it, `make deps test` unless another is given. Needs root and debootstrap.
#
#   workshop/clean_room.sh SUITE MIRROR FOLDER [COMMAND...]
#
# CLEAN_ROOM_COPY names files of this machine that its network needs (a CA bundle, pip.conf, apt proxy); they
# are copied to the same paths. The environment goes along. FOLDER is kept, and used again when it is there.
set -eu
[ $# -ge 3 ] || { sed -n '2,8p' "$0" >&2; exit 2; }
suite=$1 mirror=$2 folder=$3
shift 3
[ $# -gt 0 ] || set -- make deps test
tree=$(cd "$(dirname "$0")/.." && pwd)

if [ ! -e "$folder/.bootstrapped" ]; then
    echo "Clean room: making a bare Debian $suite"
    debootstrap --variant=minbase --include=git,make,ca-certificates "$suite" "$folder" "$mirror" >"$folder.log" 2>&1 || {
        tail -n 5 "$folder.log" >&2
        exit 1
    }
    touch "$folder/.bootstrapped"
fi
for file in /etc/resolv.conf ${CLEAN_ROOM_COPY:-}; do
    mkdir -p "$folder$(dirname "$file")"
    cp --dereference "$file" "$folder$file"
done
rm -rf "$folder/srv/tree"
git clone --quiet --no-local "$tree" "$folder/srv/tree"

# Mounts and processes live in namespaces of their own and are gone with the command, however it ends.
export CLEAN_ROOM="$folder"
exec unshare --mount --pid --fork --kill-child sh -euc '
    mount -t proc proc "$CLEAN_ROOM/proc"
    mount --rbind /dev "$CLEAN_ROOM/dev"
    exec chroot "$CLEAN_ROOM" env --unset=VIRTUAL_ENV HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        sh -c '"'"'cd /srv/tree && exec "$@"'"'"' sh "$@"
' sh "$@"
