package config

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/docker/cli/cli/config/configfile"
	"github.com/docker/cli/cli/config/credentials"
	"github.com/docker/cli/cli/config/types"
	"golang.org/x/sys/unix"
)

// KeepCredentials files credentials under their ServerAddress where
// FindCredentials will find them: with the helper that config.json names, or in
// config.json, which is then open to its owner only. Where it names none and
// holds no credentials yet, a helper that is installed becomes its own, as with
// docker. plain tells that the password is now in the file for its owner to read.
func KeepCredentials(ctx context.Context, file *configfile.ConfigFile, given types.AuthConfig) (plain bool, err error) {
	helper, adopted := helperFor(file, given.ServerAddress), ""
	if helper == "" && !file.ContainsAuth() {
		adopted = installedHelper()
		helper = adopted
	}
	if helper == "" && file.AuthConfigs[given.ServerAddress] == given {
		return false, nil // as with docker
	}
	entry := map[string]string{}
	if helper != "" {
		if err := helperStore(ctx, helper, given); err != nil {
			return false, err
		}
	} else {
		entry["auth"] = base64.StdEncoding.EncodeToString([]byte(given.Username + ":" + given.Password))
		if given.IdentityToken != "" {
			entry["identitytoken"] = given.IdentityToken
		}
	}
	err = editDocker(file.Filename, func(settings *object) error {
		if adopted != "" {
			settings.set("credsStore", quoted(adopted))
		}
		text, err := json.Marshal(entry)
		if err != nil {
			return err
		}
		return settings.edit("auths", func(auths *object) error {
			auths.set(given.ServerAddress, text)
			return nil
		})
	})
	return err == nil && helper == "" && given.Password != "", err
}

// installedHelper is the credential helper that docker takes by itself if it is
// there: pass, or else secretservice.
func installedHelper() string {
	return credentials.DetectDefaultStore("")
}

// ForgetCredentials removes what is filed under any of the keys, with the
// helpers and in config.json. A helper that knows one of the keys need not like
// the others: it has failed only if it has failed for all.
func ForgetCredentials(ctx context.Context, file *configfile.ConfigFile, keys ...string) error {
	var errs []error
	asked := 0
	for _, key := range keys {
		if helper := helperFor(file, key); helper != "" {
			asked++
			if err := helperErase(ctx, helper, key); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", key, err))
			}
		}
	}
	if len(errs) < asked {
		errs = nil
	}
	if !slices.ContainsFunc(keys, func(key string) bool { _, there := file.AuthConfigs[key]; return there }) {
		return errors.Join(errs...)
	}
	return errors.Join(append(errs, editDocker(file.Filename, func(settings *object) error {
		return settings.edit("auths", func(auths *object) error {
			for _, key := range keys {
				auths.remove(key)
			}
			return nil
		})
	}))...)
}

// object is a JSON object whose members stay in their order, and as they are
// written.
type object struct {
	names  []string
	values map[string]json.RawMessage
}

func parseObject(text []byte) (*object, error) {
	o := &object{values: map[string]json.RawMessage{}}
	if len(bytes.TrimSpace(text)) == 0 || string(bytes.TrimSpace(text)) == "null" {
		return o, nil
	}
	if err := json.Unmarshal(text, new(json.RawMessage)); err != nil {
		return nil, err // all of it is well formed from here on
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	start, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	if start != json.Delim('{') {
		return nil, errors.New("not a JSON object")
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, err
		}
		o.set(name.(string), value)
	}
	return o, nil
}

func (o *object) set(name string, value json.RawMessage) {
	if _, there := o.values[name]; !there {
		o.names = append(o.names, name)
	}
	o.values[name] = value
}

func (o *object) remove(name string) {
	delete(o.values, name)
	o.names = slices.DeleteFunc(o.names, func(n string) bool { return n == name })
}

// edit changes the object that is a member.
func (o *object) edit(name string, change func(*object) error) error {
	member, err := parseObject(o.values[name])
	if err != nil {
		return fmt.Errorf("%q in it: %w", name, err)
	}
	if err := change(member); err != nil {
		return err
	}
	o.set(name, member.text())
	return nil
}

func (o *object) text() json.RawMessage {
	members := make([]string, len(o.names))
	for i, name := range o.names {
		members[i] = string(quoted(name)) + ":" + string(o.values[name])
	}
	return json.RawMessage("{" + strings.Join(members, ",") + "}")
}

// quoted is a string as JSON, without the escapes that are for HTML.
func quoted(text string) json.RawMessage {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(text) // a string always can
	return bytes.TrimSpace(b.Bytes())
}

// editDocker changes config.json. All that change does not touch stays as it is,
// also what nobody here knows. A symbolic link stays one. The file is replaced
// as a whole, and read and written under a lock.
func editDocker(name string, change func(settings *object) error) (err error) {
	if name == "" {
		return errors.New("there is no home directory to keep config.json in: set HOME or DOCKER_CONFIG")
	}
	target, err := linkTarget(name)
	if err != nil {
		return err
	}
	dir := filepath.Dir(target)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	lock, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return fmt.Errorf("locking %s: %w", dir, err)
	}
	before, err := os.ReadFile(target)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	settings, err := parseObject(before)
	if err == nil {
		err = change(settings)
	}
	if err != nil {
		return fmt.Errorf("changing %s, which is left as it was: %w", name, err)
	}
	var text bytes.Buffer
	if err := json.Indent(&text, settings.text(), "", "\t"); err != nil {
		return err
	}
	draft, err := os.CreateTemp(dir, ".config.json-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(draft.Name())
	_, err = draft.Write(text.Bytes())
	if err := errors.Join(err, draft.Sync(), draft.Close()); err != nil {
		return err
	}
	return os.Rename(draft.Name(), target)
}

// linkTarget follows symbolic links to where a file is or would be.
func linkTarget(name string) (string, error) {
	for range 40 {
		link, err := os.Readlink(name)
		if err != nil {
			return name, nil //nolint:nilerr // no link, or nothing there
		}
		if !filepath.IsAbs(link) {
			link = filepath.Join(filepath.Dir(name), link)
		}
		name = link
	}
	return "", fmt.Errorf("reading %s: %w", name, unix.ELOOP)
}
