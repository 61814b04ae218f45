package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/containers/podman/v4/pkg/bindings"
	"github.com/containers/podman/v4/pkg/errorhandling"
)

// Docker is the prefix of Podman's Docker-shaped endpoints, Libpod that of its
// own. The version asks newer servers for the shapes that these bindings know.
const (
	Docker = "/v1.41"
	Libpod = "/v4.9.5/libpod"
)

// Call sends one JSON request for which the bindings have no (or no right)
// function: path starts with Docker or Libpod, in is encoded unless nil, and the
// answer is decoded into out unless that is nil. A status of 400 or more is
// returned as *errorhandling.ErrorModel, whatever the body holds.
func Call(ctx context.Context, method, path string, query url.Values, in, out any) error {
	response, err := Open(ctx, method, path, query, in)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if out == nil {
		_, err = io.Copy(io.Discard, response.Body)
		return err
	}
	if err := json.NewDecoder(response.Body).Decode(out); err != nil {
		return fmt.Errorf("reading podman's answer to %s %s: %w", method, path, err)
	}
	return nil
}

// Open is Call for an answer that is read as it comes: the caller closes the
// body.
func Open(ctx context.Context, method, path string, query url.Values, in any) (*http.Response, error) {
	return send(ctx, method, path, query, in, nil)
}

func send(ctx context.Context, method, path string, query url.Values, in any, header http.Header) (*http.Response, error) {
	connection, err := bindings.GetClient(ctx)
	if err != nil {
		return nil, err
	}
	var body io.Reader
	if in != nil {
		encoded, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://d"+path+"?"+query.Encode(), body)
	if err != nil {
		return nil, err
	}
	if header != nil {
		request.Header = header
	}
	if in != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := connection.Client.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode < http.StatusBadRequest {
		return response, nil
	}
	defer response.Body.Close()
	return nil, refusal(response)
}

// refusal reads the error in an answer; Podman's own handlers send JSON, its
// router and anything else on the socket may not.
func refusal(response *http.Response) error {
	model := &errorhandling.ErrorModel{ResponseCode: response.StatusCode}
	text, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if err != nil {
		return fmt.Errorf("reading podman's error: %w", err)
	}
	if json.Unmarshal(text, model) != nil || model.Message == "" {
		model.Message = fmt.Sprintf("%s: %s", response.Status, bytes.TrimSpace(text))
	}
	model.ResponseCode = response.StatusCode
	return model
}

// Status is the HTTP status of the answer that err came from, 0 if it is no
// answer of Podman's.
func Status(err error) int {
	var model *errorhandling.ErrorModel
	if errors.As(err, &model) {
		return model.ResponseCode
	}
	return 0
}
