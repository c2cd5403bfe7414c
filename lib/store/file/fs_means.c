// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* What a file system and its mount options mean for a disk. */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "store/fs.h"

static bool has(const struct fs *fs, const char *option)
{
	return fs_option(fs, option, NULL, 0);
}

bool fs_is_remote(const struct fs *fs)
{
	return fs->kind != FS_LOCAL;
}

/* NFS 4 knows neither (nfs4_validate_mount_flags()); without NLM, which NFS 3
 * has its locks from, both kinds are local. */
static bool nfs_locks_are_local(const struct fs *fs)
{
	char which[16] = "";

	if (has(fs, "nolock"))
		return true;
	fs_option(fs, "local_lock", which, sizeof(which));
	return !strcmp(which, "flock") || !strcmp(which, "all");
}

enum fs_locks fs_locks(const struct fs *fs)
{
	switch (fs->kind) {
	case FS_LOCAL:
		return FS_LOCKS_HERE;
	case FS_NFS:
		return nfs_locks_are_local(fs) ? FS_LOCKS_UNSEEN
					       : FS_LOCKS_SEEN;
	case FS_SMB:
		return has(fs, "nobrl") ? FS_LOCKS_UNSEEN : FS_LOCKS_SEEN;
	case FS_CEPH:
	case FS_CEPH_FUSE:
		return FS_LOCKS_SEEN;
	case FS_PROGRAM:
		break;
	}
	return FS_LOCKS_UNKNOWN;
}

enum store_fence fs_fence(const struct fs *fs)
{
	if (fs->kind == FS_NFS && fs->version[0] == '4')
		return STORE_FENCE_LOCKED;
	if (fs->kind == FS_CEPH || fs->kind == FS_CEPH_FUSE)
		return STORE_FENCE_ALL;
	return STORE_FENCE_NONE;
}

bool fs_sizes_get_old(const struct fs *fs)
{
	return fs->kind == FS_NFS || fs->kind == FS_SMB ||
	       fs->kind == FS_PROGRAM;
}

bool fs_leases_tell(const struct fs *fs)
{
	return fs->kind != FS_NFS && fs->kind != FS_SMB && fs->kind != FS_CEPH;
}

bool fs_syncs_all(const struct fs *fs)
{
	return fs->kind != FS_PROGRAM && fs->kind != FS_CEPH_FUSE &&
	       fs->kind != FS_SMB && strcmp(fs->type, "overlay");
}

bool fs_is_deleted_name(const char *name)
{
	static const struct {
		const char *prefix;
		size_t min_digits;
	} rows[] = { { ".nfs", 24 }, { ".fuse_hidden", 16 } };

	for (size_t i = 0; i < ZL_ARRAY_SIZE(rows); i++) {
		size_t len = strlen(rows[i].prefix), digits;

		if (strncmp(name, rows[i].prefix, len))
			continue;
		digits = strspn(name + len, "0123456789abcdef");
		return digits >= rows[i].min_digits && !name[len + digits];
	}
	return false;
}

static const char unseen[] =
	"other machines do not see that a disk is open here, and could open it "
	"as well; mount it without that, or see to it that no other machine "
	"uses it";
static const char fails[] =
	"reads, writes and syncs fail where the server takes too long, and "
	"with a sync blocks are lost; mount it with hard";

static const struct doubt {
	enum fs_kind kind; /* of this one only */
	const char *option, *value, *means;
} doubts[] = {
	{ FS_NFS, "nolock", NULL, unseen },
	{ FS_NFS, "local_lock", "flock", unseen },
	{ FS_NFS, "local_lock", "all", unseen },
	{ FS_SMB, "nobrl", NULL, unseen },
	{ FS_NFS, "soft", NULL, fails },
	{ FS_NFS, "softerr", NULL, fails },
	{ FS_SMB, "soft", NULL, fails },
	{ FS_NFS, "nocto", NULL,
	  "opening a disk that another machine had does not ask the server how "
	  "far its zones are written; mount it with cto" },
	{ FS_NFS, "vers", "3",
	  "the lock of a machine that vanished stays until that is back, and "
	  "nothing keeps it from writing then; mount it with vers=4.2" },
	{ FS_CEPH, "recover_session", "clean",
	  "a machine that was cut off goes on writing when it is back, though "
	  "another may have taken over; mount it with recover_session=no" },
};

static bool applies(const struct fs *fs, const struct doubt *d)
{
	char value[32];

	return fs->kind == d->kind &&
	       fs_option(fs, d->option, value, sizeof(value)) &&
	       (!d->value || !strcmp(value, d->value));
}

static void tell(const struct doubt *d,
		 void (*fn)(void *user, const char *sentence), void *user)
{
	char sentence[384];

	snprintf(sentence, sizeof(sentence),
		 "is on a file system mounted with %s%s%s: %s", d->option,
		 d->value ? "=" : "", d->value ? d->value : "", d->means);
	fn(user, sentence);
}

void fs_each_doubt(const struct fs *fs,
		   void (*fn)(void *user, const char *sentence), void *user)
{
	const char *told = NULL;
	char sentence[256];

	/* One of several that mean the same is enough: nolock comes with
	 * local_lock=all. */
	for (size_t i = 0; i < ZL_ARRAY_SIZE(doubts); i++)
		if (applies(fs, &doubts[i]) && told != doubts[i].means) {
			told = doubts[i].means;
			tell(&doubts[i], fn, user);
		}
	if (fs_locks(fs) != FS_LOCKS_UNKNOWN)
		return;
	snprintf(sentence, sizeof(sentence),
		 "is on a file system of the type %s: whether other machines "
		 "see that a disk is open here is not known; see to it that "
		 "none uses it",
		 fs->type);
	fn(user, sentence);
}
