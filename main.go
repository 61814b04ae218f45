package main

import (
	"fmt"

	_ "github.com/containers/podman/v4/pkg/bindings"
)

func main() { fmt.Println("dockless") }
