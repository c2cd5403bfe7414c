#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# crashfs.sh [--long]: file systems for zoned disks, recorded under a workload of
# fsync, rename, truncate and unlink, or of zones, and mounted and checked after power
# failures: behind each flush and at each mark, with --long twenty states each. What
# was fsynced before must be there. With --long also just before each flush, where
# f2fs and btrfs are known to fail (docs/crash-testing.md): how often is printed.
set -eu
. "$(dirname "$0")/../lib.sh"

base=/data/crashfs
nr_files=8
seeds=1
long=
[ "${1:-}" != --long ] || { long=1 nr_files=40 seeds=20; }

only_zloop() {
  [ "$HANDLER" = zloop ] || skip_check "only for user:zloop"
}

# The contents that file number N has for good.
contents() { # N
  seq "$1" $(($1 + 9000))
}

# The workload of the file system TYPE.
work() { # DISK TYPE
  case $2 in
    zonefs) work_in_zones "$1" ;;
    *) work_in_files "$1" ;;
  esac
}

# Each zone is a file: two writes, of which the first is fsynced before its mark;
# files 2, 5, … become empty again, which is fsynced, too.
work_in_zones() { # DISK
  local n
  for ((n = 1; n <= nr_files; n++)); do
    zone_contents $n | dd of=/mnt/work/seq/$n bs=64k count=2 oflag=direct \
      iflag=fullblock conv=notrunc status=none
    sync /mnt/work/seq/$n
    zloop record mark "$1" "written $n" >/dev/null
    head -c 65536 /dev/zero | dd of=/mnt/work/seq/$n bs=64k oflag=append,direct \
      iflag=fullblock conv=notrunc status=none
    if ((n % 3 == 0)); then
      truncate -s 0 /mnt/work/seq/$((n - 1))
      sync /mnt/work/seq/$((n - 1))
      zloop record mark "$1" "emptied $n" >/dev/null
    fi
  done
}

zone_contents() { # N
  seq "$1" 40000 | head -c 131072
}

# Each step is fsynced before its mark. Files 3, 6, … are renamed.
work_in_files() { # DISK
  local n
  for ((n = 1; n <= nr_files; n++)); do
    contents $n >/mnt/work/new$n
    sync /mnt/work/new$n
    zloop record mark "$1" "written $n" >/dev/null
    if ((n % 3 == 0)); then
      mv /mnt/work/new$n /mnt/work/file$n
      sync /mnt/work /mnt/work/file$n
      zloop record mark "$1" "renamed $n" >/dev/null
    fi
    contents $n >/mnt/work/other$n
    truncate -s 1000 /mnt/work/other$n
    ((n % 2)) || rm /mnt/work/other$n
  done
}

# What a power failure left is mounted, has what was promised, and passes the
# file system's own check.
write_check() { # TYPE FSCK…
  local type=$1
  shift
  cat >/run/crashfs-check <<END
#!/bin/bash
set -eu
at=\$(mktemp -d /run/try-XXXXXX)
mount -t $type "\$ZLOOP_DEVICE" "\$at"
read -r what last <<<"\${ZLOOP_MARK:-nothing 0}"
for ((n = 1; n <= last; n++)); do
  f=\$at/new\$n
  if ((n % 3 == 0)); then
    # A rename that was not fsynced may be there or not.
    if [ -e "\$at/file\$n" ]; then
      f=\$at/file\$n
    elif [ \$n != "\$last" ] || [ \$what = renamed ]; then
      echo "file\$n was renamed, and is not there"
      umount "\$at"
      exit 1
    fi
  fi
  seq \$n \$((n + 9000)) | cmp - "\$f" || { umount "\$at"; exit 1; }
done
umount "\$at"
rmdir "\$at"
$* "\$ZLOOP_DEVICE"
END
  chmod +x /run/crashfs-check
}

# The same of zonefs, which has no check of its own but mounting.
write_zones_check() {
  cat >/run/crashfs-check <<'END'
#!/bin/bash
set -eu
at=$(mktemp -d /run/try-XXXXXX)
mount -t zonefs "$ZLOOP_DEVICE" "$at"
trap 'umount "$at"; rmdir "$at"' EXIT
read -r what last <<<"${ZLOOP_MARK:-nothing 0}"
for ((n = 1; n <= last; n++)); do
  size=$(stat -c %s "$at/seq/$n")
  if (((n + 1) % 3 == 0 && n < last)); then
    # Emptied before the mark, or perhaps since.
    [ $((n + 1)) = "$last" ] && [ $what = written ] && [ $size != 0 ] || {
      [ $size = 0 ] || { echo "file $n was emptied, and has $size"; exit 1; }
      continue
    }
  fi
  [ $size -ge 131072 ] || { echo "file $n has $size"; exit 1; }
  seq $n 40000 | head -c 131072 | cmp -n 131072 - "$at/seq/$n"
done
END
  chmod +x /run/crashfs-check
}

# Makes the disk, runs the workload on it and takes it away.
record() { # TYPE CONVENTIONAL-ZONES MKFS…
  local type=$1 conv=$2 dev
  shift 2
  only_zloop
  modprobe "$type"
  mkdir -p "$base" /mnt/work
  dev=$(zloop add capacity_mb=2048,zone_size_mb=16,conv_zones="$conv" \
    "$base/$type")
  "$@" "$dev"
  zloop record start "$base/$type" "$base/$type.zlog"
  mount -t "$type" "$dev" /mnt/work
  work "$base/$type" "$type"
  umount /mnt/work
  zloop record stop "$base/$type"
  zloop remove "$base/$type"
}

# All of it must pass; and one that is told of more than there was must not,
# lest nothing be looked at.
try_states() { # TYPE AT
  zloop crashtest "$base/$1.zlog" --jobs 1 --at "$2" --seeds $seeds --quiet -- \
    /run/crashfs-check >/run/crashtest || return
  echo "# $1, $2: $(tail -n 1 /run/crashtest)" >>/run/states
}

must_pass() { # TYPE AT
  try_states "$1" "$2" || { cat /run/crashtest; return 1; }
}

# A list of what fails is no error: it is what this is for.
is_told() { # TYPE AT
  local rc=0
  try_states "$1" "$2" || rc=$?
  [ $rc != 1 ] || echo "# $1, $2: $(tail -n 1 /run/crashtest)" >>/run/states
  [ $rc -le 1 ]
}

crashtest() { # TYPE
  must_pass "$1" flush,mark
  contains "one file too many" "^1 points, 1 states .* 1 failed" \
    "$(fails zloop crashtest "$base/$1.zlog" --at end --seeds 1 --quiet -- \
      env ZLOOP_MARK="written $((nr_files + 1))" /run/crashfs-check)"
}

btrfs() {
  record btrfs 0 mkfs.btrfs -q -f -O zoned -d single -m single
  write_check btrfs btrfs check --force
  crashtest btrfs
  [ -z "$long" ] || is_told btrfs before
}

f2fs() {
  record f2fs 16 mkfs.f2fs -q -f -m
  write_check f2fs fsck.f2fs --dry-run -f
  crashtest f2fs
  [ -z "$long" ] || is_told f2fs before
}

zonefs() {
  record zonefs 1 python3 "$ZLOOP_TOP/tests/vm/mkzonefs.py"
  write_zones_check
  crashtest zonefs
  [ -z "$long" ] || must_pass zonefs before
}

tear_down
rm -f /run/states
check "set up" start_stack
check "btrfs after power failures" btrfs
check "f2fs after power failures" f2fs
check "zonefs after power failures" zonefs
tear_down
cat /run/states || true
summary
