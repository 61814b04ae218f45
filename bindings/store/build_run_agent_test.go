package store

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// TestAgent signs with an RSA key as a client of today asks for, and changes
// nothing.
func TestAgent(t *testing.T) {
	dir := t.TempDir()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	if err := os.WriteFile(filepath.Join(dir, "key"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	// The second one asks the first, as it would the person's own.
	keys, socket := filepath.Join(dir, "keys"), filepath.Join(dir, "socket")
	defer serveKeys(t, keys, filepath.Join(dir, "key"))()
	defer serveKeys(t, socket, keys)()
	for _, at := range []string{keys, socket} {
		connection, err := net.Dial("unix", at)
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		client := agent.NewClient(connection)
		all, err := client.List()
		if err != nil || len(all) != 1 {
			t.Fatal(all, err)
		}
		signature, err := client.SignWithFlags(all[0], []byte("data"), agent.SignatureFlagRsaSha512)
		if err != nil || signature.Format != ssh.KeyAlgoRSASHA512 {
			t.Errorf("%s: the signature is %v, and the error %v", filepath.Base(at), signature, err)
		}
		if err := client.RemoveAll(); err == nil {
			t.Errorf("%s: it has forgotten its keys", filepath.Base(at))
		}
		if _, err := client.Extension("any", nil); !errors.Is(err, agent.ErrExtensionUnsupported) {
			t.Errorf("%s: an extension: %v", filepath.Base(at), err)
		}
	}
}

func serveKeys(t *testing.T, socket, source string) (stop func()) {
	t.Helper()
	end, err := serveAgent(socket, []string{source})
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := end(); err != nil {
			t.Error(err)
		}
	}
}
