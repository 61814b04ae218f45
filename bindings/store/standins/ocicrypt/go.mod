// Encryption of image layers, which docker has no flag for, in place of
// github.com/containers/ocicrypt: see the package's documentation.
module github.com/containers/ocicrypt

go 1.26.0

require (
	github.com/opencontainers/go-digest v1.0.0
	github.com/opencontainers/image-spec v1.1.0-rc5
)
