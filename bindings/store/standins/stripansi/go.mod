// github.com/acarl005/stripansi, compiled when it is used: see the package's
// documentation.
module github.com/acarl005/stripansi

go 1.26.0
