// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The command on a machine all of whose directories are on NFS 4.2. */
#include "fault/mounts.h"

__attribute__((constructor)) static void on_nfs(void)
{
	mounts_type = "nfs4";
	mounts_options = "rw,vers=4.2,hard";
}
