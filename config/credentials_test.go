package config

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docker/cli/cli/config/configfile"
	"github.com/docker/cli/cli/config/types"
)

func TestCredentialsKey(t *testing.T) {
	for server, want := range map[string]string{
		"":                               HubKey,
		"docker.io":                      HubKey,
		"https://index.docker.io/v1/":    HubKey,
		"registry.example":               "registry.example",
		"https://registry.example/v1/":   "registry.example",
		"http://registry.example:5000":   "registry.example:5000",
		"registry.example:5000/team/box": "registry.example:5000",
		"https://[::1]:5000/":            "[::1]:5000",
	} {
		if got := CredentialsKey(server); got != want {
			t.Errorf("CredentialsKey(%q) = %q, not %q", server, got, want)
		}
	}
}

func TestFindCredentialsInTheFile(t *testing.T) {
	t.Setenv(credentialsVariable, "")
	file := configfile.New("config.json")
	err := file.LoadFromReader(strings.NewReader(`{"auths": {
		"docker.io": {"auth": "aHViOnB3"}, "https://old.example/v1/": {"auth": "b2xkOnB3"}, "new.example:5000": {"auth": "bmV3OnA6dw=="}}}`))
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{HubKey: "hub pw", "old.example": "old pw", "new.example:5000": "new p:w", "new.example": " "} {
		got, err := FindCredentials(context.Background(), file, key)
		if err != nil || got.Username+" "+got.Password != want {
			t.Errorf("%s: %q %q %v, not %q", key, got.Username, got.Password, err, want)
		}
	}
}

// TestHelperThatHangs has a helper that never answers, and whose child holds the
// pipe for longer still.
func TestHelperThatHangs(t *testing.T) {
	bin := t.TempDir()
	script := "#!/bin/sh\nsleep 5 &\nwait\n"
	if err := os.WriteFile(filepath.Join(bin, "docker-credential-hangs"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	defer func(before time.Duration) { helperPatience = before }(helperPatience)
	helperPatience = 50 * time.Millisecond
	_, err := FindCredentials(context.Background(), &configfile.ConfigFile{CredentialsStore: "hangs"}, "registry.example")
	if err == nil || err.Error() != "the credential helper docker-credential-hangs does not answer" {
		t.Errorf("got %v", err)
	}
}

// FuzzEditDocker changes any config.json: one that is JSON keeps all that it had,
// one that is not is left as it was.
func FuzzEditDocker(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `null`, `[]`, `{"auths": null}`, `{"auths": []}`, `{"a": 1, "a": 2, "auths": {"x": {"auth": "y", "z": 1e400}}}`, `{"auths": {}} {}`, `{"auths":`,
		"{\"\u2028<&\": \"\xff\"}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, before []byte) {
		name := filepath.Join(t.TempDir(), "config.json")
		if err := os.WriteFile(name, before, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := KeepCredentials(context.Background(), &configfile.ConfigFile{Filename: name, CredentialsStore: "", AuthConfigs: map[string]types.AuthConfig{"other": {}}},
			types.AuthConfig{ServerAddress: "registry.example", Username: "anna", Password: "secret"})
		after, readErr := os.ReadFile(name)
		if readErr != nil {
			t.Fatal(readErr)
		}
		if err != nil {
			if !bytes.Equal(before, after) {
				t.Fatalf("%v, but the file is now %q", err, after)
			}
			return
		}
		var was, is map[string]any
		if len(bytes.TrimSpace(before)) > 0 {
			if err := json.Unmarshal(before, &was); err != nil {
				return // a number that Go cannot hold
			}
		}
		if err := json.Unmarshal(after, &is); err != nil {
			t.Fatalf("no JSON any more: %v: %q", err, after)
		}
		for member := range was {
			if _, kept := is[member]; !kept {
				t.Errorf("%q is gone: %q", member, after)
			}
		}
		auths, _ := is["auths"].(map[string]any)
		if entry, _ := auths["registry.example"].(map[string]any); entry["auth"] != "YW5uYTpzZWNyZXQ=" {
			t.Errorf("not there: %q", after)
		}
	})
}
