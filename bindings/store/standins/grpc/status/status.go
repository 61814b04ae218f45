// Package status stands in for the package of this name in
// google.golang.org/grpc. Nothing here speaks gRPC, but containerd's package of
// errors, which its package of platform names needs, can turn them into gRPC's.
//
// The initialisers of the original, with those of protocol buffers that it needs,
// were 0.3 ms and 0.2 MB of each command's start.
package status

import (
	"fmt"

	"google.golang.org/grpc/codes"
)

// Status is an error with a code.
type Status struct {
	code    codes.Code
	message string
}

// Code is the kind of the error.
func (s *Status) Code() codes.Code { return s.code }

// Message is the error's text alone.
func (s *Status) Message() string { return s.message }

// Error is the error's text with its code.
func (s *Status) Error() string {
	return fmt.Sprintf("rpc error: code = %d desc = %s", s.code, s.message)
}

// Errorf makes an error with a code.
func Errorf(code codes.Code, format string, values ...any) error {
	return &Status{code, fmt.Sprintf(format, values...)}
}

// FromError returns err as a Status if it is one that Errorf made.
func FromError(err error) (s *Status, ok bool) {
	s, ok = err.(*Status) // as the original: not what wraps one
	return s, ok
}
