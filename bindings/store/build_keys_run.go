package store

import (
	"context"
	"strings"

	"dockless/bindings/dockerfile"

	"github.com/opencontainers/go-digest"
)

// runKey is the digest of what a process is made from; of is the key of what it
// sees by a mount.
func (w *work) runKey(ctx context.Context, run *dockerfile.Run, below digest.Digest, of func(context.Context, dockerfile.Mount) (digest.Digest, error)) (digest.Digest, error) {
	r := *run
	network, err := (&process{Run: run, build: w.build}).networkMode() // has several names
	if err != nil {
		return "", err
	}
	r.Proxy, r.Mounts, r.Network = nil, nil, network
	limits := &w.build.Limits
	parts := []any{"run", below, w.build.hostNames(), limits.ShmSize, limits.Ulimits, limits.CgroupParent, r}
	for _, mount := range run.Mounts {
		var from digest.Digest
		if !mount.From.None() {
			if from, err = of(ctx, mount); err != nil || from == "" {
				return "", err
			}
		}
		mount.From = dockerfile.Source{}
		if mount.Type == "cache" && !usualCache(mount) {
			mount.ID, mount.Sharing = "", ""
		}
		parts = append(parts, mount, from)
	}
	return keyOf(parts...), nil
}

// hostNames are those of --add-host: with docker the addresses do not count.
func (b *Build) hostNames() (names []string) {
	for _, host := range b.Hosts {
		name, _, _ := strings.Cut(host, ":")
		names = append(names, name)
	}
	return names
}

// usualCache tells whether a cache is named after the place where it is mounted,
// perhaps behind BUILDKIT_CACHE_MOUNT_NS, and shared. Of others neither name nor
// sharing counts.
// Source: https://github.com/moby/buildkit/blob/v0.25.1/solver/llbsolver/ops/exec.go (checkShouldClearCacheOpts).
func usualCache(mount dockerfile.Mount) bool {
	_, behind, _ := strings.Cut(mount.ID, "/")
	return mount.Sharing == "shared" && (mount.ID == mount.Target || behind == mount.Target)
}

// mountKey is the key of what a process sees by a mount.
func (w *work) mountKey(ctx context.Context, mount dockerfile.Mount) (digest.Digest, error) {
	if mount.From.Context == "" {
		return w.sourceKey(mount.From), nil
	}
	return w.mountContent(ctx, mount)
}

// isPart tells whether a mount shows a part of a stage. To read all of one would
// take longer than most processes.
func isPart(mount dockerfile.Mount) bool { return mount.From.Stage != nil && mount.Source != "/" }

// mountContent is the digest of the files that a process sees by a mount of a
// context, or of a part of a stage.
func (w *work) mountContent(ctx context.Context, mount dockerfile.Mount) (digest.Digest, error) {
	if mount.From.Context == "" && !isPart(mount) {
		return w.sourceKey(mount.From), nil
	}
	place := [2]string{mount.From.Context, mount.Source}
	if mount.From.Context == "" {
		place[0] = w.sourceKey(mount.From).String()
	}
	w.mutex.Lock()
	key, known := w.mounts[place]
	w.mutex.Unlock()
	if known {
		return key, nil
	}
	from, err := w.source(mount.From)
	if err != nil {
		return "", err
	}
	all := &dockerfile.Copy{From: mount.From, Items: []dockerfile.Item{{Path: mount.Source}}, Dest: "/"}
	picked, err := w.pick(ctx, all, []source{from})
	if err != nil && mount.From.Context == "" && ctx.Err() == nil {
		return "", nil //nolint:nilerr // who mounts it says why
	}
	if err != nil {
		return "", err
	}
	key = picked.digest()
	if len(picked.matches) == 1 && mount.Source != "/" {
		top := picked.matches[0].top // which the process sees, too
		key = keyOf(key, top.mode, top.uid, top.gid)
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.mounts[place] = key
	return key, nil
}
