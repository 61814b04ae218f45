package dockerfile

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestBombs plans Dockerfiles that a few lines make larger than any memory.
func TestBombs(t *testing.T) {
	long := strings.Repeat("a", 60000)
	many := func(line string) string { return strings.Repeat(line+"\n", 60) }
	for name, c := range map[string]struct{ text, want string }{
		"ENV":     {"FROM scratch\nENV a=1234567890\n" + many("ENV a=$a$a"), "line 22: the values of variables have more than"},
		"ARG":     {"FROM scratch\nARG a=1234567890\n" + many("ARG a=$a$a$a$a"), "line 13: the values of variables have more than"},
		"global":  {"ARG a=1234567890\n" + many("ARG a=$a$a$a$a") + "FROM scratch", "the values of variables have more than"},
		"replace": {"FROM scratch\nARG a=" + long + "\nENV b=${a//a/$a}\n", "line 3: the values of variables have more than 65536 bytes"},
		"nested":  {"FROM scratch\nENV a=" + strings.Repeat("${a:-", 5000) + strings.Repeat("}", 5000), "line 2: variables are nested in others more than 1000 times"},
		"labels":  {"FROM scratch\nARG a=" + long + "\n" + strings.Repeat("LABEL b=$a$a\n", 2000), "the values of variables have more than"},
		"ports":   {"FROM scratch\nEXPOSE" + strings.Repeat(" 0-65535", 8000), "line 2: EXPOSE names more than"},
		"exposes": {"FROM scratch\n" + strings.Repeat("EXPOSE 0-65535/sctp\n", 1000), "the ports of all EXPOSE have more than"},
		"fine":    {"FROM scratch\nARG a=" + long + "\nENV b=${a//a/b}\nENV c=${b%b}$a d=${x:-${y:-z}} e=http://$d\n", ""},
	} {
		file, err := Parse([]byte(c.text))
		if err != nil {
			t.Fatal(name, err)
		}
		_, err = file.Plan(Options{}, nil)
		said := ""
		if err != nil {
			said = err.Error()
			if located := new(Error); errors.As(err, &located) {
				said = fmt.Sprintf("line %d: %s", located.First, said)
			}
		}
		if (c.want == "") != (said == "") || !strings.Contains(said, c.want) {
			t.Errorf("%s: %.200s", name, said)
		}
	}
}
