package commands

import (
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containers/podman/v4/pkg/bindings"
)

// TestInspectNonsense asks a socket that answers, but not as Podman does.
func TestInspectNonsense(t *testing.T) {
	for _, body := range []string{
		"{}", "null", "[]", `""`, "no JSON", `{"Id":1}`, `{"Id":"x","State":{},"Config":{}}`, `{"HostConfig":{"LogConfig":nu`,
		`{"Id":"","State":{},"Config":{},"HostConfig":{"LogConfig":{}},"NetworkSettings":{"Networks":{"x":null}},"Mounts":[{}]}`,
	} {
		t.Run(body, func(t *testing.T) {
			socket := filepath.Join(t.TempDir(), "s")
			listener, err := net.Listen("unix", socket)
			if err != nil {
				t.Fatal(err)
			}
			server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Libpod-API-Version", "4.3.1")
				if strings.HasSuffix(r.URL.Path, "/_ping") {
					return
				}
				fmt.Fprint(w, body)
			})}
			go func() { _ = server.Serve(listener) }()
			defer server.Close()
			conn, err := bindings.NewConnection(t.Context(), "unix://"+socket)
			if err != nil {
				t.Fatal(err)
			}
			whole := strings.Contains(body, "NetworkSettings")
			if _, err := inspectContainer(conn, "x", false); (err == nil) != whole {
				t.Errorf("container: %v", err)
			}
			if _, err := inspectImage(conn, "x", nil); err == nil && !strings.HasPrefix(body, "{") {
				t.Error("image: no error")
			}
			if _, err := inspectVolume(conn, "x"); err == nil {
				t.Error("volume: no error")
			}
			if _, err := inspectNetwork(conn, "x"); err == nil && !strings.HasPrefix(body, "{") && body != "null" {
				t.Error("network: no error")
			}
		})
	}
}
