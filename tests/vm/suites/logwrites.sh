#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# The adapter for xfstests' tests of dm-log-writes, below a stand-in for its
# functions that calls what the tests generic/455, generic/482, generic/757 and
# btrfs/192 call, in their order.
set -eu
. "$(dirname "$0")/../lib.sh"

base=/data/logwrites
tree=/run/fstests
adapter=$ZLOOP_TOP/targetcli-config/xfstests/log-writes

# Functions that must not be called any more fail.
stand_in() {
  local name
  mkdir -p $tree/common $tree/tests
  cat >$tree/common/rc <<'END'
_fail() { echo "failed: $*"; exit 1; }
_notrun() { echo "not run: $*"; exit 77; }
_scratch_options() { SCRATCH_OPTIONS=; }
_common_dev_mount_options() { echo "$*"; }
_mkfs_dev() { mkfs.f2fs -q -f -m "$@"; }
_check_scratch_fs() { fsck.f2fs --dry-run -f "$1"; }
_require_dm_target() { _fail "device mapper's $1"; }
_scratch_mount() { mount -t f2fs "$SCRATCH_DEV" "$SCRATCH_MNT"; }
_scratch_unmount() { umount "$SCRATCH_MNT"; }
END
  for name in dmthin_init dmthin_cleanup dmthin_mount dmthin_check_fs; do
    echo "_$name() { _fail _$name; }"
  done >$tree/common/dmthin
  for name in require_log_writes log_writes_init log_writes_mark \
    log_writes_mkfs log_writes_mount log_writes_unmount log_writes_replay_log \
    log_writes_remove log_writes_cleanup log_writes_mark_to_entry_number \
    log_writes_find_next_fua log_writes_replay_log_range; do
    echo "_$name() { _fail _$name; }"
  done >$tree/common/dmlogwrites
}

# A program with fsync and a mark after each, as fsx makes them; at each mark what
# was fsynced.
marks() {
  cat >$tree/tests/marks <<'END'
#!/bin/bash
. ./common/rc
_cleanup() { _log_writes_cleanup; _dmthin_cleanup; }
trap _cleanup EXIT
. ./common/dmthin
. ./common/dmlogwrites
_require_log_writes
_require_dm_target thin-pool
_dmthin_init 1 2 3 4
_log_writes_init $DMTHIN_VOL_DEV
_log_writes_mkfs >>$seqres.full 2>&1
_log_writes_mount -o discard
for n in 1 2 3; do
  seq $((n * 1000)) >$SCRATCH_MNT/file
  sync $SCRATCH_MNT/file
  sh -c "dmsetup message $LOGWRITES_DMDEV 0 mark file.mark$n" || _fail "no mark"
done
_log_writes_mark last
_log_writes_unmount
_log_writes_mark end
_log_writes_remove
_dmthin_check_fs >>$seqres.full || _fail "the disk itself"
for n in 1 2 3; do
  _log_writes_replay_log file.mark$n $DMTHIN_VOL_DEV
  _dmthin_mount
  seq $((n * 1000)) | cmp - $SCRATCH_MNT/file || _fail "file.mark$n"
  _dmthin_check_fs >>$seqres.full || _fail "file.mark$n"
done
_log_writes_replay_log end $DMTHIN_VOL_DEV
_dmthin_mount
seq 3000 | cmp - $SCRATCH_MNT/file || _fail end
_dmthin_check_fs >>$seqres.full || _fail end
echo "$n marks"
END
}

# The file system behind each flush.
each_fua() {
  cat >$tree/tests/each <<'END'
#!/bin/bash
. ./common/rc
_cleanup() { _log_writes_cleanup; _dmthin_cleanup; }
trap _cleanup EXIT
. ./common/dmthin
. ./common/dmlogwrites
_require_log_writes
_require_dm_target thin-pool
_dmthin_init 1 2 3 4
_log_writes_init $DMTHIN_VOL_DEV
_log_writes_mkfs >>$seqres.full 2>&1
_log_writes_mark mkfs
_log_writes_mount
for n in 1 2 3; do
  seq $((n * 1000)) >$SCRATCH_MNT/file$n
  sync $SCRATCH_MNT/file$n
done
_log_writes_unmount
_log_writes_remove
prev=$(_log_writes_mark_to_entry_number mkfs)
[ -n "$prev" ] || _fail "there is no mark"
cur=$(_log_writes_find_next_fua $prev)
[ -n "$cur" ] || _fail "there is no flush"
tried=0
while [ -n "$cur" ]; do
  _log_writes_replay_log_range $cur $DMTHIN_VOL_DEV
  _dmthin_mount
  _dmthin_check_fs >>$seqres.full || _fail "at $cur"
  tried=$((tried + 1))
  cur=$(_log_writes_find_next_fua $((cur + 1)))
done
[ $tried -ge 3 ] || _fail "$tried flushes"
echo "$tried flushes"
END
}

