package main

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// splitRoot writes the root file system of a tar as an image archive (docker
// save's) of so many layers of about the same size, each with a part of the
// files. Links stand in the layer of what they link to.
func splitRoot(root, archive, name string, layers int) (err error) {
	dir, err := os.MkdirTemp(filepath.Dir(archive), "layers")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	paths, err := distribute(root, dir, layers)
	if err != nil {
		return fmt.Errorf("splitting %s: %w", root, err)
	}
	file, err := os.Create(archive)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	out := tar.NewWriter(file)
	var digests, entries []string
	for _, path := range paths {
		digest, err := addFile(out, path)
		if err != nil {
			return err
		}
		digests = append(digests, "sha256:"+digest)
		entries = append(entries, digest+".tar")
	}
	config, err := json.Marshal(map[string]any{
		"architecture": "amd64", "os": "linux",
		"config": map[string]any{"Cmd": []string{"bash"}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": digests},
	})
	if err != nil {
		return err
	}
	sum := sha256.Sum256(config)
	configName := hex.EncodeToString(sum[:]) + ".json"
	manifest, err := json.Marshal([]map[string]any{{"Config": configName, "RepoTags": []string{name}, "Layers": entries}})
	if err != nil {
		return err
	}
	return errors.Join(addText(out, configName, config), addText(out, "manifest.json", manifest), out.Close())
}

// distribute copies the entries of a tar into so many others.
func distribute(root, dir string, layers int) (paths []string, err error) {
	in, err := os.Open(root)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return nil, err
	}
	outs := make([]*tar.Writer, layers)
	for i := range outs {
		file, err := os.Create(filepath.Join(dir, fmt.Sprint(i)))
		if err != nil {
			return nil, err
		}
		defer file.Close()
		outs[i] = tar.NewWriter(file)
		paths = append(paths, file.Name())
	}
	placed, written := map[string]int{}, int64(0)
	for entries := tar.NewReader(in); ; {
		header, err := entries.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		layer := min(int(written*int64(layers)/info.Size()), layers-1)
		if header.Typeflag == tar.TypeLink {
			layer = placed[header.Linkname]
		}
		placed[header.Name] = layer
		written += header.Size + 1024
		if err := outs[layer].WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := io.Copy(outs[layer], entries); err != nil {
			return nil, err
		}
	}
	for _, out := range outs {
		if err := out.Close(); err != nil {
			return nil, err
		}
	}
	return paths, nil
}

// addFile adds a file under the name of its digest, which it returns.
func addFile(out *tar.Writer, path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	hash := sha256.New()
	size, err := io.Copy(hash, file)
	if err != nil {
		return "", err
	}
	digest := hex.EncodeToString(hash.Sum(nil))
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	if err := out.WriteHeader(&tar.Header{Name: digest + ".tar", Size: size, Mode: 0o644}); err != nil {
		return "", err
	}
	_, err = io.Copy(out, file)
	return digest, err
}

func addText(out *tar.Writer, name string, text []byte) error {
	if err := out.WriteHeader(&tar.Header{Name: name, Size: int64(len(text)), Mode: 0o644}); err != nil {
		return err
	}
	_, err := out.Write(text)
	return err
}
