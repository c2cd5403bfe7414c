#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# The Python module, on a kernel: a disk that is there inside `with`, and the
# fixture of pytest.
set -eu
. "$(dirname "$0")/../lib.sh"

export PYTHONPATH=$ZLOOP_TOP/python PYTHONDONTWRITEBYTECODE=1
place=/data/python
python=/usr/bin/python3

only_zloop() {
  [ "$HANDLER" = zloop ] || skip_check "only for user:zloop"
}

nothing_is_left() {
  equal "disks" "[]" "$(zloop list --json $place | tr -d ' \n')"
  equal "files" "" "$(ls $place)"
}

temporary() {
  only_zloop
  mkdir -p $place
  $python "$ZLOOP_TOP/tests/vm/python_disk.py" $place
  nothing_is_left
}

fixture() {
  only_zloop
  $python -c 'import pytest' 2>/dev/null ||
    skip_check "python3-pytest is not installed"
  mkdir -p /run/pytest
  echo 'pytest_plugins = ["zloop"]' >/run/pytest/conftest.py
  cat >/run/pytest/test_disks.py <<'END'
import os
import pytest


@pytest.mark.parametrize("n", [1, 2])
def test_a_disk_each(zloop_disk, n):
    assert os.path.exists(zloop_disk.device)
    assert len(zloop_disk.zones("empty")) == 63
    zloop_disk.inject("read-only", zone=5)


@pytest.mark.zloop(capacity="64M", conv_zones=0)
def test_it_fails(zloop_disk):
    assert len(zloop_disk.zones()) == 5
END
  contains "pytest" "^1 failed, 2 passed" "$(cd /run/pytest &&
    fails $python -m pytest -q -p no:cacheprovider --basetemp=$place/tests .)"
  rm -r $place/tests
  nothing_is_left
}

tear_down
clean_place $place
check "set up" start_stack
check "a disk inside with" temporary
check "a disk per test" fixture
tear_down
summary
