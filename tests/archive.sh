# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# shellcheck shell=bash
# The package archive that this machine uses, for other releases than its own.
# Sourced, with bash.

# archive_line SUITE: a line for apt's list of sources; fails where apt knows no
# Debian archive.
archive_line() {
  local uri
  uri=$(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' \
    'Origin: Debian' 2>/dev/null | grep '/debian/*$' | head -n 1)
  [ -n "$uri" ] || return 1
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
    "$uri $1 main"
}

# With the list of sources $work/sources and a package list of its own.
apt() { # COMMAND…
  local command=$1
  shift
  mkdir -p "$work/lists/partial" "$work/archives/partial"
  "$command" -o Dir::Etc::SourceList="$work/sources" \
    -o Dir::Etc::SourceParts=- -o Dir::State::Lists="$work/lists" \
    -o Dir::Cache::Archives="$work/archives" -o Dir::Cache::PkgCache= \
    -o Dir::Cache::SrcPkgCache= -o APT::Sandbox::User=root "$@"
}

version_of() { # PACKAGE
  apt apt-cache policy "$1" | sed -n 's/^ *Candidate: \(.*\)$/\1/p'
}

# --- tools of another release -------------------------------------------------
# Unpacked once into a cache and kept, with the C library and what else they need:
# this machine stays as it is. For scripts with `say` and `skip`.

# What the key of such tools stands for besides the package's version.
tools_recipe=1
tools_libs=usr/lib/x86_64-linux-gnu

# unpacked_tools CACHE PACKAGE: the directory with its programs; fails if there is
# none.
unpacked_tools() {
  local dir
  for dir in "$1/$2"-*-"$tools_recipe"; do
    [ ! -d "$dir/bin" ] || echo "$dir/bin"
  done | sort -V | tail -n 1 | grep .
}

# The libraries that PACKAGE itself asks for.
libraries_of() { # PACKAGE
  apt apt-cache depends "$1" | sed -n 's/^ *Depends: \(lib[^ ]*\)$/\1/p'
}

unpack_packages() { # PACKAGE…
  local file
  mkdir -p "$work/keep/root"
  (cd "$work" && apt apt-get download "$@" >&2) || return
  for file in "$work"/*.deb; do
    dpkg-deb --extract "$file" "$work/keep/root" || return
  done
}

is_program() { # FILE
  [ -f "$1" ] && [ "$(head -c 4 "$1" | tail -c 3)" = ELF ]
}

# A script for each tool, which runs it with the libraries that came with it.
wrap_tools() {
  local tool path
  mkdir "$work/keep/bin"
  for tool in "$work"/keep/root/usr/bin/* "$work"/keep/root/usr/sbin/*; do
    is_program "$tool" || continue
    path=${tool#"$work"/keep/root/}
    tool=$work/keep/bin/${tool##*/}
    cat >"$tool" <<END
#!/bin/sh
root=\${0%/*}/../root
exec "\$root/$tools_libs/ld-linux-x86-64.so.2" \\
  --library-path "\$root/$tools_libs" "\$root/$path" "\$@"
END
    chmod +x "$tool"
  done
}

# fetch_tools CACHE SUITE PACKAGE: for unpacked_tools, from the release SUITE.
fetch_tools() {
  local cache=$1 version dir
  shift
  [ "$(dpkg --print-architecture 2>/dev/null)" = amd64 ] ||
    skip "$2 is fetched for amd64 only"
  mkdir -p "$cache"
  work=$(mktemp -d "$cache/tmp.$2.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  archive_line "$1" >"$work/sources" || skip "apt knows no Debian archive"
  apt apt-get update >&2 || skip "the package lists could not be read"
  version=$(version_of "$2")
  [ -n "$version" ] || skip "the archive has no $2"
  # shellcheck disable=SC2046 # words
  unpack_packages "$2" $(libraries_of "$2") ||
    skip "$2 $version could not be fetched"
  wrap_tools
  dir=$cache/$2-${version/:/%3a}-$tools_recipe
  mv -T "$work/keep" "$dir" 2>/dev/null || [ -d "$dir/bin" ]
}
