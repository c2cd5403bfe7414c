# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# Bash completion for zloop. It asks the command itself for its subcommands and
# options, so that it knows what the installed one knows.

_zloop_commands() {
  "${1:-zloop}" help 2>/dev/null | sed -n 's/^  \([a-z][a-z-]*\)  .*/\1/p'
}

# The options of zloop itself, or of one subcommand; with "=" where they take
# a value.
_zloop_options() { # ZLOOP [COMMAND]
  if [ $# = 1 ]; then
    "$1" help 2>/dev/null | sed -n 's/^.*zloop \(--[a-z-]*\)$/\1/p'
    echo --help
  else
    "$1" help "$2" 2>/dev/null |
      sed -n 's/^ \{2,6\}\(-., \)\{0,1\} *\(--[a-z-]*=\{0,1\}\).*/\2/p'
  fi
}

# The words that may come first behind a subcommand, where it says so itself:
# "or:  zloop inject [OPTION...] list DIRECTORY".
_zloop_actions() { # ZLOOP COMMAND
  "$1" help "$2" 2>/dev/null |
    sed -n 's/^ *[Uor]*[sage]*: *zloop [a-z-]* \[OPTION\.\.\.\] \([a-z]\{1,\}\) .*/\1/p'
}

# Disks that have a name.
_zloop_disks() { # ZLOOP
  "$1" list 2>/dev/null | sed -n '2,$s/^\([^ -][^ ]*\) .*/\1/p'
}

_zloop_faults() { # ZLOOP
  "$1" help inject 2>/dev/null | tr '\n' ' ' |
    sed -n 's/.* FAULT is \(.*\), or a JSON .*/\1/p' | tr ',' ' ' |
    sed 's/ or / /'
}

_zloop_members() { # ZLOOP
  "$1" help inject 2>/dev/null |
    sed -n 's/^  lba=N, blocks=.*/lba=\nblocks=/p; t
      s/^  \([a-z_]*=\)[A-Zt].*/\1/p'
}

_zloop_drives() { # ZLOOP
  "$1" help drives 2>/dev/null | sed -n '2,/^$/s/^\([^ ][^ ]*\) .*/\1/p'
}

# Words behind the subcommand that are no options, up to the one being typed.
_zloop_given() {
  local i n=0
  for ((i = 2; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
      -*) ;;
      *) n=$((n + 1)) ;;
    esac
  done
  echo $n
}

_zloop_reply() { # LIST
  mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
  case ${COMPREPLY[0]-} in
    *=) compopt -o nospace 2>/dev/null ;;
  esac
}

_zloop() {
  local zloop=${COMP_WORDS[0]} cur=${COMP_WORDS[COMP_CWORD]}
  local command=${COMP_WORDS[1]-} actions
  COMPREPLY=()
  if [ "$COMP_CWORD" = 1 ]; then
    case $cur in
      -*) _zloop_reply "$(_zloop_options "$zloop")" ;;
      *) _zloop_reply "$(_zloop_commands "$zloop")" ;;
    esac
    return
  fi
  # Readline splits --like=WORD.
  local before=${COMP_WORDS[COMP_CWORD - 1]}
  [ "$before" != = ] || before=${COMP_WORDS[COMP_CWORD - 2]}
  if [ "$command $before" = "create --like" ]; then
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(
      compgen -f -- "$cur"
      compgen -W "$(_zloop_drives "$zloop")" -- "$cur"
    )
    return
  fi
  case $cur in
    -*) _zloop_reply "$(_zloop_options "$zloop" "$command")"; return ;;
  esac
  local given
  given=$(_zloop_given)
  if [ "$command ${COMP_WORDS[2]-}" = "inject add" ] && [ "$given" -gt 1 ]; then
    if [ "$given" = 2 ]; then
      _zloop_reply "$(_zloop_faults "$zloop")"
    else
      _zloop_reply "$(_zloop_members "$zloop")"
    fi
    return
  fi
  if [ "$given" = 0 ]; then
    [ "$command" != help ] || actions=$(_zloop_commands "$zloop")
    actions=${actions-$(_zloop_actions "$zloop" "$command")}
    if [ -n "$actions" ]; then
      _zloop_reply "$actions"
      return
    fi
  fi
  compopt -o filenames 2>/dev/null
  if [ "$command" = replay ]; then
    mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    return
  fi
  mapfile -t COMPREPLY < <(
    compgen -d -- "$cur"
    compgen -W "$(_zloop_disks "$zloop")" -- "$cur"
  )
}

complete -F _zloop zloop
