#!/bin/sh
# Makes the image of build-in-containers.yaml without a registry: a minimal Debian with a C compiler, of the release
# and from the mirror that apt of this host uses. Needs root on Debian, and docker or podman; takes about a minute.
#
#   sh make-image.sh [IMAGE]
set -eu

image=${1:-millrace-example/gcc:1}
engine=${MILLRACE_CONTAINER_ENGINE:-$(command -v docker || command -v podman)} || {
  echo "make-image.sh: there is no container engine; try: apt-get install docker.io" >&2
  exit 1
}
command -v debootstrap >/dev/null || {
  echo "make-image.sh: debootstrap is missing; try: apt-get install debootstrap" >&2
  exit 1
}
release=$(. /etc/os-release && echo "$VERSION_CODENAME")
mirror=$(apt-get indextargets --format '$(CODENAME) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
  awk -v release="$release" '$1 == release && $2 == "main" { print $3; exit }')
if [ -z "$mirror" ]; then
  echo "make-image.sh: apt of this host has no mirror of $release; try: apt-get update" >&2
  exit 1
fi

tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
trap 'exit 1' HUP INT TERM
echo "installing $release with gcc from $mirror" >&2
if ! debootstrap --variant=minbase --include=gcc,libc6-dev "$release" "$tree/root" "$mirror" >"$tree/log" 2>&1; then
  tail -n 20 "$tree/log" >&2
  exit 1
fi
rm -rf "$tree/root/var/cache/apt" "$tree/root/var/lib/apt/lists" "$tree/root/usr/share/doc"
tar -C "$tree/root" --one-file-system -cf - . | "$engine" import - "$image"
