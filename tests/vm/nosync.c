// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Preloaded into tcmu-runner: every sync succeeds and does nothing.  What the
 * suite of power losses then finds is what it is there to find.
 */
int fdatasync(int fd);
int fsync(int fd);
int syncfs(int fd);

__attribute__((visibility("default"))) int fdatasync(int fd)
{
	(void)fd;
	return 0;
}

__attribute__((visibility("default"))) int fsync(int fd)
{
	(void)fd;
	return 0;
}

__attribute__((visibility("default"))) int syncfs(int fd)
{
	(void)fd;
	return 0;
}
