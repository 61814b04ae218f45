package store

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/containerd/containerd/platforms"
	"github.com/containers/storage"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/opencontainers/go-digest"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
)

// wanted is an image that a build needs.
type wanted struct{ name, platform string }

// wanted lists the images that are needed to build the target for a platform.
func (d *Dockerfile) wanted(target imagespec.Platform) []wanted {
	var list []wanted
	for _, from := range d.outside() {
		name, is := d.image(from.name)
		if !is {
			continue
		}
		if w := (wanted{name, d.platform(from.stage, target, from.base)}); !slices.Contains(list, w) {
			list = append(list, w)
		}
	}
	return list
}

// platform is what a stage is for. What it only takes files from is for the
// target.
func (d *Dockerfile) platform(stage int, target imagespec.Platform, base bool) string {
	if own := d.stages[stage].Platform; own != "" && base {
		if parsed, err := platforms.Parse(own); err == nil {
			return platforms.Format(parsed)
		}
	}
	return platforms.Format(target)
}

// checkPlatforms makes sure that this machine can execute what RUN starts.
func (d *Dockerfile) checkPlatforms(target imagespec.Platform) error {
	for index, stage := range d.stages {
		if own := stage.Platform; own != "" {
			if _, err := platforms.Parse(own); err != nil {
				return d.atLine(stage.Location, fmt.Errorf("failed to parse platform %s: %w", own, err)) //nolint:revive // Docker's words
			}
		}
		if !d.needed[index] {
			continue
		}
		platform, err := platforms.Parse(d.platform(index, target, true))
		if err != nil {
			return err
		}
		for _, command := range stage.Commands {
			if run, is := command.(*instructions.RunCommand); is && !runnable(platform) {
				return d.atLine(run.Location(), fmt.Errorf("RUN for %s cannot run on this machine, which is %s: ask for qemu-user-static to be installed (its binfmt_misc handler is missing), or do the work in a stage that begins with FROM --platform=$BUILDPLATFORM",
					platforms.Format(platform), platforms.Format(platforms.DefaultSpec())))
			}
		}
	}
	return nil
}

// qemu has the names of the handlers for platforms' architectures.
var qemu = map[string]string{
	"amd64": "qemu-x86_64", "386": "qemu-i386", "arm64": "qemu-aarch64", "arm": "qemu-arm", "riscv64": "qemu-riscv64",
	"ppc64le": "qemu-ppc64le", "s390x": "qemu-s390x", "mips64le": "qemu-mips64el", "loong64": "qemu-loongarch64",
}

// runnable tells whether the kernel can execute programs for a platform.
func runnable(platform imagespec.Platform) bool {
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
