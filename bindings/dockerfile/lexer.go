package dockerfile

import (
	"fmt"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

// lexer puts values for the variables in the words of a Dockerfile. A few lines
// can ask for more than there is memory: variables whose values are others
// several times.
type lexer struct {
	*shell.Lex
	left *int // bytes of values for all the words of the Dockerfile, and of ports for all EXPOSE
}

const (
	allValues     = 16 << 20
	replacing     = 64 << 10 // bytes of values in a word that may put one of them in many places of another
	deepestValues = 1000     // ${a:-${b:-…}}
)

func newLexer(escape rune) *lexer {
	left := allValues
	return &lexer{shell.NewLex(escape), &left}
}

// spending counts what the values of variables have in bytes.
type spending struct {
	shell.EnvGetter
	left int
}

// Get is for shell.EnvGetter.
func (s *spending) Get(name string) (value string, set bool) {
	value, set = s.EnvGetter.Get(name)
	if s.left -= len(value); s.left < 0 {
		value = ""
	}
	return value, set
}

// valid has U+FFFD for each byte that is not UTF-8, as the scanner of shell.Lex
// has it, which writes an error to the process's stderr for it.
func valid(word string) string { return string([]rune(word)) }

// ProcessWord is for a word that stays one.
func (w *lexer) ProcessWord(word string, values shell.EnvGetter) (string, map[string]struct{}, error) {
	result, err := w.ProcessWordWithMatches(word, values)
	return result.Result, result.Unmatched, err
}

// ProcessWordWithMatches also tells which variables there were.
func (w *lexer) ProcessWordWithMatches(word string, values shell.EnvGetter) (result shell.ProcessWordResult, err error) {
	err = w.spend(word, values, func(values shell.EnvGetter) (err error) {
		result, err = w.Lex.ProcessWordWithMatches(valid(word), values)
		return err
	})
	return result, err
}

// ProcessWords is for one that may become several.
func (w *lexer) ProcessWords(word string, values shell.EnvGetter) (several []string, err error) {
	err = w.spend(word, values, func(values shell.EnvGetter) (err error) {
		several, err = w.Lex.ProcessWords(valid(word), values)
		return err
	})
	return several, err
}

func (w *lexer) spend(word string, values shell.EnvGetter, process func(shell.EnvGetter) error) error {
	depth := 0
	for rest := word; rest != ""; rest = rest[1:] {
		switch {
		case strings.HasPrefix(rest, "${"):
			depth++
		case rest[0] == '}':
			depth = max(depth-1, 0)
		}
		if depth > deepestValues {
			return fmt.Errorf("variables are nested in others more than %d times", deepestValues)
		}
	}
	most := allValues
	if strings.Contains(word, "${") && strings.Contains(word, "//") {
		most = replacing
	}
	given := min(*w.left, most)
	counted := &spending{values, given}
	err := process(counted)
	*w.left -= given - max(counted.left, 0)
	if counted.left < 0 {
		return fmt.Errorf("the values of variables have more than %d bytes", most)
	}
	return err
}
