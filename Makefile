# Build tags, once: openpgp in Go instead of gpgme, and no btrfs or devicemapper headers needed.
TAGS := containers_image_openpgp exclude_graphdriver_btrfs exclude_graphdriver_devicemapper

.PHONY: build setup demo test unit scripts bench lint fmt clean

build:
	CGO_ENABLED=1 go build -trimpath -tags "$(TAGS)" -ldflags "-s -w" -o dockless .

setup:
	@tests/hosts/setup

test: setup unit scripts

unit:
	CGO_ENABLED=1 go test -tags "$(TAGS)" $$(go list -tags "$(TAGS)" ./... | grep -v /tests)

# make scripts RUN=REGEXP HOST=bookworm: only some of them.
scripts: build
	@tests/run $(if $(RUN),-run '$(RUN)') $(HOST)

bench: setup build
	@tests/bench/run

clean:
	rm -rf dockless .cache
