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
