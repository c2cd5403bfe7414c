// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Whether a directory is a mount point on which nothing is mounted: a disk made
 * there would be hidden as soon as the file system is.
 */
#include <ctype.h>
#include <limits.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "disk/disk.h"
#include "disk/life/mountpoint.h"

/* Where systemd looks for units (systemd.unit(5)). */
static const char *const unit_dirs[] = {
	"/etc/systemd/system",	   "/run/systemd/system",
	"/run/systemd/generator",  "/usr/local/lib/systemd/system",
	"/usr/lib/systemd/system", "/lib/systemd/system",
};

/* Whether @dir is the directory of an entry of @file. */
static bool table_names(const char *file, const char *dir,
			bool (*same)(const char *ent_dir, const char *dir,
				     const void *user),
			const void *user)
{
	FILE *f = setmntent(file, "re");
	char buf[8192];
	struct mntent ent;
	bool found = false;

	if (!f)
		return false;
	while (!found && getmntent_r(f, &ent, buf, sizeof(buf)))
		found = same(ent.mnt_dir, dir, user);
	endmntent(f);
	return found;
}

static bool same_text(const char *ent_dir, const char *dir, const void *user)
{
	(void)user;
	return !strcmp(ent_dir, dir);
}

/* In fstab, written by people: links are followed, but not through what is
 * mounted, which may be a server that does not answer. */
static bool same_dir(const char *ent_dir, const char *dir, const void *mounts)
{
	char real[PATH_MAX];

	if (!strcmp(ent_dir, dir))
		return true;
	return ent_dir[0] == '/' &&
	       !table_names(mounts, ent_dir, same_text, NULL) &&
	       realpath(ent_dir, real) && !strcmp(real, dir);
}

/* A mount unit has its mount point's name (systemd.unit(5), "escaping"). */
static void unit_name(const char *dir, char *out, size_t size)
{
	size_t n = 0;

	for (const char *p = dir + 1; *p && n + 12 < size; p++) {
		unsigned char c = (unsigned char)*p;

		if (c == '/')
			out[n++] = '-';
		else if (isalnum(c) || strchr("_:", c) || (c == '.' && n))
			out[n++] = (char)c;
		else
			n += (size_t)sprintf(out + n, "\\x%02x", c);
	}
	strcpy(out + n, ".mount");
}

static bool unit_names(const char *root, const char *dir, char *who, size_t len)
{
	char name[NAME_MAX + 1];

	unit_name(dir, name, sizeof(name));
	for (size_t i = 0; i < ZL_ARRAY_SIZE(unit_dirs); i++) {
		snprintf(who, len, "%s%s/%s", root, unit_dirs[i], name);
		if (!access(who, F_OK))
			return true;
	}
	return false;
}

bool mountpoint_is_unmounted(const char *root, const char *dir, char *who,
			     size_t len)
{
	char mounts[PATH_MAX], fstab[PATH_MAX], real[PATH_MAX];

	if (!realpath(dir, real) || !real[1])
		return false;
	snprintf(mounts, sizeof(mounts), "%s/proc/self/mounts", root);
	if (table_names(mounts, real, same_text, NULL))
		return false;
	snprintf(fstab, sizeof(fstab), "%s/etc/fstab", root);
	snprintf(who, len, "%s", fstab);
	return table_names(fstab, real, same_dir, mounts) ||
	       unit_names(root, real, who, len);
}

bool disk_dir_is_unmounted(const char *dir, char *who, size_t size)
{
	return mountpoint_is_unmounted("", dir, who, size);
}
