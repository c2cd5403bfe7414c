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
