package dockerfile

import (
	"encoding/json"
	"testing"
)

func TestChange(t *testing.T) {
	for _, c := range []struct{ before, change, after string }{
		{`{"Cmd":["true"]}`, `EXPOSE 80-82 81/udp`, `{"ExposedPorts":{"80/tcp":{},"81/tcp":{},"81/udp":{},"82/tcp":{}},"Cmd":["true"]}`},
		{`{"Cmd":["true"]}`, `CMD echo $PATH`, `{"Cmd":["/bin/sh","-c","echo $PATH"]}`},
		{`{"Cmd":["true"]}`, `WORKDIR a/b/`, `{"Cmd":["true"],"WorkingDir":"/a/b"}`},
		{`{"Cmd":["true"]}`, `CMD []`, `{"Cmd":["true"]}`},
		{`{"Entrypoint":["env"],"Cmd":["true"]}`, `CMD []`, `{"Entrypoint":["env"]}`},
		{`{"Entrypoint":["env"],"Cmd":["true"]}`, `ENTRYPOINT []`, `{"Entrypoint":["env"],"Cmd":["true"]}`},
		{`{"Entrypoint":["env"],"Cmd":["true"]}`, `ENTRYPOINT ["x"]`, `{"Entrypoint":["x"]}`},
		{`{"Env":["A=b"],"WorkingDir":"/w"}`, "ENV B=$A\nWORKDIR ../x/", `{"Env":["A=b","B=b"],"WorkingDir":"/x"}`},
		{`{}`, `HEALTHCHECK --interval=1s CMD x`, `{"Healthcheck":{"Test":["CMD-SHELL","x"],"Interval":1000000000}}`},
		{`{}`, `ONBUILD RUN x`, `{"OnBuild":["RUN x"]}`},
		{`{}`, `LABEL a=1 b="2 3"`, `{"Labels":{"a":"1","b":"2 3"}}`},
		{`{}`, `FOO x`, `FOO is not a valid change command`},
		{`{}`, `run x`, `run is not a valid change command`},
		{`{}`, `EXPOSE abc`, `Invalid containerPort: abc`},
		{`{}`, `STOPSIGNAL SIGNONE`, `invalid signal: SIGNONE`},
		{`{}`, `ENV A`, `ENV must have two arguments`},
		{`{}`, ``, `file with no instructions`},
	} {
		var image Image
		if err := json.Unmarshal([]byte(c.before), &image.Config); err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := Change(&image, []string{c.change}); err != nil {
			got = err.Error()
		} else if text, err := json.Marshal(image.Config); err == nil {
			got = string(text)
		}
		if got != c.after {
			t.Errorf("%s to %s: %s, not %s", c.change, c.before, got, c.after)
		}
	}
}
