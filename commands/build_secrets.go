package commands

import (
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"strings"

	"dockless/bindings/store"
)

// parseSecrets reads the --secret flags and makes sure that each is there.
// Source: https://docs.docker.com/build/building/secrets/
func parseSecrets(flags []string) (map[string]store.Secret, error) {
	secrets := map[string]store.Secret{}
	for _, flag := range flags {
		fields, err := csv.NewReader(strings.NewReader(flag)).Read()
		if err != nil {
			return nil, fmt.Errorf("parsing csv secret: %w", err)
		}
		var id, file, variable, kind string
		for _, field := range fields {
			key, value, found := strings.Cut(field, "=")
			if !found {
				return nil, fmt.Errorf("invalid field '%s' must be a key=value pair", field)
			}
			switch strings.ToLower(key) {
			case "id":
				id = value
			case "source", "src":
				file = value
			case "env":
				variable = value
			case "type":
				if kind = value; kind != "file" && kind != "env" {
					return nil, fmt.Errorf("unsupported secret type %q", kind)
				}
			default:
				return nil, fmt.Errorf("unexpected key '%s' in '%s'", key, field)
			}
		}
		if id == "" {
			return nil, errors.New("could not parse secrets: secret missing ID")
		}
		if kind == "env" && variable == "" {
			variable, file = file, ""
		}
		if _, set := os.LookupEnv(id); set && file == "" && variable == "" && kind != "file" {
			variable = id
		}
		if variable != "" {
			secrets[id] = store.Secret{Value: []byte(os.Getenv(variable))}
			continue
		}
		if file == "" {
			file = id
		}
		if found, err := os.Stat(file); err != nil {
			return nil, fmt.Errorf("could not parse secrets: %w", err)
		} else if found.Size() > store.MaxSecret {
			return nil, fmt.Errorf("could not parse secrets: %s is larger than 500 KB", file)
		}
		secrets[id] = store.Secret{File: file}
	}
	return secrets, nil
}

// parseSSH reads the --ssh flags: ID, ID=SOCKET or ID=KEY[,KEY]. An ID alone
// is the person's agent.
func parseSSH(flags []string) (map[string][]string, error) {
	agents := map[string][]string{}
	for _, flag := range flags {
		id, text, _ := strings.Cut(flag, "=")
		paths := strings.Split(text, ",")
		if text == "" {
			paths[0] = os.Getenv("SSH_AUTH_SOCK")
		}
		if paths[0] == "" {
			return nil, fmt.Errorf("--ssh %s: no agent is running (SSH_AUTH_SOCK is empty): start one, or name a key: --ssh %s=$HOME/.ssh/id_ed25519", flag, id)
		}
		for _, path := range paths {
			if _, err := os.Stat(path); err != nil {
				return nil, fmt.Errorf("--ssh %s: %w", flag, err)
			}
		}
		agents[id] = paths
	}
	return agents, nil
}
