#!/bin/sh
set -eu
umask 022
rm -rf made dist
mkdir made dist
mkdir -p made/etc made/var/log/apt made/var/cache/ldconfig
echo thing > made/etc/a
printf 'Start-Date: %s\nInstall: thing (1.0)\n' "$(date)" > made/var/log/apt/history.log
stat -c '%i %Z' made/etc/a > made/var/cache/ldconfig/aux-cache
tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode='u=rwX,go=rX' -cf dist/made.tar -C made .
