// The check of RSA keys that nobody asks for, in place of
// github.com/letsencrypt/boulder: see the package's documentation.
module github.com/letsencrypt/boulder

go 1.26.0
