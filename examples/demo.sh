#!/usr/bin/env bash
# demo.sh: the main job of `bom`, from nothing, on real builds. `make demo` runs it with the virtual environment on PATH.
# A Python package is built, checked, sealed, verified, shown, tampered with and stripped; then the same with a Docker
# image, where an engine with a python:3.11-slim image answers. Everything happens in a folder that is removed at the
# end. Exits non-zero as soon as anything is not as the narration says.
set -euo pipefail
examples=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/bom-demo.XXXXXX")
image=bom-demo/flask:1
image_built=
finish() {
  code=$?
  [[ -z $image_built ]] || docker image rm "$image" >/dev/null 2>&1 || true
  rm -rf "$work"
  ((code == 0)) || printf '\ndemo: FAILED (exit %d): something is not as it should be\n' "$code" >&2
}
trap finish EXIT

# Nothing of the user's own takes part: no key, no trust, no git settings.
unset BOM_KEY BOM_KEY_PASSPHRASE SOURCE_DATE_EPOCH MAKEFLAGS MAKELEVEL MFLAGS
export HOME=$work/home XDG_CONFIG_HOME=$work/home/.config XDG_STATE_HOME=$work/home/.state
export GIT_CONFIG_NOSYSTEM=1 PYTHONDONTWRITEBYTECODE=1
mkdir -p "$HOME"

if [[ -t 1 ]]; then bold=$'\e[1m' plain=$'\e[0m'; else bold='' plain=''; fi
step() { printf '\n%s== %s%s\n' "$bold" "$1" "$plain"; }
say() { printf '   %s\n' "$@"; }
run() { printf '%s$ %s%s\n' "$bold" "${*@Q}" "$plain" | sed "s/'\([A-Za-z0-9_.,:=/@+%-]*\)'/\1/g; s|$work/||g"; "$@"; }
# fails CODE COMMAND...: the command has to end with exactly this code
fails() {
  local wanted=$1 code=0
  shift
  run "$@" || code=$?
  [[ $code == "$wanted" ]] || { echo "demo: exit $code where $wanted was due: $*" >&2; return 1; }
  say "(exit $code, as it should be)"
}
same() { cmp "$1" "$2" && say "$(basename "$1"): the same, byte for byte"; }
first() { # first N COMMAND...: its first N lines
  local lines=$1
  shift
  run "$@" >"$work/out"
  head -n "$lines" "$work/out"
  (($(wc -l <"$work/out") <= lines)) || say "… $(($(wc -l <"$work/out") - lines)) more lines"
}
flip() { # flip FILE COPY: a copy with the lowest bit of its middle byte flipped
  python - "$1" "$2" <<'PY'
import pathlib, sys
data = bytearray(pathlib.Path(sys.argv[1]).read_bytes())
data[len(data) // 2] ^= 1
pathlib.Path(sys.argv[2]).write_bytes(data)
PY
}
project() { # project NAME: a copy of an example, as a git repository of its own with one commit
  cp -R "$examples/$1" "$work/$1"
  cd "$work/$1"
  rm -rf dist build __pycache__
  git init -q
  git add -A
  GIT_AUTHOR_DATE='2026-01-01T00:00:00Z' GIT_COMMITTER_DATE='2026-01-01T00:00:00Z' \
    git -c user.name=demo -c user.email=demo@example.invalid -c commit.gpgsign=false commit -q -m 'the example'
}

step '1. A key'
say 'Thrown away at the end. The private half stays outside every project.'
run bom key generate --out "$work/release"

step '2. A Python package, built as always: this is what we compare with later'
project python-package
say 'With the clock that `bom` gives a build, the time of the commit, so that both make the same.'
run env SOURCE_DATE_EPOCH="$(git log -1 --format=%ct)" python -m build --no-isolation >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
mv dist "$work/as-built"
(cd "$work/as-built" && sha256sum -- *)

step '3. Its tests, run through bom: the result goes into the BOM of the next build of this commit'
run bom check unit --junit unit.xml -- python -m pytest -q -p no:cacheprovider --junitxml=unit.xml

step '4. The same build, wrapped'
run bom build --key "$work/release.key" -- python -m build --no-isolation
(cd dist && ls -l)
wheel=$(echo dist/*.whl) sdist=$(echo dist/*.tar.gz)

step '5. Verify: offline, from the file alone and the public key'
run bom verify "$wheel" --key "$work/release.pub"
run bom verify "$sdist" --key "$work/release.pub"

step '6. Show: what the wheel says about itself'
first 40 bom show "$wheel"

step '7. The ordinary client still takes it'
run python -m pip --disable-pip-version-check install --quiet --no-index --no-deps --target "$work/site" "$wheel"
printf '1.9\n1.10\n' | PYTHONPATH=$work/site python -c 'import newest; raise SystemExit(newest.main())'

step '8. One bit flipped, a signature by a key nobody trusts, no seal at all: refused'
mkdir "$work/bad"
flip "$wheel" "$work/bad/$(basename "$wheel")"
fails 1 bom verify "$work/bad/$(basename "$wheel")" --key "$work/release.pub"
run bom key generate --out "$work/stranger" >/dev/null
fails 1 bom verify "$wheel" --key "$work/stranger.pub"
fails 1 bom verify "$work/as-built/$(basename "$wheel")" --key "$work/release.pub"

step '9. Strip: what was built comes back'
for file in "$wheel" "$sdist"; do
  run bom strip "$file" -o "$work/$(basename "$file")"
  same "$work/$(basename "$file")" "$work/as-built/$(basename "$file")"
done

step '10. The same build again gives the same sealed bytes, signature included'
mv dist "$work/first"
run bom build --key "$work/release.key" -- python -m build --no-isolation >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
for file in "$wheel" "$sdist"; do same "$file" "$work/first/$(basename "$file")"; done

step '11. A plain make project'
project make-project
run bom build --key "$work/release.key" -- make
run bom verify dist/hello-1.0.tar.gz --key "$work/release.pub"
run tar -xzf dist/hello-1.0.tar.gz --strip-components=1 -C "$work/home"
sh "$work/home/bin/hello"

step '12. A Docker image with Flask'
if ! command -v docker >/dev/null; then
  say 'Skipped: there is no docker client on PATH.'
elif ! docker info >/dev/null 2>&1; then
  say 'Skipped: no Docker engine answers (docker info fails).'
elif ! docker image inspect python:3.11-slim >/dev/null 2>&1; then
  say 'Skipped: the engine has no image python:3.11-slim (docker pull python:3.11-slim).'
else
  project flask-image
  [[ -z ${PIP_CERT:-} ]] || cp "$PIP_CERT" ca.crt # ignored by git, used by the first stage alone
  image_built=yes
  run bom build -o "$work/app.tar" --key "$work/release.key" -- docker build --network=host -t "$image" .
  run bom verify "$work/app.tar" --key "$work/release.pub"
  first 30 bom show "$work/app.tar"
  run docker load -i "$work/app.tar"
  flip "$work/app.tar" "$work/bad/app.tar"
  fails 1 bom verify "$work/bad/app.tar" --key "$work/release.pub"
  run bom strip "$work/app.tar" -o "$work/stripped.tar"
  docker save "$image" -o "$work/saved.tar"
  same "$work/stripped.tar" "$work/saved.tar"
fi

printf '\n%sdemo: everything was as it should be%s\n' "$bold" "$plain"
