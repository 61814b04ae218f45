// Docker's grammar of image names on top of the one of containers/image, in place
// of github.com/distribution/reference: see the package's documentation.
module github.com/distribution/reference

go 1.26.0

require github.com/containers/image/v5 v5.29.3
