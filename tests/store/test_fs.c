// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* What file system something is on, and what its mount options mean. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"
#include "ops.h"
#include "skip.h"
#include "store/fs.h"

/* As Linux 6.1 writes them. */
static const char mountinfo[] =
	"20 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
	"31 20 0:41 / /srv rw,relatime shared:9 master:1 - nfs4 a:/ "
	"rw,vers=4.2,rsize=524288,hard,proto=tcp,timeo=600,local_lock=none\n"
	"32 31 0:42 / /srv/with\\040blank ro - nfs a:/x "
	"rw,vers=3,soft,nolock,local_lock=all,addr=127.0.0.1\n"
	"33 20 0:43 / /mnt/ceph rw - ceph 127.0.0.1:/ "
	"rw,name=admin,secret=<hidden>,acl\n"
	"34 20 0:44 / /mnt/fuse rw - fuse.ceph-fuse ceph-fuse "
	"rw,user_id=0,group_id=0\n"
	"35 20 0:45 / /mnt/sshfs rw - fuse.sshfs host: rw,user_id=0\n"
	"36 20 0:46 / /over rw - tmpfs none rw\n"
	"37 20 0:47 / /over rw - cifs //a/b rw,vers=3.1.1,soft,nobrl\n"
	"38 20 broken\n"
	"39 20 0:48 / /old rw - nfs a:/y rw,vers=3,hard,local_lock=none\n"
	"40 20 0:49 / /flock rw - nfs a:/z rw,vers=3,local_lock=flock\n"
	"41 20 0:50 / /posix rw - nfs a:/z rw,vers=3,local_lock=posix\n";

static void find(const char *path, struct fs *fs)
{
	FILE *f = fmemopen((void *)mountinfo, strlen(mountinfo), "r");

	assert_non_null(f);
	assert_true(fs_read_path(f, path, fs));
	fclose(f);
}

static const struct {
	const char *path, *type, *version;
	enum fs_kind kind;
	enum fs_locks locks;
	enum store_fence fence;
} rows[] = {
	{ "/x", "ext4", "", FS_LOCAL, FS_LOCKS_HERE, STORE_FENCE_NONE },
	{ "/", "ext4", "", FS_LOCAL, FS_LOCKS_HERE, STORE_FENCE_NONE },
	{ "/srvx", "ext4", "", FS_LOCAL, FS_LOCKS_HERE, STORE_FENCE_NONE },
	{ "/srv", "nfs4", "4.2", FS_NFS, FS_LOCKS_SEEN, STORE_FENCE_LOCKED },
	{ "/srv/d/0", "nfs4", "4.2", FS_NFS, FS_LOCKS_SEEN,
	  STORE_FENCE_LOCKED },
	{ "/srv/with blank/d", "nfs", "3", FS_NFS, FS_LOCKS_UNSEEN,
	  STORE_FENCE_NONE },
	{ "/old", "nfs", "3", FS_NFS, FS_LOCKS_SEEN, STORE_FENCE_NONE },
	{ "/flock", "nfs", "3", FS_NFS, FS_LOCKS_UNSEEN, STORE_FENCE_NONE },
	{ "/posix", "nfs", "3", FS_NFS, FS_LOCKS_SEEN, STORE_FENCE_NONE },
	{ "/mnt/ceph", "ceph", "", FS_CEPH, FS_LOCKS_SEEN, STORE_FENCE_ALL },
	{ "/mnt/fuse", "fuse.ceph-fuse", "", FS_CEPH_FUSE, FS_LOCKS_SEEN,
	  STORE_FENCE_ALL },
	{ "/mnt/sshfs", "fuse.sshfs", "", FS_PROGRAM, FS_LOCKS_UNKNOWN,
	  STORE_FENCE_NONE },
	{ "/over/d", "cifs", "", FS_SMB, FS_LOCKS_UNSEEN, STORE_FENCE_NONE },
};

static void by_path(void **state)
{
	struct fs fs;

	(void)state;
	for (unsigned i = 0; i < ZL_ARRAY_SIZE(rows); i++) {
		find(rows[i].path, &fs);
		if (strcmp(fs.type, rows[i].type) ||
		    strcmp(fs.version, rows[i].version) ||
		    fs.kind != rows[i].kind || fs_locks(&fs) != rows[i].locks ||
		    fs_fence(&fs) != rows[i].fence ||
		    fs_is_remote(&fs) != (rows[i].kind != FS_LOCAL))
			fail_msg("%s: %s %s, kind %d, locks %d, fence %d",
				 rows[i].path, fs.type, fs.version, fs.kind,
				 fs_locks(&fs), fs_fence(&fs));
	}
}

static void by_id(void **state)
{
	FILE *f = fmemopen((void *)mountinfo, strlen(mountinfo), "r");
	struct fs fs;

	(void)state;
	assert_true(fs_read_id(f, 33, &fs));
	assert_string_equal(fs.type, "ceph");
	rewind(f);
	assert_false(fs_read_id(f, 38, &fs));
	rewind(f);
	assert_false(fs_read_id(f, 99, &fs));
	fclose(f);
}

