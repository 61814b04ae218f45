//go:build !cgo

package store

// Without cgo containers/storage cannot enter a user namespace before Go's
// threads start, and the re-execution in Enter would fork without end: such a
// build has to fail.
var _ = build_dockless_with_CGO_ENABLED_1
