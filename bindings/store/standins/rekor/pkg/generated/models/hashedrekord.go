// Package models stands in for the package of this name in
// github.com/sigstore/rekor, of which containers/image decodes one type of
// document when a policy.json asks for signatures that are logged in Rekor.
//
// The original is generated with a validator of every format that OpenAPI knows,
// whose initialisers compile 150 regular expressions: 2 ms of the 9 ms that each
// command took to start. All checks of the document's content are
// containers/image's own; that it is of this kind is checked here.
//
// Source: https://github.com/sigstore/rekor/blob/v1.2.2/pkg/types/hashedrekord/v0.0.1/hashedrekord_v0_0_1_schema.json
package models

import (
	"encoding/json"
	"fmt"
)

// HashedrekordV001SchemaDataHashAlgorithmSha256 is the one algorithm of a
// version 0.0.1 document.
const HashedrekordV001SchemaDataHashAlgorithmSha256 = "sha256"

// Hashedrekord is a log entry of kind "hashedrekord".
type Hashedrekord struct {
	APIVersion *string
	Spec       any // HashedrekordV001Schema, if APIVersion says 0.0.1
}

// UnmarshalJSON refuses documents of another kind.
func (h *Hashedrekord) UnmarshalJSON(text []byte) error {
	var document struct {
		APIVersion *string `json:"apiVersion"`
		Kind       string  `json:"kind"`
		Spec       any     `json:"spec"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		return err
	}
	if document.Kind != "hashedrekord" {
		return fmt.Errorf("invalid kind value: %q", document.Kind)
	}
	h.APIVersion, h.Spec = document.APIVersion, document.Spec
	return nil
}

// HashedrekordV001Schema is what version 0.0.1 records: the hash of some data,
// its signature and the key to it.
type HashedrekordV001Schema struct {
	Data      *HashedrekordV001SchemaData      `json:"data"`
	Signature *HashedrekordV001SchemaSignature `json:"signature"`
}

// HashedrekordV001SchemaData is what was signed.
type HashedrekordV001SchemaData struct {
	Hash *HashedrekordV001SchemaDataHash `json:"hash,omitempty"`
}

// HashedrekordV001SchemaDataHash is the hash of what was signed, in hexadecimal.
type HashedrekordV001SchemaDataHash struct {
	Algorithm *string `json:"algorithm"`
	Value     *string `json:"value"`
}

// HashedrekordV001SchemaSignature is a signature, base64 in JSON.
type HashedrekordV001SchemaSignature struct {
	Content   []byte                                    `json:"content,omitempty"`
	PublicKey *HashedrekordV001SchemaSignaturePublicKey `json:"publicKey,omitempty"`
}

// HashedrekordV001SchemaSignaturePublicKey is a key or certificate in PEM, that
// again in base64 in JSON.
type HashedrekordV001SchemaSignaturePublicKey struct {
	Content []byte `json:"content,omitempty"`
}
