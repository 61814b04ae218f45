package commands

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"time"

	"dockless/bindings/engine"

	"github.com/containers/podman/v4/pkg/api/handlers/types"
	"github.com/containers/podman/v4/pkg/bindings/images"
	"github.com/containers/podman/v4/pkg/domain/entities"
	"github.com/docker/go-units"
)

// historySteps returns the steps that made an image, the last one first.
func historySteps(conn context.Context, image *entities.ImageInspectReport) ([]*types.HistoryResponse, error) {
	steps, err := images.History(conn, image.ID, nil)
	if engine.Status(err) == http.StatusInternalServerError {
		return undatedSteps(conn, image)
	}
	return steps, err
}

// undatedSteps is for an image of which some step has no date, as OCI allows:
// there Podman's service fails.
// Source: https://github.com/opencontainers/image-spec/blob/v1.1.0/config.md#properties
func undatedSteps(conn context.Context, image *entities.ImageInspectReport) ([]*types.HistoryResponse, error) {
	sizes, err := layerSizes(conn, image.ID)
	if err != nil {
		return nil, err
	}
	steps := make([]*types.HistoryResponse, 0, len(image.History))
	for _, made := range image.History {
		step := &types.HistoryResponse{Created: time.Time{}.Unix(), CreatedBy: made.CreatedBy, Comment: made.Comment}
		if made.Created != nil {
			step.Created = made.Created.Unix()
		}
		if !made.EmptyLayer && len(sizes) > 0 {
			step.Size, sizes = sizes[0], sizes[1:]
		}
		steps = append(steps, step)
	}
	slices.Reverse(steps)
	return steps, nil
}

// layerSizes are the sizes of an image's layers, the lowest first, rounded to
// four digits: Podman tells them in its picture of the layers only.
func layerSizes(conn context.Context, id string) ([]int64, error) {
	picture, err := images.Tree(conn, id, nil)
	if err != nil {
		return nil, err
	}
	var sizes []int64
	for _, layer := range regexp.MustCompile(`── ID: \S+ Size: +([0-9.]+ ?[a-zA-Z]+)`).FindAllStringSubmatch(picture.Tree, -1) {
		size, err := units.FromHumanSize(layer[1])
		if err != nil {
			return nil, fmt.Errorf("reading the layers' sizes: %w", err)
		}
		sizes = append(sizes, size)
	}
	return sizes, nil
}
