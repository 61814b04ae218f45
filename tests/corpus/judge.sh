#!/bin/bash
# judge.sh [-write] [-run REGEXP]: builds the cases with the real Docker Engine that DOCKER_HOST names, with BuildKit (the
# plugin buildx), and says where the results are not what is expected, or stores them. The image busybox becomes the one
# that the tests have. With FRONTEND, an image of moby/buildkit's dockerfile-frontend v0.26 (built with the tags
# dfparents and dfexcludepatterns), older engines know --parents and --exclude.
set -euo pipefail
cd "$(dirname "$0")/../.."

judge=${JUDGE:-.cache/judge}
[ -n "${JUDGE:-}" ] || CGO_ENABLED=0 go build -o "$judge" ./tests/corpus/judge
tests/hosts/baseimage | docker import --change 'CMD ["sh"]' - busybox:latest >/dev/null
if [ -n "${FRONTEND:-}" ]; then
	docker tag "$FRONTEND" corpus-frontend
	docker tag "$FRONTEND" docker/dockerfile:1
fi
# The loopback of a rootless engine is not this one: the web server of the cases has to be there.
child=${XDG_RUNTIME_DIR:-}/dockerd-rootless/child_pid
enter=()
[ ! -e "$child" ] || enter=(nsenter -U --preserve-credentials -n -t "$(cat "$child")")
"${enter[@]}" "$judge" "$@"
docker images --format '{{.Repository}}' 'corpus-*' | grep -v corpus-frontend | xargs -r docker rmi -f >/dev/null
