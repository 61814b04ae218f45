package dockerfile

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path"
	"strconv"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

// mount is one of RUN's --mount.
// Source: https://docs.docker.com/reference/dockerfile/#run---mount
func (b *building) mount(i *instructions.Mount, from *node) (Mount, error) {
	m := Mount{
		Type:     string(i.Type),
		ReadOnly: i.ReadOnly,
		Required: i.Required,
		Size:     i.SizeLimit,
		UID:      number(i.UID),
		GID:      number(i.GID),
	}
	if i.Mode != nil {
		mode := os.FileMode(*i.Mode)
		m.Mode = &mode
	}
	switch i.Type {
	case instructions.MountTypeSecret:
		return m, b.secret(i, &m)
	case instructions.MountTypeSSH:
		if i.Source != "" {
			return m, errors.New("ssh does not support source")
		}
		m.ID, m.Target = cmp.Or(i.CacheID, "default"), b.absolute(i.Target)
		return m, nil
	}
	if i.From != "" {
		source, err := b.filesOf(from)
		if err != nil {
			return m, fmt.Errorf("cannot mount from stage %q to %q, stage needs to be defined before current command", i.From, i.Target)
		}
		m.From = source
	} else if i.Type == instructions.MountTypeBind {
		m.From = Source{Context: Main}
	}
	switch i.Type {
	case instructions.MountTypeTmpfs:
		m.From = Source{}
	case instructions.MountTypeCache:
		m.Sharing = cmp.Or(string(i.CacheSharing), string(instructions.MountSharingShared))
		m.ID = cmp.Or(i.CacheID, path.Clean(i.Target))
		if space := b.given["BUILDKIT_CACHE_MOUNT_NS"]; space != "" {
			m.ID = space + "/" + m.ID
		}
	}
	m.Source = path.Join("/", i.Source)
	if m.Target = path.Join(b.dir(), i.Target); path.IsAbs(path.Clean(i.Target)) {
		m.Target = path.Clean(i.Target)
	}
	if m.Target == "/" {
		return m, fmt.Errorf("invalid mount target %q", m.Target)
	}
	return m, nil
}

func (b *building) secret(i *instructions.Mount, m *Mount) error {
	m.ID = cmp.Or(i.Source, i.CacheID)
	if m.ID == "" {
		if i.Target == "" {
			return errors.New("one of source, target required")
		}
		m.ID = path.Base(i.Target)
	}
	m.Target = b.absolute(i.Target)
	if i.Env != nil {
		m.Env = *i.Env
	} else if m.Target == "" {
		m.Target = "/run/secrets/" + path.Base(m.ID)
	}
	return nil
}

// absolute is a path in the container; "" stays.
func (b *building) absolute(target string) string {
	if target == "" || path.IsAbs(target) {
		return target
	}
	return path.Join(b.dir(), target)
}

// nameSockets says where the agents are that RUN is given no path for, and tells
// the process where the first one is.
func nameSockets(run *Run) {
	count := 0
	for n := range run.Mounts {
		m := &run.Mounts[n]
		if m.Type != string(instructions.MountTypeSSH) {
			continue
		}
		m.Target = cmp.Or(m.Target, "/run/buildkit/ssh_agent."+strconv.Itoa(count))
		if env := newEnvironment(run.Env); count == 0 {
			if _, set := env.Get("SSH_AUTH_SOCK"); !set {
				env.set("SSH_AUTH_SOCK", m.Target)
				run.Env = env.list()
			}
		}
		count++
	}
}

func number(n *uint64) int {
	if n == nil {
		return 0
	}
	return int(*n)
}
