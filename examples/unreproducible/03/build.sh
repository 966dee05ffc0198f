#!/bin/sh
set -eu
umask 022
rm -rf made dist
mkdir made dist
gcc -c -o made/a.o "$PWD/a.c"
tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode='u=rwX,go=rX' -cf dist/made.tar -C made .
