// What buildah's packages name of github.com/openshift/imagebuilder, in place of
// the whole: see the package's documentation.
module github.com/openshift/imagebuilder

go 1.26.0

require github.com/fsouza/go-dockerclient v1.10.0
