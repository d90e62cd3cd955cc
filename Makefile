# Every target stands on its own on a fresh machine with Go, Node's npm, make
# and git.

GO ?= go
TOOL = $(GO) tool -modfile=internal/tools/go.mod
DEMO_DIR ?= demo

.PHONY: help engine build demo test test-deps lint bench soak

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

engine: ## install the embedded ClickHouse engine, once for each user
	@sh deploy/engine/install.sh

build: ## build bin/subtally
	@$(GO) build -trimpath -o bin/subtally ./cmd/subtally

demo: engine build ## run the main job on a generated world; writes demo/
	@bin/subtally demo --dir $(DEMO_DIR)

# The packages whose goroutines share data run under the race detector; the
# others run without it, which is several times faster. Of the commands only
# serve has goroutines of its own; TestManyProcesses has processes.
RACE = ./internal/warehouse/... ./ingest/... ./billing/...

test: engine test-deps lint ## run every test; installs what they need
	$(GO) test -race -timeout 10m -skip '^TestManyProcesses$$' $(RACE)
	$(GO) test -timeout 10m -run '^TestManyProcesses$$' ./billing/register
	$(GO) test -race -timeout 10m -run Serve ./cmd/subtally
	$(GO) test -timeout 10m $$($(GO) list ./... | grep -v -F -x "$$($(GO) list $(RACE))")

# The tests read PDFs back with poppler.
test-deps:
	@command -v pdftotext >/dev/null && command -v pdftoppm >/dev/null || { \
		if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
			apt-get update -qq && apt-get install -y -qq --no-install-recommends poppler-utils >/dev/null; \
		else \
			echo "install poppler-utils to run the tests that read PDFs" >&2; \
		fi; }

# Those of the register start a ZooKeeper of their own.
	@[ -x /usr/share/zookeeper/bin/zkServer.sh ] || { \
		if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
			apt-get update -qq && apt-get install -y -qq --no-install-recommends zookeeper >/dev/null; \
		else \
			echo "install zookeeper to run the tests of claims in Keeper" >&2; \
		fi; }

lint: ## gofmt, go vet, staticcheck
	@files=$$(gofmt -l cmd billing ingest pricing templates internal); \
		if [ -n "$$files" ]; then echo "not formatted; run gofmt -w:" $$files >&2; exit 1; fi
	$(GO) vet ./...
	$(TOOL) staticcheck ./...

bench: engine ## run the benchmarks
	$(GO) test -run '^$$' -bench . -benchmem ./...

soak: ## price two million random cases against the oracle, and fuzz every parser
	$(GO) test -timeout 60m -run 'TestOracle$$' ./pricing -oracle.cases=2000000
	for target in pricing/FuzzParseDeck pricing/FuzzParseExchangeRates billing/export/FuzzReadUsage internal/config/FuzzPlan internal/config/FuzzLoad; do \
		$(GO) test -run '^$$' -fuzz "^$$(basename $$target)$$" -fuzztime 2m "./$$(dirname $$target)" || exit 1; done
