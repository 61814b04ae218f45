// The error codes of gRPC, in place of google.golang.org/grpc: see the
// documentation of the package status.
module google.golang.org/grpc

go 1.26.0
