package config

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/docker/cli/cli/config/types"
	"github.com/docker/docker-credential-helpers/credentials"
)

// helperPatience is how long a helper may take, which may have to ask the person
// for the password of a keyring.
var helperPatience = time.Minute

// tokenUser is the name under which a helper keeps an identity token.
const tokenUser = "<token>"

// errNoCredentials is a helper's answer that it has none.
var errNoCredentials = errors.New("no credentials")

// runHelper has a helper do one of its four actions and returns what it prints.
//
// Source: https://github.com/docker/docker-credential-helpers#development
func runHelper(ctx context.Context, helper, action, input string) (string, error) {
	name := "docker-credential-" + helper
	limited, cancel := context.WithTimeout(ctx, helperPatience)
	defer cancel()
	cmd := exec.CommandContext(limited, name, action)
	cmd.WaitDelay = time.Second // for what it leaves behind holding our pipe
	cmd.Stdin = strings.NewReader(input)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	output, err := cmd.Output()
	said := strings.TrimSpace(string(output))
	var status *exec.ExitError
	if errors.As(err, &status) && interrupted(status) { // Ctrl-C goes to both, and to us perhaps later
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
	switch {
	case err == nil:
		return said, nil
	case ctx.Err() != nil:
		return "", ctx.Err()
	case limited.Err() != nil:
		return "", fmt.Errorf("the credential helper %s does not answer", name)
	case errors.Is(err, exec.ErrNotFound):
		return "", fmt.Errorf("the credential helper %s, which config.json names, is not installed", name)
	case credentials.IsErrCredentialsNotFoundMessage(said):
		return "", errNoCredentials
	}
	if said == "" {
		said = strings.TrimSpace(complaints.String())
	}
	if said != "" {
		err = fmt.Errorf("%w: %s", err, said)
	}
	return "", fmt.Errorf("running the credential helper %s: %w", name, err)
}

// interrupted tells whether a process was ended as a person does it.
func interrupted(status *exec.ExitError) bool {
	how, is := status.Sys().(syscall.WaitStatus)
	return is && how.Signaled() && (how.Signal() == syscall.SIGINT || how.Signal() == syscall.SIGTERM)
}

// helperGet asks a helper for credentials; none are no error.
func helperGet(ctx context.Context, helper, key string) (types.AuthConfig, error) {
	output, err := runHelper(ctx, helper, credentials.ActionGet, key)
	if errors.Is(err, errNoCredentials) {
		return types.AuthConfig{}, nil
	}
	if err != nil {
		return types.AuthConfig{}, err
	}
	var found credentials.Credentials
	if err := json.Unmarshal([]byte(output), &found); err != nil {
		// Without the answer's text, which may hold a secret.
		return types.AuthConfig{}, fmt.Errorf("the credential helper docker-credential-%s answers something that is not JSON", helper)
	}
	if found.Username == tokenUser {
		return types.AuthConfig{ServerAddress: key, IdentityToken: found.Secret}, nil
	}
	return types.AuthConfig{ServerAddress: key, Username: found.Username, Password: found.Secret}, nil
}

func helperStore(ctx context.Context, helper string, given types.AuthConfig) error {
	kept := credentials.Credentials{ServerURL: given.ServerAddress, Username: given.Username, Secret: given.Password}
	if given.IdentityToken != "" {
		kept.Username, kept.Secret = tokenUser, given.IdentityToken
	}
	text, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	_, err = runHelper(ctx, helper, credentials.ActionStore, string(text)+"\n")
	return err
}

// helperErase makes a helper forget; that it knew nothing is no error.
func helperErase(ctx context.Context, helper, key string) error {
	_, err := runHelper(ctx, helper, credentials.ActionErase, key)
	if errors.Is(err, errNoCredentials) {
		return nil
	}
	return err
}
