// Package config has the types of the keys that nobody hands over.
package config

// EncryptConfig holds the keys to encrypt with.
type EncryptConfig struct{}

// DecryptConfig holds the keys to decrypt with.
type DecryptConfig struct{}
