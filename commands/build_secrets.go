package commands

import (
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"strings"
)

// parseSecrets reads the --secret flags and makes sure that each is there. They
// come back as buildah reads them.
// Source: https://docs.docker.com/build/building/secrets/
func parseSecrets(flags []string) ([]string, error) {
	var secrets []string
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
				kind = value
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
			if strings.ContainsAny(id+variable, ",=") {
				return nil, fmt.Errorf("--secret %s: a name with a comma or an equals sign is not supported", flag)
			}
			secrets = append(secrets, "id="+id+",type=env,src="+variable)
			continue
		}
		if file == "" {
			file = id
		}
		if found, err := os.Stat(file); err != nil {
			return nil, fmt.Errorf("could not parse secrets: %w", err)
		} else if found.Size() > 500<<10 {
			return nil, fmt.Errorf("could not parse secrets: %s is larger than 500 KB", file)
		}
		if strings.ContainsAny(id+file, ",") {
			return nil, fmt.Errorf("--secret %s: a name with a comma is not supported", flag)
		}
		secrets = append(secrets, "id="+id+",type=file,src="+file)
	}
	return secrets, nil
}

// parseSSH reads the --ssh flags: ID, ID=SOCKET or ID=KEY[,KEY].
func parseSSH(flags []string) ([]string, error) {
	for _, flag := range flags {
		_, paths, found := strings.Cut(flag, "=")
		if !found && os.Getenv("SSH_AUTH_SOCK") == "" {
			return nil, fmt.Errorf("--ssh %s: no agent is running (SSH_AUTH_SOCK is empty): start one, or name a key: --ssh %s=$HOME/.ssh/id_ed25519", flag, flag)
		}
		for _, path := range strings.Split(paths, ",") {
			if _, err := os.Stat(path); found && err != nil {
				return nil, fmt.Errorf("--ssh %s: %w", flag, err)
			}
		}
	}
	return flags, nil
}
