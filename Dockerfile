# syntax=docker/dockerfile:1

# The build needs a C toolchain, perl and make (librdkafka and its OpenSSL are compiled from their crates) and no system library.
FROM rust:1.95-slim-bookworm AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends g++ gcc libc6-dev make perl \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --release --locked --bin lethe \
    && cp target/release/lethe /usr/local/bin/lethe

FROM debian:bookworm-slim
# Certificates for TLS brokers; nothing else is needed at run time.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/lethe --shell /usr/sbin/nologin lethe \
    # Two folders for two volumes: whoever copies the key store must not get the root with it.
    && install --directory --owner=lethe --group=lethe --mode=0700 /var/lib/lethe /var/lib/lethe/keys /var/lib/lethe/root
COPY --from=build /usr/local/bin/lethe /usr/local/bin/lethe
COPY LICENSE NOTICE /usr/share/doc/lethe/
USER 10001:10001
WORKDIR /var/lib/lethe
VOLUME ["/var/lib/lethe/keys", "/var/lib/lethe/root"]
EXPOSE 9464
STOPSIGNAL SIGTERM
# The image has no HTTP client, and needs none for one line.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 CMD \
    ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/9464 && printf 'GET /livez HTTP/1.0\\r\\n\\r\\n' >&3 && read -r line <&3 && [[ $line == *' 200 '* ]]"]
ENTRYPOINT ["lethe"]
CMD ["--help"]
