// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* See machine.h. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "machine.h"

char machine_dir[4096];

void machine_put(const char *path, const char *text)
{
	char command[1024];
	FILE *f;

	snprintf(command, sizeof(command), "mkdir -p \"$(dirname '%s')\"",
		 path);
	assert_int_equal(system(command), 0);
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "%s\n", text);
	assert_int_equal(fclose(f), 0);
}

int machine_enter(void **state)
{
	static const char lun[] = TARGET "/loopback/naa.5/tpgt_1/lun/lun_0";
	char info[4300];

	if (work_enter(state) || !getcwd(machine_dir, sizeof(machine_dir)))
		return -1;
	setenv("ZLOOP_SYSTEM_ROOT", "root", 1);
	setenv("ZLOOP_RUN_DIR", machine_dir, 1);
	machine_put("root/sys/module/target_core_user/parameters/block_netlink",
		    "unblocked");
	machine_put("root/sys/module/tcm_loop/refcnt", "0");
	machine_put("root/sys/module/iscsi_target_mod/refcnt", "0");
	machine_put("root/proc/77/comm", "tcmu-runner");
	machine_put("root/proc/77/maps", "7f00 /usr/lib/handler_zloop.so");
	machine_put("root/proc/self/mountinfo",
		    "26 1 65:0 / /mnt rw - xfs /dev/sdq rw");
	snprintf(info, sizeof(info),
		 "Status: ACTIVATED\n        Config: zloop/@%.4000s/disks/0  "
		 "Size: 8388608 MaxDataAreaMB: 8",
		 machine_dir);
	machine_put(TARGET "/core/user_0/z0/info", info);
	machine_put(TARGET "/core/user_0/z0/enable", "1");
	machine_put(TARGET "/core/user_0/z0/wwn/vpd_unit_serial",
		    "T10 VPD Unit Serial Number: 0123456789abcdef");
	machine_put(TARGET "/loopback/naa.5/tpgt_1/address", "3:0:1");
	machine_put("root/sys/bus/scsi/devices/3:0:1:0/block/sdq/size",
		    "16384");
	machine_put("root/sys/block/sdq/dev", "65:0");
	mkdir(TARGET "/loopback/naa.5/tpgt_1/lun", 0755);
	mkdir(lun, 0755);
	mkdir("disks", 0755);
	return symlink("../../../../../core/user_0/z0",
		       TARGET "/loopback/naa.5/tpgt_1/lun/lun_0/z0");
}

int machine_leave(void **state)
{
	unsetenv("ZLOOP_SYSTEM_ROOT");
	unsetenv("ZLOOP_RUN_DIR");
	return work_leave(state);
}
