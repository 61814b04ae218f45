// Package reference stands in for github.com/distribution/reference, docker's own
// package of image names. containers/image has a copy of it, which is in the
// program anyway and compiles half of its regular expressions when they are used;
// so here the names are that copy's, and what the two differ in is docker's. One
// thing is lost, registries by IPv6 address ([::1]:5000/app): that copy, which
// reads all names for the store, never knew them.
//
// The original's initialisers were 0.3 ms of each command's start, with 3600
// allocations of 0.4 MB.
package reference

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/containers/image/v5/docker/reference"
)

// The kinds of names, see the original.
type (
	Reference   = reference.Reference
	Field       = reference.Field
	Named       = reference.Named
	Tagged      = reference.Tagged
	NamedTagged = reference.NamedTagged
	Digested    = reference.Digested
	Canonical   = reference.Canonical
)

// NameTotalLengthMax is the greatest length of a name, tag and digest left out.
const NameTotalLengthMax = reference.NameTotalLengthMax

// What may be wrong with a name.
var (
	ErrReferenceInvalidFormat = reference.ErrReferenceInvalidFormat
	ErrTagInvalidFormat       = reference.ErrTagInvalidFormat
	ErrDigestInvalidFormat    = reference.ErrDigestInvalidFormat
	ErrNameContainsUppercase  = reference.ErrNameContainsUppercase
	ErrNameEmpty              = reference.ErrNameEmpty
	ErrNameTooLong            = reference.ErrNameTooLong
	ErrNameNotCanonical       = reference.ErrNameNotCanonical
)

// The grammar, for github.com/docker/distribution, which passes it on.
var (
	DigestRegexp     = reference.DigestRegexp
	DomainRegexp     = reference.DomainRegexp
	IdentifierRegexp = reference.IdentifierRegexp
	NameRegexp       = reference.NameRegexp
	ReferenceRegexp  = reference.ReferenceRegexp
	TagRegexp        = reference.TagRegexp
)

// What the two have in common.
var (
	AsField        = reference.AsField
	Domain         = reference.Domain
	FamiliarMatch  = reference.FamiliarMatch
	FamiliarName   = reference.FamiliarName
	FamiliarString = reference.FamiliarString
	IsNameOnly     = reference.IsNameOnly
	Parse          = reference.Parse
	Path           = reference.Path
	SplitHostname  = reference.SplitHostname
	TagNameOnly    = reference.TagNameOnly
	TrimNamed      = reference.TrimNamed
	WithDigest     = reference.WithDigest
	WithName       = reference.WithName
	WithTag        = reference.WithTag
)

// ParseNormalizedNamed reads a name as a person types it: docker.io and library/
// may be missing. It differs from that of containers/image in its words and in
// that a first part with capital letters is a registry.
func ParseNormalizedNamed(typed string) (Named, error) {
	if reference.IsFullIdentifier(typed) {
		return nil, fmt.Errorf("invalid repository name (%s), cannot specify 64-byte hexadecimal strings", typed)
	}
	domain, rest := splitDomain(typed)
	remote, _, _ := strings.Cut(rest, ":")
	if remote != strings.ToLower(remote) {
		return nil, fmt.Errorf("invalid reference format: repository name (%s) must be lowercase", remote)
	}
	parsed, err := reference.Parse(domain + "/" + rest)
	if err != nil {
		return nil, err
	}
	named, is := parsed.(Named)
	if !is {
		return nil, fmt.Errorf("reference %s has no name", parsed)
	}
	return named, nil
}

func splitDomain(name string) (domain, rest string) {
	domain, rest, found := strings.Cut(name, "/")
	if !found || !strings.ContainsAny(domain, ".:") && domain != "localhost" && strings.ToLower(domain) == domain {
		domain, rest = "docker.io", name
	}
	if domain == "index.docker.io" {
		domain = "docker.io"
	}
	if domain == "docker.io" && !strings.Contains(rest, "/") {
		rest = "library/" + rest
	}
	return domain, rest
}

// ParseDockerRef is ParseNormalizedNamed, with the tag :latest where there is
// none, and without the tag where there is a digest too.
func ParseDockerRef(typed string) (Named, error) {
	named, err := ParseNormalizedNamed(typed)
	if err != nil {
		return nil, err
	}
	if canonical, is := named.(Canonical); is {
		return WithDigest(TrimNamed(named), canonical.Digest())
	}
	return TagNameOnly(named), nil
}

// ParseAnyReference reads a name or an image's ID or digest.
func ParseAnyReference(typed string) (Reference, error) {
	if named, err := reference.ParseAnyReference(typed); err == nil {
		if _, is := named.(Named); !is {
			return named, nil
		}
	}
	return ParseNormalizedNamed(typed)
}

// ParseNamed reads a name that is written in full.
func ParseNamed(full string) (Named, error) {
	named, err := ParseNormalizedNamed(full)
	if err != nil {
		return nil, err
	}
	if named.String() != full {
		return nil, ErrNameNotCanonical
	}
	return named, nil
}

// Sort returns names in full with the most exact first, then by the alphabet,
// and last what is no name.
func Sort(names []string) []string {
	rank := func(name string) int {
		parsed, err := ParseAnyReference(name)
		if err != nil {
			return 8
		}
		rank := 7
		if _, is := parsed.(Named); is {
			rank -= 4
		}
		if _, is := parsed.(Tagged); is {
			rank -= 2
		}
		if _, is := parsed.(Digested); is {
			rank--
		}
		return rank
	}
	sorted := slices.Clone(names)
	for i, name := range sorted {
		if parsed, err := ParseAnyReference(name); err == nil {
			sorted[i] = parsed.String()
		}
	}
	slices.SortFunc(sorted, func(a, b string) int { return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b)) })
	return sorted
}
