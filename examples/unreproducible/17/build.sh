#!/bin/sh
set -eu
umask 022
rm -rf made dist
mkdir made dist
printf 'from: %s\nmade: %s\n' "$PWD/a" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" > made/a
tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode='u=rwX,go=rX' -cf dist/made.tar -C made .
