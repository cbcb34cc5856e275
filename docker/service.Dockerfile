# pbx-bridge itself: a virtual environment made from the hashed list, on Debian's Python.
#   docker build --file docker/service.Dockerfile --tag pbx-bridge .
# Where packages come through a mirror of your own, lend pip what it needs; nothing of it stays in the image:
#   --secret id=pip,src=/etc/pip.conf --secret id=ca,src=/etc/ssl/certs/ca-certificates.crt

FROM debian:trixie-slim AS built
# No version is pinned: a rebuild shall bring Debian's security updates.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3-venv \
    && rm -rf /var/lib/apt/lists/*
RUN python3 -m venv /opt/pbx-bridge
COPY requirements.txt /src/
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=ca,target=/run/ca.crt \
    if [ -s /run/ca.crt ]; then export PIP_CERT=/run/ca.crt; fi \
    && /opt/pbx-bridge/bin/pip install --no-cache-dir --require-hashes --requirement /src/requirements.txt
COPY pyproject.toml README.md /src/
COPY migrations/ /src/migrations/
COPY services/ /src/services/
COPY pbx_bridge/ /src/pbx_bridge/
# Offline: setuptools is in the list. pip is of no use after this.
RUN /opt/pbx-bridge/bin/pip install --no-cache-dir --no-deps --no-build-isolation --no-index /src \
    && /opt/pbx-bridge/bin/pip uninstall --yes setuptools pip

FROM debian:trixie-slim
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3 tzdata \
    && rm -rf /var/lib/apt/lists/*
# The number is that of the asterisk image's user: it reads files that `setup` here wrote for its owner only.
RUN groupadd --system --gid 990 pbx-bridge \
    && useradd --system --uid 990 --gid 990 --home-dir /var/lib/pbx-bridge --shell /usr/sbin/nologin pbx-bridge \
    && install --directory --owner 990 --group 990 --mode 0700 /var/lib/pbx-bridge /var/lib/pbx-bridge/asterisk
COPY --from=built /opt/pbx-bridge /opt/pbx-bridge
COPY --chmod=0755 docker/healthy.py /usr/local/bin/healthy
ENV PATH=/opt/pbx-bridge/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 \
    PBX_CONFIG=/var/lib/pbx-bridge/pbx-bridge.toml
USER 990:990
WORKDIR /var/lib/pbx-bridge
VOLUME ["/var/lib/pbx-bridge"]
# Alive, not ready: a restart of the service mends no Asterisk that is away.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 CMD ["healthy"]
# SIGTERM lets requests and streams end; calls go on in Asterisk.
STOPSIGNAL SIGTERM
ENTRYPOINT ["pbx-bridge"]
CMD ["serve"]
