# The commands of this tree; `make` lists them. ARGS="..." goes to what a target runs.

# The user's own cargo counts even where the shell has not read its profile.
export PATH := $(PATH):$(if $(CARGO_HOME),$(CARGO_HOME),$(HOME)/.cargo)/bin
# Statements are checked against .sqlx, never against a database that happens to stand in DATABASE_URL or .env.
export SQLX_OFFLINE := true

CHIFFON := target/debug/chiffon
ARGS :=
# What its Cargo.toml declares to hold no tests.
UNTESTED := e2e/src fuzz/src simulation/src nodes/src/main.rs

.DEFAULT_GOAL := help
.PHONY: help setup build page up demo test test-upgrade test-newer simulate fuzz lint fmt prepare faults soak bench docs

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo 'ARGS="..." is passed on, as in: make up ARGS="--listen 127.0.0.1:9090"'

setup: ## install what build and tests need (Debian, Ubuntu); no server is started or touched
	@scripts/setup test

build: ## build the binary, target/debug/chiffon
	cargo build --bin chiffon

page: ## build the page in web/ into web/dist, which is part of the binary (needs Node; make setup brings it)
	@scripts/page build

docs: ## build the documentation's site from docs/ into target/docs-site; no network is needed after make setup
	@scripts/docs build

up: ## install what is missing, build, and run everything on this machine
	@scripts/setup up
	cargo build --bin chiffon
	$(CHIFFON) up $(ARGS)

demo: ## the same, then play the story step by step and stop
	@scripts/setup up
	cargo build --bin chiffon
	$(CHIFFON) up --demo $(ARGS)

test: ## run every test on private nodes; ARGS goes to cargo nextest and leaves those of the playbooks and the page out
	@scripts/test $(ARGS)

test-upgrade: ## run agents and orchestrators of the version before beside today's; ARGS names another commit
	@scripts/test-upgrade $(ARGS)

test-newer: ## the tests of servers and Ansible on Debian 13's RabbitMQ 4.0, PostgreSQL 17 and ansible-core 2.19 (as root)
	@scripts/test-newer $(ARGS)

simulate: ## play schedules of faults, a million or ARGS="--schedules N"; tell one again: ARGS="--seed N"
	cargo build --bin chiffon-simulation
	target/debug/chiffon-simulation $(ARGS)

fuzz: ## feed everything that reads text from outside, a million inputs or ARGS="--inputs N"; ARGS="--reader request" for one
	cargo build --release --bin chiffon-fuzz
	target/release/chiffon-fuzz $(ARGS)

lint: ## formatting, clippy, whether .sqlx fits the statements and the migrations, and web/dist the page
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	@scripts/prepare --check
	@scripts/page check
	@! grep -rnE '#\[(tokio::)?test' $(UNTESTED) || { echo 'lint: these never run: their target says test = false in its Cargo.toml' >&2; exit 1; }

fmt: ## format the code
	cargo fmt --all

prepare: ## write .sqlx anew from the statements and the migrations
	@scripts/prepare

faults: ## every part killed and frozen at every point of a request's way, on real parts (some 15 minutes)
	cargo build --workspace --bins
	CHIFFON_FAULTS=all target/debug/chiffon-nodes run -- cargo nextest run -p chiffon-e2e --profile faults -E 'test(/^faults::/)' $(ARGS)

soak: ## two million new schedules, then load and faults on real parts, as in ARGS="--minutes 20"
	cargo build --bin chiffon --bin chiffon-soak --bin chiffon-simulation
	target/debug/chiffon-simulation --schedules 2000000 --from $$(date +%s)000000
	target/debug/chiffon-soak $(ARGS)

bench: ## build with optimisation and measure on private nodes, peers beside it: ARGS="--only throughput", "--stored 100000", "--json"
	cargo build --release --bin chiffon --bin chiffon-bench
	target/release/chiffon-bench $(ARGS)
