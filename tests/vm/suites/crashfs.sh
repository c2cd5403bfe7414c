#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# crashfs.sh [--long]: file systems for zoned disks, recorded under a workload of
# fsync, rename, truncate and unlink, and mounted and checked after power
# failures: behind each flush and at each mark, and with --long just before each
# flush, too, with twenty states each. What was fsynced before must be there.
set -eu
. "$(dirname "$0")/../lib.sh"

base=/data/crashfs
nr_files=8
at=flush,mark seeds=1
[ "${1:-}" != --long ] || { nr_files=40 at=before,flush,mark seeds=20; }

only_zloop() {
  [ "$HANDLER" = zloop ] || skip_check "only for user:zloop"
}

# The contents that file number N has for good.
contents() { # N
  seq "$1" $(($1 + 9000))
}

# Each step is fsynced before its mark. Files 3, 6, … are renamed.
work() { # DISK
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
  work "$base/$type"
  umount /mnt/work
  zloop record stop "$base/$type"
  zloop remove "$base/$type"
}

# All of it must pass; and one that is told of more than there was must not,
# lest nothing be looked at.
crashtest() { # TYPE
  zloop crashtest "$base/$1.zlog" --jobs 1 --at $at --seeds $seeds --quiet -- \
    /run/crashfs-check >/run/crashtest || { cat /run/crashtest; return 1; }
  echo "# $1: $(tail -n 1 /run/crashtest)" >>/run/states
  contains "one file too many" "^1 points, 1 states .* 1 failed" \
    "$(fails zloop crashtest "$base/$1.zlog" --at end --seeds 1 --quiet -- \
      env ZLOOP_MARK="written $((nr_files + 1))" /run/crashfs-check)"
}

btrfs() {
  record btrfs 0 mkfs.btrfs -q -f -O zoned -d single -m single
  write_check btrfs btrfs check --force
  crashtest btrfs
}

f2fs() {
  record f2fs 16 mkfs.f2fs -q -f -m
  write_check f2fs fsck.f2fs --dry-run -f
  crashtest f2fs
}

tear_down
rm -f /run/states
check "set up" start_stack
check "btrfs after power failures" btrfs
check "f2fs after power failures" f2fs
tear_down
cat /run/states || true
summary
