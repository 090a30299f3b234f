# gatewayd, adapterd and trm in one image: static, no shell, no root. Which of them runs is
# the service's command; the root file system may be read-only.
#
#   docker build -t trm:local .
#   docker run --rm trm:local /bin/trm --help

FROM --platform=$BUILDPLATFORM golang:1.26.8-alpine AS build
ENV CGO_ENABLED=0 GOTOOLCHAIN=local
WORKDIR /src
COPY . .
ARG TARGETOS
ARG TARGETARCH
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -buildvcs=false -ldflags=-s -o /out/bin/ ./cmd/gatewayd ./cmd/adapterd ./cmd/trm
# Where docker-compose.yml mounts volumes: a new volume takes the owner of what it covers.
RUN mkdir -p /owned/var/lib/trm /owned/var/lib/trm-guard /owned/var/lib/office /owned/tmp \
    /owned/site/region /owned/site/gateway /owned/site/ba /owned/site/rs /owned/site/redis /owned/site/grafana \
    /owned/site/witness-al /owned/site/witness-md /owned/site/witness-me

FROM scratch
LABEL org.opencontainers.image.title="TRM gateway" \
      org.opencontainers.image.description="Synthetic people only; no institution operates or endorses this." \
      org.opencontainers.image.licenses="EUPL-1.2"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build --chown=65532:65532 /owned/ /
COPY --from=build /out/bin/ /bin/
USER 65532:65532
CMD ["/bin/trm", "--help"]