static void options(void **state)
{
	char value[16] = "untouched";
	struct fs fs;

	(void)state;
	find("/srv/with blank", &fs);
	assert_true(fs_option(&fs, "ro", NULL, 0));
	assert_true(fs_option(&fs, "vers", value, sizeof(value)));
	assert_string_equal(value, "3");
	assert_true(fs_option(&fs, "nolock", value, sizeof(value)));
	assert_string_equal(value, "");
	assert_false(fs_option(&fs, "lock", NULL, 0));
	assert_false(fs_option(&fs, "local", NULL, 0));
}

/* This directory's. */
static void by_descriptor(void **state)
{
	char *dir = tmp_make();
	struct store *st = tmp_open(dir);
	struct fs fs;

	(void)state;
	assert_true(fs_of_path(dir, &fs));
	assert_string_equal(store_file_fs(st)->type, fs.type);
	assert_string_equal(store_file_fs(st)->options, fs.options);
	assert_true(fs_option(&fs, "rw", NULL, 0));
	store_close(st);
	tmp_remove(dir);
}

static void keep(void *user, const char *sentence)
{
	strcat(user, sentence);
	strcat(user, "\n");
}

/* How many sentences, with those words in one of them. */
static const struct {
	const char *path;
	unsigned nr;
	const char *words[2];
} doubted[] = {
	{ "/x", 0, { NULL } },
	{ "/srv/d", 0, { NULL } },
	{ "/srv/with blank", 3, { "with nolock: ", "with soft: " } },
	{ "/old", 1, { "with vers=3: " } },
	{ "/flock", 2, { "with local_lock=flock: ", "with vers=3: " } },
	{ "/mnt/ceph", 0, { NULL } },
	{ "/mnt/fuse", 0, { NULL } },
	{ "/mnt/sshfs", 1, { "type fuse.sshfs: " } },
	{ "/over", 2, { "with nobrl: ", "with soft: " } },
};

static void doubts(void **state)
{
	char text[2048];
	unsigned nr;
	struct fs fs;

	(void)state;
	for (unsigned i = 0; i < ZL_ARRAY_SIZE(doubted); i++) {
		text[0] = 0;
		nr = 0;
		find(doubted[i].path, &fs);
		fs_each_doubt(&fs, keep, text);
		for (const char *s = text; *s; s++)
			nr += *s == '\n';
		if (nr != doubted[i].nr)
			fail_msg("%s: %s", doubted[i].path, text);
		for (unsigned w = 0; w < 2 && doubted[i].words[w]; w++)
			if (!strstr(text, doubted[i].words[w]))
				fail_msg("%s: not %s in %s", doubted[i].path,
					 doubted[i].words[w], text);
	}
}

static int count_name(void *user, const char *name)
{
	unsigned *nr = user;

	(*nr)++;
	return strcmp(name, ".nfs") && name[0] == '.' ? -EEXIST : 0;
}

/* What is deleted is not there, though it has a name until it is closed. */
static void deleted_names(void **state)
{
	static const char *const names[] = {
		".nfs000000000000012300000001",
		".fuse_hidden0000000500000001",
		"seq-000001",
		".nfs",
	};
	char *dir = tmp_make(), path[128];
	struct store *st = tmp_open(dir);
	unsigned nr = 0;

	(void)state;
	for (size_t i = 0; i < ZL_ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		assert_int_equal(close(open(path, O_CREAT | O_WRONLY, 0600)),
				 0);
	}
	assert_int_equal(store_list(st, count_name, &nr), 0);
	assert_int_equal(nr, 2);
	assert_false(fs_is_deleted_name(".nfs00000000000001230000000g"));
	assert_false(fs_is_deleted_name(".nfs000000000000012300000001.txt"));
	assert_false(fs_is_deleted_name(".nfs0001"));
	store_close(st);
	tmp_remove(dir);
}

/* The table is read again when a file system is mounted, and only then. */
static void a_mount_is_seen(void **state)
{
	char *dir = tmp_make();
	struct fs before, after;
	int status;
	pid_t pid;

	(void)state;
	assert_true(fs_of_path(dir, &before));
	pid = fork();
	if (!pid) {
		if (unshare(CLONE_NEWNS) ||
		    mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		    !fs_of_path(dir, &before) ||
		    mount("zl", dir, "tmpfs", 0, NULL))
			_exit(77);
		_exit(!fs_of_path(dir, &after) || strcmp(after.type, "tmpfs") ||
		      after.mount_id == before.mount_id ||
		      !fs_of_path(dir, &after) || umount(dir) ||
		      !fs_of_path(dir, &after) ||
		      after.mount_id != before.mount_id);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(fs_of_path(dir, &after));
	assert_int_equal(after.mount_id, before.mount_id);
	tmp_remove(dir);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip_test("nothing can be mounted here");
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_path),
		cmocka_unit_test(by_id),
		cmocka_unit_test(options),
		cmocka_unit_test(by_descriptor),
		cmocka_unit_test(doubts),
		cmocka_unit_test(deleted_names),
		cmocka_unit_test(a_mount_is_seen),
	};

	return skip_run_tests(tests, NULL, NULL);
}