# The same on the scratch device itself, with no thin volume.
each_on_scratch() {
  cat >$tree/tests/scratch <<'END'
#!/bin/bash
. ./common/rc
_cleanup() { _log_writes_cleanup; }
trap _cleanup EXIT
. ./common/dmlogwrites
_require_log_writes
_log_writes_init $SCRATCH_DEV
_log_writes_mkfs >>$seqres.full 2>&1
_log_writes_mount
for n in 1 2 3; do
  seq $((n * 1000)) >$SCRATCH_MNT/file$n
  sync $SCRATCH_MNT/file$n
done
_log_writes_unmount
_log_writes_remove
disk=$SCRATCH_DEV
cur=$(_log_writes_find_next_fua $(_log_writes_mark_to_entry_number mkfs))
tried=0
while [ -n "$cur" ]; do
  _log_writes_replay_log_range $cur $SCRATCH_DEV >>$seqres.full
  [ $SCRATCH_DEV != $disk ] || _fail "replayed on the disk itself"
  _scratch_mount
  _scratch_unmount
  _check_scratch_fs $SCRATCH_DEV >>$seqres.full || _fail "at $cur"
  tried=$((tried + 1))
  cur=$(_log_writes_find_next_fua $((cur + 1)))
done
[ $tried -ge 3 ] || _fail "$tried flushes"
echo "$tried flushes"
END
}

# A test that has the program itself call a check, which must not be given the disk.
by_name() {
  cat >$tree/tests/by_name <<'END'
#!/bin/bash
here=$(pwd)
. ./common/rc
_cleanup() { _log_writes_cleanup; }
trap _cleanup EXIT
. ./common/dmlogwrites
_require_log_writes
_log_writes_init $SCRATCH_DEV
[ "$(zloop snapshots $SCRATCH_DEV | grep -c ^record-)" = 1 ] ||
  _fail "the record of a test before is there"
_log_writes_mkfs >>$seqres.full 2>&1
_log_writes_mount
replay_check() { # COMMAND
  $here/src/log-writes/replay-log --log "$LOGWRITES_DEV" \
    --replay $SCRATCH_DEV --check fua --fsck "$1" >>$seqres.full 2>&1
}
for n in 1 2 3; do
  seq $((n * 1000)) >$SCRATCH_MNT/file$n
  sync $SCRATCH_MNT/file$n
done
_log_writes_unmount
_log_writes_remove
devices=$seqres.devices
rm -f $devices
# Mounted once, since what is fsynced is not in the checkpoint.
replay_check "echo $SCRATCH_DEV >>$devices
  at=\$(mktemp -d) && mount -t f2fs $SCRATCH_DEV \$at && umount \$at &&
    fsck.f2fs --dry-run -f $SCRATCH_DEV" || _fail "the check"
! grep -qx $SCRATCH_DEV $devices || _fail "the disk itself was checked"
[ $(wc -l <$devices) -ge 3 ] || _fail "$(wc -l <$devices) flushes"
! replay_check "[ ! -b $SCRATCH_DEV ]" || _fail "a check that fails is no failure"
! $here/src/log-writes/replay-log --log "$LOGWRITES_DEV" --num-entries ||
  _fail "there was an answer to --num-entries"
echo "$(wc -l <$devices) flushes"
END
}

# One that ends with all that it made, as some do.
untidy() {
  cat >$tree/tests/untidy <<'END'
#!/bin/bash
. ./common/rc
. ./common/dmlogwrites
_log_writes_init $SCRATCH_DEV
_log_writes_mkfs >>$seqres.full 2>&1
_log_writes_remove
_log_writes_replay_log mkfs $SCRATCH_DEV
_scratch_mount
END
}

as_xfstests() { # TEST
  BASH_ENV=$adapter FSTYP=f2fs SCRATCH_DEV=$dev SCRATCH_MNT=/mnt/work \
    seqres=$tree/result ZLOOP_LOG_DIR=$base bash tests/"$1" 2>&1
}

behind_untidy() {
  cd $tree
  as_xfstests untidy
  contains "snapshots" "^record-" "$(zloop snapshots "$dev")"
  run by_name '^[0-9]+ flushes$'
}

run() { # TEST EXPECTED
  local out
  cd $tree
  out=$(as_xfstests "$1") || {
    echo "$out"
    tail -n 20 $tree/result.full
    return 1
  }
  contains "what $1 said" "$2" "$out"
  equal "left behind" disk "$(zloop snapshots "$dev")$(ls $base)"
}

# Without the adapter the stand-in says so.
without() {
  cd $tree
  contains "without" "failed: _require_log_writes" \
    "$(fails env SCRATCH_DEV="$dev" bash tests/marks)"
}

# A disk that is none of ours.
not_ours() {
  local rc=0
  cd $tree
  BASH_ENV=$adapter SCRATCH_DEV=/dev/null SCRATCH_MNT=/mnt/work \
    ZLOOP_LOG_DIR=$base seqres=$tree/result bash tests/marks || rc=$?
  equal "status" 77 $rc
}

tear_down
rm -rf $base $tree
mkdir -p $base /mnt/work
check "set up" start_stack
modprobe f2fs
dev=$(zloop add capacity_mb=2048,zone_size_mb=16,conv_zones=16 $base/disk)
stand_in
marks
each_fua
each_on_scratch
by_name
untidy
check "without the adapter" without
check "a disk of another kind is not used" not_ours
check "what was fsynced at each mark" run marks '^3 marks$'
check "the file system behind each flush" run each '^[0-9]+ flushes$'
check "the same without a thin volume" run scratch '^[0-9]+ flushes$'
check "replay-log called by name, behind a test that leaves its things" \
  behind_untidy
zloop remove $base/disk
tear_down
rm -rf $base
summary
