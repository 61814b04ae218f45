package store

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/containers/image/v5/docker/reference"
	"github.com/containers/image/v5/pkg/docker/config"
	"github.com/containers/image/v5/types"
	"golang.org/x/sys/unix"
)

// credentialsVariable holds the number of the descriptor that HandOver leaves
// open for the process that Enter makes.
const credentialsVariable = "_DOCKLESS_CREDENTIALS"

// highDescriptor is above those that the process of Enter is given.
const highDescriptor = 16

// PodmanCredentials returns what "podman login" has filed for a repository, in
// REGISTRY_AUTH_FILE or in one of the files that containers-auth.json(5) names;
// none are no error.
func PodmanCredentials(repository reference.Named) (types.DockerAuthConfig, error) {
	files := []string{os.Getenv("REGISTRY_AUTH_FILE")}
	if files[0] == "" {
		home, _ := os.UserHomeDir()
		files[0] = filepath.Join(home, ".config/containers/auth.json")
		if settings := os.Getenv("XDG_CONFIG_HOME"); settings != "" {
			files[0] = filepath.Join(settings, "containers/auth.json")
		}
		if runtime := os.Getenv("XDG_RUNTIME_DIR"); runtime != "" {
			files = []string{filepath.Join(runtime, "containers/auth.json"), files[0]}
		}
	}
	for _, file := range files {
		found, err := config.GetCredentialsForRef(&types.SystemContext{AuthFilePath: file}, repository)
		if err != nil || found != (types.DockerAuthConfig{}) {
			return found, err
		}
	}
	return types.DockerAuthConfig{}, nil
}

// HandOver makes these the credentials that this process, and the one that Enter
// makes, have for each repository or registry: they and no others. They are kept
// in memory that only these processes can read, never in a file.
func HandOver(credentials map[string]types.DockerAuthConfig) error {
	type auth struct {
		Auth          string `json:"auth"`
		IdentityToken string `json:"identitytoken,omitempty"`
	}
	auths := map[string]auth{}
	for name, c := range credentials {
		if c != (types.DockerAuthConfig{}) {
			auths[name] = auth{base64.StdEncoding.EncodeToString([]byte(c.Username + ":" + c.Password)), c.IdentityToken}
		}
	}
	text, err := json.Marshal(map[string]any{"auths": auths})
	if err != nil {
		return err
	}
	fd, err := unix.MemfdCreate("credentials", unix.MFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("keeping credentials in memory: %w", err)
	}
	memory := os.NewFile(uintptr(fd), "credentials")
	defer memory.Close()
	if _, err := memory.Write(text); err != nil {
		return fmt.Errorf("keeping credentials in memory: %w", err)
	}
	inherited, err := unix.FcntlInt(memory.Fd(), unix.F_DUPFD, highDescriptor)
	if err != nil {
		return fmt.Errorf("keeping credentials in memory: %w", err)
	}
	return os.Setenv(credentialsVariable, strconv.Itoa(inherited))
}

// handedOver is the path, in this process only, of what HandOver has kept; no
// child process gets it. Without HandOver it is "".
func handedOver() string {
	fd, err := strconv.Atoi(os.Getenv(credentialsVariable))
	if err != nil || fd < highDescriptor {
		return ""
	}
	if Entered() || os.Geteuid() == 0 {
		unix.CloseOnExec(fd)
	}
	return fmt.Sprintf("/proc/self/fd/%d", fd)
}
