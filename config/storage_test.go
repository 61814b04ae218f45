package config

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// One of many writers at once writes the file, whole, and nothing else is left.
func TestWriteNewOnce(t *testing.T) {
	target := filepath.Join(t.TempDir(), "containers/storage.conf")
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if err := writeNew(target, storageConf); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	text, err := os.ReadFile(target)
	if err != nil || string(text) != storageConf {
		t.Errorf("the file holds %q, %v", text, err)
	}
	if entries, err := os.ReadDir(filepath.Dir(target)); err != nil || len(entries) != 1 {
		t.Errorf("beside it: %v, %v", entries, err)
	}
}

func TestParseTime(t *testing.T) {
	for value, want := range map[string]time.Duration{"90": 90 * time.Second, "5m": 5 * time.Minute, "0": 0, "1.5h": 90 * time.Minute} {
		if got, err := parseTime("idle_timeout", value, "0 for ever"); err != nil || got != want {
			t.Errorf("%q: %v, %v", value, got, err)
		}
	}
	for _, value := range []string{"soon", "-1", "-5m", "99999999999999999999", "5 m"} {
		if got, err := parseTime("idle_timeout", value, "0 for ever"); err == nil {
			t.Errorf("%q: %v", value, got)
		}
	}
}
