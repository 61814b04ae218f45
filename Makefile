# Build tags, once: openpgp in Go instead of gpgme, COPY --parents, no btrfs or devicemapper headers needed, no Markdown in every start.
TAGS := containers_image_openpgp dfparents exclude_graphdriver_btrfs exclude_graphdriver_devicemapper urfave_cli_no_docs

GOLANGCI_VERSION := v2.15.0
GOLANGCI := .cache/bin/golangci-lint-$(GOLANGCI_VERSION)

.PHONY: build setup demo test unit scripts machine bench lint fmt clean

build:
	CGO_ENABLED=1 go build -trimpath -buildvcs=false -tags "$(TAGS)" -ldflags "-s -w" -o dockless .

# What is missing on this machine, with sudo where need be, and the hosts of the tests.
setup:
	@tests/hosts/setup
	@tests/machine/setup

demo:
	@tests/hosts/setup --run
	@$(MAKE) --no-print-directory build
	@tests/hosts/enter this -- tests/demo

test: setup unit scripts machine

unit:
	CGO_ENABLED=1 go test -tags "$(TAGS)" $$(go list -tags "$(TAGS)" ./... | grep -v '/tests$$')

# make scripts RUN=REGEXP HOST=bookworm: only some of them.
scripts: build
	@tests/run $(if $(RUN),-run '$(RUN)') $(HOST)

# What needs systemd and all cgroup controllers, in a virtual machine: one to two minutes.
machine: build
	@tests/machine/run $(if $(RUN),-run '$(RUN)')

# As installed: the page cache holds what the linker has written in smaller pieces, and a start takes 0.6 ms longer.
bench:
	@tests/hosts/setup
	@$(MAKE) --no-print-directory build
	@CGO_ENABLED=0 go build -o .cache/bench ./tests/bench
	@install dockless .cache/dockless
	@tests/hosts/rootfs >.cache/debian.tar
	@tests/hosts/enter this -- bash -c 'tests/hosts/baseimage >~/busybox.tar && .cache/bench -dockless .cache/dockless -base ~/busybox.tar -root .cache/debian.tar $(if $(ONLY),-only "$(ONLY)")'

lint: build $(GOLANGCI)
	@status=0; $(GOLANGCI) run --allow-parallel-runners --build-tags "$(TAGS)" ./... || status=1; tests/lint || status=1; exit $$status
	go mod tidy -diff

fmt: $(GOLANGCI)
	$(GOLANGCI) fmt

# Built under another name and moved, so that an interrupted build is not taken for a whole one.
$(GOLANGCI):
	GOBIN=$(CURDIR)/.cache/bin/new go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	mv .cache/bin/new/golangci-lint $@

clean:
	rm -rf dockless .cache
