// Package codes numbers gRPC's errors.
// Source: https://grpc.io/docs/guides/status-codes/
package codes

// Code is the kind of an error.
type Code uint32

// The kinds that containerd tells apart.
const (
	Canceled           Code = 1
	Unknown            Code = 2
	InvalidArgument    Code = 3
	DeadlineExceeded   Code = 4
	NotFound           Code = 5
	AlreadyExists      Code = 6
	FailedPrecondition Code = 9
	Unimplemented      Code = 12
	Unavailable        Code = 14
)
