#!/bin/sh
# Sets up a clone for its tests, as root on Debian with Node.js: a nats-server, a container engine, what images and
# examples are made of, and the project's packages. Tests start servers and engines of their own.
set -eu
cd "$(dirname "$0")/.."
sh .ci/install-tools nats-server=nats-server dockerd=docker.io busybox=busybox-static fish=fish zsh=zsh make=make \
  gcc=gcc ar=binutils /usr/include/stdlib.h=libc6-dev
npm ci --no-audit --no-fund
