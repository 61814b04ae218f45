package store

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/containerd/platforms"
	"github.com/containers/storage"
	"github.com/opencontainers/go-digest"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
)

// qemu has the names of the handlers for platforms' architectures.
var qemu = map[string]string{
	"amd64": "qemu-x86_64", "386": "qemu-i386", "arm64": "qemu-aarch64", "arm": "qemu-arm", "riscv64": "qemu-riscv64",
	"ppc64le": "qemu-ppc64le", "s390x": "qemu-s390x", "mips64le": "qemu-mips64el", "loong64": "qemu-loongarch64",
}

// runnable tells whether the kernel can execute programs for a platform. What a
// program wants of an amd64 processor is for that to say.
func runnable(platform imagespec.Platform) bool {
	if platform.Architecture == "amd64" {
		platform.Variant = ""
	}
	if platforms.Default().Match(platform) || platform.Architecture == "386" && platforms.DefaultSpec().Architecture == "amd64" {
		return true
	}
	handler, err := os.ReadFile("/proc/sys/fs/binfmt_misc/" + qemu[platform.Architecture])
	return err == nil && strings.HasPrefix(string(handler), "enabled")
}

// isFor tells whether an image is for a platform, as far as it says.
func (s *Store) isFor(image *storage.Image, platform imagespec.Platform) bool {
	text, err := s.ImageBigData(image.ID, digest.NewDigestFromEncoded(digest.Canonical, image.ID).String())
	var about imagespec.Image
	if err != nil || json.Unmarshal(text, &about) != nil || about.Architecture == "" {
		return true
	}
	return platforms.Only(platform).Match(platforms.Normalize(about.Platform))
}

// RunnablePlatforms are those that RUN works for on this machine, its own first.
func RunnablePlatforms() []string {
	list := []string{platforms.Format(platforms.DefaultSpec())}
	for _, architecture := range slices.Sorted(maps.Keys(qemu)) {
		platform := imagespec.Platform{OS: "linux", Architecture: architecture}
		if name := platforms.Format(platform); name != list[0] && runnable(platform) {
			list = append(list, name)
		}
	}
	return list
}
