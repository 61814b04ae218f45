package engine

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"strings"
)

// equipped returns Podman's path, or the error that says which part of a
// rootless host is missing and how to get it. It is asked before a service is
// started: without these parts Podman starts, and fails at the first image.
func equipped() (podman string, err error) {
	podman, err = exec.LookPath("podman")
	if err != nil {
		return "", fmt.Errorf("podman is not installed; run: %s", installing("podman"))
	}
	return podman, mapped()
}

// StoreReady tells what keeps this person from an image store of their own, for
// the commands that work on it without the engine: being root unasked, no
// runtime directory, no subordinate ids.
func (o Options) StoreReady() error {
	if _, err := findPlace(o.AllowRoot); err != nil {
		return err
	}
	return mapped()
}

// mapped tells what is missing for a user namespace with more than one user.
func mapped() error {
	if os.Geteuid() == 0 {
		return nil
	}
	for _, program := range []string{"newuidmap", "newgidmap"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%s is not installed, and containers without root need it; run: %s", program, installing("uidmap"))
		}
	}
	for _, table := range []string{"/etc/subuid", "/etc/subgid"} {
		found, err := hasRange(table)
		if err != nil {
			return fmt.Errorf("looking for your subordinate ids: %w", err)
		}
		if !found {
			return fmt.Errorf("%s has no range for %s, and containers without root need one; run: "+
				"sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 %[2]s && podman system migrate", table, userName())
		}
	}
	return nil
}

// hasRange looks for the user in a table of subordinate ids, subuid(5), and
// where the table is kept elsewhere (LDAP, sssd) asks getsubids(1).
func hasRange(table string) (bool, error) {
	name, id := userName(), strconv.Itoa(os.Getuid())
	file, err := os.Open(table)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return false, err
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); err == nil && lines.Scan(); {
		if owner, _, _ := strings.Cut(lines.Text(), ":"); owner == name || owner == id {
			return true, nil
		}
	}
	args := []string{name}
	if strings.HasSuffix(table, "gid") {
		args = []string{"-g", name}
	}
	return exec.Command("getsubids", args...).Run() == nil, nil
}

func userName() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return strconv.Itoa(os.Getuid())
}

// installing is the command that installs a package, by its Debian name, on
// this distribution. Source: os-release(5).
func installing(debianName string) string {
	release, _ := os.ReadFile("/etc/os-release") // absent: Debian's is as good a guess as any
	var like string
	for _, line := range strings.Split(string(release), "\n") {
		if key, value, _ := strings.Cut(line, "="); key == "ID" || key == "ID_LIKE" {
			like += " " + strings.Trim(value, `"'`)
		}
	}
	name := debianName
	if name == "uidmap" {
		name = "shadow-utils"
	}
	for _, id := range strings.Fields(like) {
		switch id {
		case "fedora", "rhel", "centos":
			return "sudo dnf install " + name
		case "suse", "opensuse":
			return "sudo zypper install " + strings.Replace(name, "-utils", "", 1)
		case "arch":
			return "sudo pacman -S " + strings.Replace(name, "-utils", "", 1)
		case "alpine":
			return "sudo apk add " + name
		}
	}
	return "sudo apt install " + debianName
}
