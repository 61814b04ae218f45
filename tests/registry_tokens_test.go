package tests

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// tokenPath is where a registry's front gives out tokens.
const tokenPath = "/token"

// tokens gives out what a registry asks for that has an authorization service, as Docker Hub does:
// https://distribution.github.io/distribution/spec/auth/token/
type tokens struct {
	*ca
	user, password string
}

func newTokens(account string) (*tokens, error) {
	authority, err := newCA("the tests' tokens")
	user, password, _ := strings.Cut(account, ":")
	return &tokens{authority, user, password}, err
}

func (t *tokens) bundle() []byte { return t.pem() }

// answer gives the person all that is asked for, and nobody else anything but reading what is below "public/". What it
// gives is valid for a minute, but says that it has expired already: so it is fetched again for every request. The
// identity token for refreshing is "refresh-" and the name.
func (t *tokens) answer(w http.ResponseWriter, r *http.Request) int {
	if err := r.ParseForm(); err != nil {
		return respond(w, http.StatusBadRequest, map[string]any{"details": err.Error()})
	}
	user, password, given := r.BasicAuth()
	if r.Method == http.MethodPost {
		user, password, given = t.user, t.password, true
		if r.FormValue("refresh_token") != "refresh-"+t.user {
			password = ""
		}
	}
	known := user == t.user && password == t.password
	if given && !known {
		return respond(w, http.StatusUnauthorized, map[string]any{"details": "incorrect username or password"})
	}
	access := []any{}
	for _, scope := range r.Form["scope"] {
		kind, rest, _ := strings.Cut(scope, ":")
		name, actions, _ := strings.Cut(rest, ":")
		switch {
		case known:
			access = append(access, map[string]any{"type": kind, "name": name, "actions": strings.Split(actions, ",")})
		case strings.HasPrefix(name, "public/"):
			access = append(access, map[string]any{"type": kind, "name": name, "actions": []string{"pull"}})
		}
	}
	now := time.Now()
	token, err := t.sign(map[string]any{
		"iss": "tests", "sub": user, "aud": r.FormValue("service"), "jti": fmt.Sprint(now.UnixNano()), "access": access,
		"nbf": now.Add(-time.Minute).Unix(), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
	})
	if err != nil {
		return respond(w, http.StatusInternalServerError, map[string]any{"details": err.Error()})
	}
	return respond(w, http.StatusOK, map[string]any{"token": token, "expires_in": 60, "issued_at": now.Add(-time.Hour).UTC()})
}

// sign makes a JSON web token.
func (t *tokens) sign(claims map[string]any) (string, error) {
	head, err := json.Marshal(map[string]any{"typ": "JWT", "alg": "ES256", "x5c": []string{base64.StdEncoding.EncodeToString(t.certificate.Raw)}})
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	text := base64.RawURLEncoding.EncodeToString(head) + "." + base64.RawURLEncoding.EncodeToString(body)
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, t.key, sum[:])
	if err != nil {
		return "", err
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return text + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

func respond(w http.ResponseWriter, status int, what any) int {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(what)
	return status
}
