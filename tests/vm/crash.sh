# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# shellcheck shell=bash
# For suites that work on a file system whose disk is recorded, and for the checks
# of what power failures leave of it: what is written, and what is known to go
# wrong. Sourced, with bash.

# A line for each time that one of the faults of docs/crash-testing.md was seen.
KNOWN_FAULTS=/run/known-faults

# The contents that file number N has for good.
contents() { # N
  seq "$1" $(($1 + 15000))
}

# The same of a zone of zonefs.
zone_contents() { # N
  seq "$1" 40000 | head -c 131072
}

# File N is written, and then kept, cut, removed or renamed. Both are fsynced, and
# COMMAND gets a word for what is promised then.
work_on_file() { # N COMMAND…
  local n=$1 file=/mnt/work/new$1
  shift
  contents "$n" >"$file"
  sync "$file"
  "$@" "written $n"
  case $((n % 4)) in
    1) truncate -s 1000 "$file"; sync "$file"; "$@" "cut $n" ;;
    2) rm "$file"; sync /mnt/work; "$@" "removed $n" ;;
    3)
      mv "$file" "/mnt/work/file$n"
      sync /mnt/work "/mnt/work/file$n"
      "$@" "renamed $n"
      ;;
  esac
}

last_message() {
  dmesg | tail -n 1
}

# What the kernel has said since LINE, or all where that is too long ago.
messages_since() { # LINE
  dmesg >/run/messages
  grep -Fx -A 100000 -e "$1" /run/messages || cat /run/messages
}

# is_known FAULT PATTERN TEXT: counted, if a line of TEXT matches.
is_known() {
  grep -Eq -- "$2" <<<"$3" || return
  echo "$1" >>"$KNOWN_FAULTS"
}
