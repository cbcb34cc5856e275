#!/bin/sh
# Gather /etc/asterisk, then run the command. Links, not copies: what an engineer edits outside is what a reload reads.
#   1. the tree's asterisk-conf/ and dialplan/       (mounted over the image's own, if you like)
#   2. what `pbx-bridge setup` made: ports, passwords
#   3. your site's files: pjsip.d/ and queues.d/ are read, any *.conf replaces the one of that name
set -eu
etc=/etc/asterisk
tree=/usr/share/pbx-bridge
made=/run/pbx-bridge
site=/etc/pbx-bridge/site

link() {  # link FOLDER TARGET: each *.conf of the folder
    for file in "$1"/*.conf; do
        [ ! -e "$file" ] || ln -sfn "$file" "$2/"
    done
}

if [ ! -e "$made/ari.conf" ]; then
    echo "There is no $made/ari.conf: mount the folder asterisk/ that pbx-bridge setup makes at $made." >&2
    exit 1
fi
mkdir -p "$etc/dialplan"
link "$tree/asterisk-conf" "$etc"
link "$tree/dialplan" "$etc/dialplan"
link "$made" "$etc"
link "$site" "$etc"
for folder in pjsip.d queues.d; do
    [ ! -d "$site/$folder" ] || ln -sfn "$site/$folder" "$etc/$folder"
done
# The engine keeps what goes to the console.
logger=$(cat "$etc/logger.conf")
rm -f "$etc/logger.conf"
printf '%s\nconsole => notice,warning,error\n' "$logger" >"$etc/logger.conf"

exec "$@"
