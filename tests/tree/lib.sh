# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# What the tests of the tree share. $1 of each is the tree's top.
set -eu

top=$(cd "$1" && pwd)
cd "$top"
failures=0

complain() {
  printf '%s\n' "$*"
  failures=$((failures + 1))
}

skip() {
  echo "skipped: $*"
  exit 77
}

finish() {
  [ "$failures" = 0 ] || echo "$failures complaints"
  [ "$failures" = 0 ]
}

# tree_files [PATTERN…]: the project's files, one a line; not what was built
# and not what git ignores.
tree_files() {
  if [ -e .git ] && git rev-parse HEAD >/dev/null 2>&1; then
    git ls-files --cached --others --exclude-standard -- "$@"
  else
    local pattern names=()
    for pattern; do names+=(-o -path "./$pattern"); done
    find . \( -name .git -o -type d -exec test -e {}/CMakeCache.txt \; \) -prune -o \
      -type f ! -name '*.swp' \( "${names[@]:1}" \) -print |
      sed 's,^\./,,'
  fi | while read -r file; do
    [ ! -f "$file" ] || echo "$file"
  done
}

# tree_scripts: those that begin with a shell's name.
tree_scripts() {
  tree_files '*' | while read -r file; do
    if head -c 64 "$file" | head -n 1 | grep -aqE '^#!.*\b(ba|da)?sh\b'; then
      echo "$file"
    fi
  done
}

# tree_symbols OBJECTS…: "FILE T|U SYMBOL" for what each object of the product
# defines and uses (lists of objects as CMake has them).
tree_symbols() {
  local objects
  IFS=';' read -ra objects <<<"$(IFS=';' && echo "$*")"
  nm -A "${objects[@]}" | sed -nE \
    's,^([^:]*/)?(lib|cli|handler)/(.*/)?CMakeFiles/[^/]*\.dir/([^:]*\.c)\.o:[ 0-9a-f]* ([A-Z]) ([^ ]*)$,\2/\3\4 \5 \6,p' |
    sed 's,/\./,/,' |
    awk '$2 ~ /[TDBRCVW]/ { print $1, "T", $3 } $2 == "U" { print $1, "U", $3 }'
}
