// What containers/image reads of a Rekor log entry, in place of the whole of
// github.com/sigstore/rekor: see the package's documentation.
module github.com/sigstore/rekor

go 1.26.0
