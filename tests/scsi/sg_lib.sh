# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# shellcheck shell=bash
# For the scripts that let sg3_utils look at a unit without a kernel: sourced
# with the library to preload as $1.

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export SG_DEVICE_NAME=/dev/zoned-test
library=$1
dev=$SG_DEVICE_NAME
failed=0

use_disk() { # NAME OPTIONS
  mkdir -p "$dir/$1"
  export SG_DEVICE_DIR=$dir/$1 SG_DEVICE_OPTS=$2
}

# run STATUS TOOL…: its exit status, or one of some; the output stays in $dir/out.
run() {
  local want=$1 status
  shift
  echo "# $*"
  LD_PRELOAD=$library "$@" >"$dir/out" 2>&1
  status=$?
  [[ " $want " = *" $status "* ]] || {
    echo "FAILED: exit status $status instead of $want"
    cat "$dir/out"
    failed=1
  }
}

# says TEXT…: each is part of a line of the output. sg3_utils 1.46 and 1.48 have
# other words, and capitals, for some: "OLD#NEW".
says() {
  local text
  for text in "$@"; do
    grep -qiF -e "${text%#*}" -e "${text#*#}" "$dir/out" || {
      echo "FAILED: no \"$text\" in"
      cat "$dir/out"
      failed=1
    }
  done
}

# counts N TEXT: so many lines have it.
counts() {
  local n
  n=$(grep -ciF -e "${2%#*}" -e "${2#*#}" "$dir/out")
  [ "$n" -eq "$1" ] || {
    echo "FAILED: $n lines with \"$2\" instead of $1"
    failed=1
  }
}
