package tests

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// names are what every certificate is for, beside the address that its server listens on: what a proxy can be told to
// send to it.
var names = []string{"localhost", "*.example", "registry-1.docker.io", "auth.docker.io", "index.docker.io"}

// ca is a certificate authority that nobody trusts yet.
type ca struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newCA(name string) (*ca, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	made, err := sign(&x509.Certificate{
		Subject:               pkix.Name{CommonName: name},
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}, nil, key, key)
	return &ca{made, key}, err
}

// issue makes a server's certificate for HOST:PORT.
func (c *ca) issue(address string) (tls.Certificate, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	made, err := sign(&x509.Certificate{
		Subject:     pkix.Name{CommonName: host},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    names,
		IPAddresses: []net.IP{net.ParseIP(host)},
	}, c.certificate, key, c.key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{made.Raw}, PrivateKey: key}, nil
}

// pem is the certificate as files have it.
func (c *ca) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.certificate.Raw})
}

// sign makes a certificate for key, signed by parent, or by itself for no parent.
func sign(wanted, parent *x509.Certificate, key, by *ecdsa.PrivateKey) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return nil, err
	}
	wanted.SerialNumber = serial
	wanted.NotBefore, wanted.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	if parent == nil {
		parent = wanted
	}
	made, err := x509.CreateCertificate(rand.Reader, wanted, parent, &key.PublicKey, by)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(made)
}

// theirCA is the script's authority, whose certificate is in $WORK/ca.crt.
func theirCA(ts *testscript.TestScript) *ca {
	registries := registriesOf(ts)
	if registries.ca == nil {
		made, err := newCA("the tests' authority")
		ts.Check(err)
		ts.Check(os.WriteFile(filepath.Join(ts.Getenv("WORK"), "ca.crt"), made.pem(), 0o644))
		registries.ca = made
	}
	return registries.ca
}
