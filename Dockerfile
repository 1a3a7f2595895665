# One image for all of Chiffon: `chiffon serve`, `chiffon agent infrastructure`, `chiffon agent desktop`.
# Build: docker build -t chiffon .        It runs as an unprivileged user; its data is in /var/lib/chiffon.

FROM docker.io/library/rust:1.95-bookworm AS build
WORKDIR /source
COPY . .
# Statements are checked against .sqlx: no database is needed to build.
ENV SQLX_OFFLINE=true
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/source/target \
    cargo build --release --locked --bin chiffon \
    && install -D target/release/chiffon /out/chiffon

FROM docker.io/library/debian:bookworm-slim
# Ansible for the infrastructure agent, ssh to reach its hosts, git and curl for people who look inside.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ansible openssh-client ca-certificates curl git \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --user-group --home-dir /var/lib/chiffon --create-home --shell /usr/sbin/nologin chiffon
COPY --from=build /out/chiffon /usr/local/bin/chiffon
COPY playbooks /usr/share/chiffon/playbooks
ENV CHIFFON__AGENT__DATA_DIR=/var/lib/chiffon \
    CHIFFON__AGENT__INFRASTRUCTURE__PLAYBOOKS=/usr/share/chiffon/playbooks
USER chiffon
WORKDIR /var/lib/chiffon
VOLUME /var/lib/chiffon
EXPOSE 8080
# chiffon handles SIGTERM by itself: it stops taking work, finishes or hands over, then leaves.
STOPSIGNAL SIGTERM
ENTRYPOINT ["chiffon"]
CMD ["serve"]
