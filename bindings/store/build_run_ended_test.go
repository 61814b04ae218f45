package store

import "testing"

func TestLastError(t *testing.T) {
	for text, want := range map[string]string{
		"": "",
		`{"msg":"first","level":"error","time":"t"}` + "\n" + `{"msg":"second","level":"error"}` + "\n": "second",
		`{"msg":"wrong","level":"error"}` + "\n" + `{"msg":"a hint","level":"debug"}` + "\n":            "wrong",
		"said before\n{\n  \"msg\": \"exec `\\/x`\",\n  \"level\": \"error\"\n}\nsaid { after\n12\n":    "exec `/x`",
		"{\n  \"msg\": \"cut off": "",
	} {
		if got := lastError([]byte(text), ""); got != want {
			t.Errorf("the last error of %q is %q, want %q", text, got, want)
		}
	}
	if got := lastError([]byte(`{"msg":"exec /x","level":"error"}`+"\n"+`{"msg":"the process's","level":"error"}`), unexecuted); got != "exec /x" {
		t.Errorf("the last error of the runtime is %q", got)
	}
}
