#!/bin/sh
set -eu
rm -rf made dist
mkdir made dist
printf 'one\n' > made/a
install -m 0644 made/a made/b
tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf dist/made.tar -C made a b
