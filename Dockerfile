# Bluecast in one container: the pages, the program, and what it needs to run.

FROM node:22-trixie-slim AS web
WORKDIR /build/web
COPY web/package.json web/package-lock.json web/.npmrc ./
RUN npm ci
COPY web ./
RUN npm run build

FROM rust:1.95-slim-trixie AS program
RUN apt-get update \
 && apt-get install -y --no-install-recommends \
      gcc libc6-dev pkg-config libssl-dev libyuv-dev \
      libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev libgstreamer-plugins-bad1.0-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /build
# rust-toolchain.toml stays outside: the image is the tool chain, and nothing more is to be fetched.
COPY Cargo.toml Cargo.lock askama.toml ./
COPY src src
COPY migrations migrations
COPY pipelines pipelines
COPY web web
COPY --from=web /build/web/dist web/dist
# Cargo wants the benches that the manifest names to be there, though none is built here.
RUN mkdir benches \
 && sed -n '/^\[\[bench\]\]/,/^$/s/^name = "\(.*\)"/benches\/\1.rs/p' Cargo.toml | xargs -r touch \
 && cargo build --locked --release

FROM debian:13-slim
# What scripts/prepare installs to run, with the libraries instead of their headers. Without recommended packages on purpose: the helper of
# chromium-sandbox cannot work in a container, and where it is installed Bluecast relies on it.
RUN apt-get update \
 && apt-get install -y --no-install-recommends \
      libssl3t64 libyuv0 \
      gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly \
      gstreamer1.0-nice gstreamer1.0-x gstreamer1.0-pulseaudio glib-networking librsvg2-common \
      chromium libnss3-tools xvfb pulseaudio fonts-noto-core ca-certificates \
 && rm -rf /var/lib/apt/lists/* \
 # Only root may make the folder that X servers put their sockets in.
 && install -d -m 1777 /tmp/.X11-unix \
 && useradd --system --create-home --uid 10001 bluecast \
 && install -d -o bluecast -g bluecast -m 0700 /data
COPY --from=program /build/target/release/bluecast /usr/local/bin/bluecast
USER bluecast
ENV BLUECAST_LISTEN=0.0.0.0:8080 \
    BLUECAST_DATA_DIR=/data
VOLUME /data
EXPOSE 8080
# bash opens the connection itself; no other program has to be installed for this.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
  CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/${BLUECAST_LISTEN##*:} && printf 'GET /healthz HTTP/1.0\\r\\n\\r\\n' >&3 && grep -q '^HTTP/1.[01] 200' <&3"]
ENTRYPOINT ["bluecast"]
CMD ["serve"]
