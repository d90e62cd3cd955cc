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

# The tests read PDFs, pages and tables back with programs of Debian's, set Chinese
# in a font of its, and start a ZooKeeper of their own.
TEST_DEPS = poppler-utils chromium sqlite3 zookeeper fonts-droid-fallback

test-deps:
	@missing=""; for p in $(TEST_DEPS); do dpkg -s $$p >/dev/null 2>&1 || missing="$$missing $$p"; done; \
		if [ -z "$$missing" ]; then :; \
		elif command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
			apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
		else \
			echo "install$$missing to run the tests that need them" >&2; \
		fi

lint: ## gofmt, go vet, staticcheck
	@files=$$(gofmt -l cmd billing ingest pricing templates internal); \
		if [ -n "$$files" ]; then echo "not formatted; run gofmt -w:" $$files >&2; exit 1; fi
	$(GO) vet ./...
	$(TOOL) staticcheck ./...

bench: engine ## run the benchmarks
	$(GO) test -run '^$$' -bench . -benchmem ./...
	$(GO) test -run '^$$' -bench UsageMemory -benchtime 1x ./billing/export -export.rows 10000000

soak: ## price two million random cases against the oracle, and fuzz every parser
	$(GO) test -timeout 60m -run 'TestOracle$$' ./pricing -oracle.cases=2000000
	for target in pricing/FuzzParseDeck pricing/FuzzParseExchangeRates templates/truetype/FuzzParse billing/export/FuzzReadUsage billing/export/FuzzCSV internal/config/FuzzPlan internal/config/FuzzLoad; do \
		$(GO) test -run '^$$' -fuzz "^$$(basename $$target)$$" -fuzztime 2m "./$$(dirname $$target)" || exit 1; done
