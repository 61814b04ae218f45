package store

import (
	"fmt"
	"os"
	"strings"

	"dockless/bindings/dockerfile"
)

var copyTests = []struct {
	name, below, from string
	ignore            []string
	copy              dockerfile.Copy
	want              string
}{
	{name: "file", from: "a=A", copy: copyOf("/new/b", "a"), want: `new/ 5 755 0:0
		new/b 0 644 0:0 A`},
	{name: "into", from: "a=A", below: "dir/ 2770", copy: copyOf("/dir", "a"), want: `dir/ 5 2770 0:0
		dir/a 0 644 0:0 A`},
	{name: "dir", from: "d/a=A;d/s/b=B;d/s/ 700;d/l->a;d/h==d/a", copy: copyOf("/x", "d"), want: `x/ 5 755 0:0
		x/a 0 644 0:0 A
		x/h 1 644 0:0 x/a
		x/l 2 777 0:0 a
		x/s/ 5 700 0:0
		x/s/b 0 644 0:0 B`},
	{name: "missing", from: "l->nothing", copy: copyOf("/x", "l"), want: `failed to compute cache key: "/l": not found`},
	{name: "wildcard none", from: "a=", copy: copyOf("/x/", "b*"), want: ``},
	{name: "ignored", from: "a=A;b=B;d/c=C;d/k=K;e/f=F", ignore: []string{"*", "!d/k", "!b"}, copy: copyOf("/", "."), want: `b 0 644 0:0 B
		d/ 5 755 0:0
		d/k 0 644 0:0 K`},
	{name: "ignored itself", from: "e/f=F", ignore: []string{"e", "!e/g"}, copy: copyOf("/x", "e"), want: `failed to compute cache key: "/e": not found`},
	{name: "over a folder", from: "d/s=x", below: "x/s/", copy: copyOf("/x", "d"), want: `cannot replace to directory /x/s with file`},
	{name: "over a file", from: "d/s=x", below: "x=x", copy: copyOf("/x", "d"), want: `cannot copy to non-directory: /x`},
	{name: "through links", from: "d/s=x;l->d/s", below: "a->../r;r/;q->/r/q", copy: copyOf("/a/z", "l"), want: `r/ 5 755 0:0
		r/z 0 644 0:0 x`},
	{name: "to a link", from: "f=x", below: "q->/r/q", copy: copyOf("/q", "f"), want: `r/ 5 755 0:0
		r/q 0 644 0:0 x`},
	{name: "below a file", from: "f=x", below: "q=", copy: copyOf("/q/f", "f"), want: `mkdir /q: not a directory`},
	{name: "modes", from: "d/s=x 4755;d/t/ 2775;d/u=y", copy: copyWith("/x/y/", "", "--chown=5:6", "d"), want: `x/ 5 755 5:6
		x/y/ 5 755 5:6
		x/y/s 0 755 5:6 x
		x/y/t/ 5 2775 5:6
		x/y/u 0 644 5:6 y`},
	{name: "chmod", from: "d/s/u=y", copy: copyWith("/x/y", "--chmod=4770", "", "d"), want: `x/ 5 750 0:0
		x/y/ 5 750 0:0
		x/y/s/ 5 4770 0:0
		x/y/s/u 0 4770 0:0 y`},
	{name: "chmod letters", from: "d/s/u=y;d/s/v=z 755", copy: copyWith("/x", "--chmod=u=rwX,go=", "", "d"), want: `x/ 5 755 0:0
		x/s/ 5 700 0:0
		x/s/u 0 600 0:0 y
		x/s/v 0 700 0:0 z`},
	{name: "owners", from: "a=;b=;c=", below: "etc/passwd=app:x:7:8::/:;etc/group=g:x:9:", copy: copyWith("/x/", "", "--chown=app:g", "a"), want: `x/ 5 755 7:9
		x/a 0 644 7:9`},
	{name: "unknown owner", from: "a=", copy: copyWith("/", "", "--chown=nobody-here", "a"), want: `a 0 644 0:0`},
	{name: "setgid above", from: "a=", below: "x/ 2777", copy: copyOf("/x/y/", "a"), want: fmt.Sprintf(`x/ 5 2777 0:0
		x/y/ 5 2755 0:%d
		x/y/a 0 644 0:0`, os.Getgid())},
	{name: "parents", from: "a/b/c=C;a/d=D;e=E", copy: parentsOf("/x", "a/b/c", "a/./b", "*e"), want: `x/ 5 755 0:0
		x/a/ 5 755 0:0
		x/a/b/ 5 755 0:0
		x/a/b/c 0 644 0:0 C
		x/b/ 5 755 0:0
		x/b/c 0 644 0:0 C
		x/e 0 644 0:0 E`},
	{name: "exclude", from: "d/a.md=A;d/s/b.md=B;d/s/c=C;d/e/f=F", copy: without("**/*.md", "e", "!e/f", "d"), want: `x/ 5 755 0:0
		x/e/ 5 755 0:0
		x/e/f 0 644 0:0 F
		x/s/ 5 755 0:0
		x/s/c 0 644 0:0 C`},
	{name: "whiteout", from: "d/.wh.a=", copy: copyOf("/x", "d"), want: `/x/.wh.a can not be put into an image: names that begin with .wh. are how layers hide files; leave it out`},
	{name: "bad pattern", from: "a=", copy: copyOf("/x", "[a"), want: `invalid includepatterns: [[a]: syntax error in pattern`},
	{name: "out of the root", from: "l->../../../../../etc/passwd;etc/passwd=in", copy: copyOf("/x", "l"), want: `x 0 644 0:0 in`},
	{name: "loop", from: "l->l", copy: copyOf("/x", "l"), want: `/l: too many levels of symbolic links`},
}

func copyWith(dest, chmod, chown string, items ...string) dockerfile.Copy {
	c := copyOf(dest, items...)
	c.Chmod, c.Chown = strings.TrimPrefix(chmod, "--chmod="), strings.TrimPrefix(chown, "--chown=")
	return c
}

func parentsOf(dest string, items ...string) dockerfile.Copy {
	c := copyOf(dest, items...)
	c.Parents = true
	return c
}

func without(patterns ...string) dockerfile.Copy {
	c := copyOf("/x", patterns[len(patterns)-1])
	c.Exclude = patterns[:len(patterns)-1]
	return c
}
