#!/bin/sh
# Sets up a clone for the examples, as root on Debian with Node.js: a nats-server for local runs, a C compiler for
# the jobs, and Millrace itself.
set -eu
cd "$(dirname "$0")/.."
sh .ci/install-tools nats-server=nats-server gcc=gcc ar=binutils /usr/include/stdlib.h=libc6-dev
npm ci --no-audit --no-fund
