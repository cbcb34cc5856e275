# Asterisk 22 from Debian, with the configuration of this tree.
#   docker build --file docker/asterisk.Dockerfile --tag pbx-bridge-asterisk .

# What citizens hear, spoken by Debian's voices. The voices stay behind: they are 300 MB.
FROM debian:forky-slim AS prompts
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends python3
WORKDIR /srv
COPY prompts/ prompts/
COPY workshop/__init__.py workshop/mortal.py workshop/
COPY workshop/prefix/ workshop/prefix/
COPY workshop/prompts/ workshop/prompts/
RUN PBX_PROMPTS=/prompts python3 -m workshop.prompts

FROM debian:forky-slim
# The number is that of the service image's user, which writes this Asterisk's passwords. The package takes the
# account as it finds it.
RUN groupadd --system --gid 990 asterisk \
    && useradd --system --uid 990 --gid 990 --home-dir /var/lib/asterisk --shell /usr/sbin/nologin asterisk
# No version is pinned: a rebuild shall bring Debian's security updates. The release is checked instead.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends \
        asterisk asterisk-modules asterisk-core-sounds-en-gsm asterisk-core-sounds-ru-wav asterisk-moh-opsound-wav \
    && rm -rf /var/lib/apt/lists/* /etc/asterisk/* \
    && case "$(asterisk -V)" in "Asterisk 22."*) ;; *) echo "this Debian has another Asterisk"; exit 1 ;; esac \
    && for folder in /etc/asterisk /run/asterisk /var/lib/asterisk /var/spool/asterisk /var/log/asterisk \
            /var/cache/asterisk; do mkdir -p "$folder" && chown -R 990:990 "$folder"; done
# Debian names its prompts by voice, a channel asks for a language. Any other language hears Russian.
RUN cd /usr/share/asterisk/sounds \
    && for language in ru en; do \
        [ -e "$language" ] || ln -s "$language"_* "$language"; \
        ln -s "/usr/share/pbx-bridge/prompts/$language" "$language/pbx-bridge"; \
    done \
    && ln -s /usr/share/pbx-bridge/prompts/ru pbx-bridge
COPY --from=prompts /prompts/ /usr/share/pbx-bridge/prompts/
COPY asterisk-conf/ /usr/share/pbx-bridge/asterisk-conf/
COPY dialplan/ /usr/share/pbx-bridge/dialplan/
COPY --chmod=0755 docker/asterisk-entrypoint.sh /usr/local/bin/asterisk-entrypoint
# One second and one try: Asterisk looks its own host name up for each call with SDP.
ENV RES_OPTIONS="timeout:1 attempts:1"
USER 990:990
WORKDIR /var/lib/asterisk
VOLUME ["/var/lib/asterisk", "/var/spool/asterisk"]
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 CMD ["asterisk", "-rx", "core waitfullybooted"]
# Asterisk ends at once on SIGTERM. To let calls finish: asterisk -rx 'core stop gracefully'
STOPSIGNAL SIGTERM
ENTRYPOINT ["asterisk-entrypoint"]
CMD ["asterisk", "-f", "-n"]
