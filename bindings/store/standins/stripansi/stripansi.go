// Package stripansi stands in for github.com/acarl005/stripansi, which the
// progress bars of containers/image measure their texts with. The original
// compiles its regular expression before main.
package stripansi

import (
	"regexp"
	"sync"
)

var sequences = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile("[\u001B\u009B][[\\]()#;?]*(?:(?:(?:[a-zA-Z\\d]*(?:;[a-zA-Z\\d]*)*)?\u0007)|(?:(?:\\d{1,4}(?:;\\d{0,4})*)?[\\dA-PRZcf-ntqry=><~]))")
})

// Strip returns text without a terminal's control sequences.
func Strip(text string) string { return sequences().ReplaceAllString(text, "") }
