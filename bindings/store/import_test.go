package store

import (
	"slices"
	"testing"
)

func TestChanged(t *testing.T) {
	config, err := changed([]string{
		`CMD ["ls", "/"]`, `ENV A=1 B="two words"`, "ENV PATH=$A:/bin", "EXPOSE 80 53/udp", "LABEL l=v", "VOLUME /data",
		"WORKDIR /a", "WORKDIR b", "USER 1:2", "ONBUILD RUN x", "STOPSIGNAL 9", "HEALTHCHECK --retries=3 CMD true",
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := config.Env; !slices.Equal(got, []string{"A=1", "B=two words", "PATH=1:/bin"}) {
		t.Errorf("environment %q", got)
	}
	if len(config.ExposedPorts) != 2 || config.WorkingDir != "/a/b" || config.User != "1:2" || config.Healthcheck.Retries != 3 ||
		config.Labels["l"] != "v" || config.StopSignal != "9" || !slices.Equal(config.OnBuild, []string{"RUN x"}) {
		t.Errorf("configuration %+v", config)
	}
	for _, bad := range []string{"RUN true", "FROM x", "COPY a b", "nonsense", "EXPOSE many", "EXPOSE 80/smoke", "ENV", "\x00"} {
		if _, err := changed([]string{bad}); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}
