# Everything a developer or a machine runs here. "make check" is what CI runs.

GO       ?= go
FUZZTIME ?= 10s

# Systems that the programs of a country are built for, without cgo.
TARGETS := linux/amd64 windows/amd64 darwin/arm64

.DEFAULT_GOAL := help
SHELL         := bash
.SHELLFLAGS   := -euo pipefail -c

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: build
build: ## Build gatewayd, adapterd and trm into bin/
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/ ./cmd/...

# One package at a time: those under test/ start processes, kill them and start them again
# on the ports they had, which nobody else may take in between.
.PHONY: test
test: ## Run every test
	$(GO) test -p 1 -shuffle=on -timeout 20m ./...

.PHONY: short
short: ## Run the tests that start no processes
	$(GO) test -short -shuffle=on ./...

.PHONY: check
check: format vet static tidy generated cross race test bench fuzz ## Run all that CI runs

.PHONY: format
format: ## Fail where gofmt would change a file
	@files=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')); \
	if [[ -n "$$files" ]]; then echo "gofmt would change:"; echo "$$files"; exit 1; fi

.PHONY: vet
vet: ## Run go vet
	$(GO) vet ./...
	$(GO) vet -C test/interop/log ./...

.PHONY: static
static: ## Run staticcheck as staticcheck.conf says
	$(GO) tool staticcheck ./...

.PHONY: tidy
tidy: ## Fail where go.mod or go.sum is not tidy
	$(GO) mod tidy -diff
	cd test/interop/log && $(GO) mod tidy -diff
	cd test/interop/witness && $(GO) mod tidy -diff

# Compared with the files as they are, not with the last commit: it may be run with
# unfinished work in the tree.
.PHONY: generated
generated: ## Fail where go generate changes a file
	@state() { git ls-files -co --exclude-standard -z | xargs -0 sha256sum 2>/dev/null | sort; }; \
	before=$$(state); $(GO) generate ./...; \
	diff <(echo "$$before") <(state) || { echo "go generate changes these files: commit what it makes"; exit 1; }

.PHONY: cross
cross: ## Build what countries run for every system, without cgo
	@for t in $(TARGETS); do \
	  echo "building for $$t"; \
	  CGO_ENABLED=0 GOOS=$${t%/*} GOARCH=$${t#*/} $(GO) build -o /dev/null ./cmd/trm; \
	  CGO_ENABLED=0 GOOS=$${t%/*} GOARCH=$${t#*/} $(GO) build -o /dev/null ./cmd/adapterd; \
	done

# The race detector slows SQLite, which is translated C, by an order of magnitude: the
# tests that start processes are left to "make test" (-short).
.PHONY: race
race: ## Run the tests that start no processes under the race detector
	$(GO) test -race -short -shuffle=on -timeout 20m ./...

.PHONY: bench
bench: ## Run every benchmark once, so that none rots
	$(GO) test -short -run='^$$' -bench=. -benchtime=1x ./...

.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME (10s)
	@$(GO) test -short -list '^Fuzz' ./... | awk '/^Fuzz/ { t[n++] = $$1; next } /^ok/ { for (i = 0; i < n; i++) print t[i], $$2; n = 0 }' | \
	while read -r target package; do \
	  echo "$$target in $$package"; \
	  $(GO) test -run='^$$' -fuzz="^$$target\$$" -fuzztime=$(FUZZTIME) -fuzzminimizetime=20x "$$package"; \
	done
