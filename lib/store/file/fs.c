// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* What file system a directory is on, and how that was mounted. */
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/num.h"
#include "store/file/file.h"
#include "store/fs.h"

static const struct {
	const char *type; /* or "fuse.": all that begin so */
	enum fs_kind kind;
	uint32_t magic; /* statfs.f_type, 0: another row has it */
} kinds[] = {
	{ "nfs", FS_NFS, 0x6969 },	 { "nfs4", FS_NFS, 0 },
	{ "cifs", FS_SMB, 0xff534d42 },	 { "smb3", FS_SMB, 0xfe534d42 },
	{ "ceph", FS_CEPH, 0x00c36400 }, { "fuse.ceph-fuse", FS_CEPH_FUSE, 0 },
	{ "fuse.", FS_PROGRAM, 0 },	 { "fuse", FS_PROGRAM, 0x65735546 },
	{ "virtiofs", FS_PROGRAM, 0 },	 { "9p", FS_PROGRAM, 0x01021997 },
};

/*
 * mountinfo (proc(5)): ID PARENT DEV ROOT DIR OPTIONS [FIELDS…] - TYPE SOURCE
 * SUPEROPTIONS
 */
struct mount {
	int id;
	char *dir, *options, *type, *super;
};

/* Blanks and backslashes in a path are written \040. */
static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (s[0] == '\\' && strspn(s + 1, "01234567") >= 3) {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 |
				       (s[3] - '0'));
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = 0;
}

/* The fields are those of @line, which is changed. */
static bool parse_mount(char *line, struct mount *m)
{
	char *save, *word = strtok_r(line, " \n", &save);
	unsigned nr = 0;

	*m = (struct mount){ .id = word ? atoi(word) : 0 };
	while (word && strcmp(word, "-")) {
		if (nr == 4)
			m->dir = word;
		if (nr++ == 5)
			m->options = word;
		word = strtok_r(NULL, " \n", &save);
	}
	m->type = strtok_r(NULL, " \n", &save);
	strtok_r(NULL, " \n", &save);
	m->super = strtok_r(NULL, " \n", &save);
	if (!m->options || !m->type || !m->super)
		return false;
	unescape(m->dir);
	return true;
}

static enum fs_kind kind_of_type(const char *type)
{
	for (size_t i = 0; i < ZL_ARRAY_SIZE(kinds); i++) {
		size_t len = strlen(kinds[i].type);

		if (!strcmp(type, kinds[i].type) ||
		    (kinds[i].type[len - 1] == '.' &&
		     !strncmp(type, kinds[i].type, len)))
			return kinds[i].kind;
	}
	return FS_LOCAL;
}

static void take_mount(const struct mount *m, struct fs *fs)
{
	memset(fs, 0, sizeof(*fs));
	fs->kind = kind_of_type(m->type);
	fs->mount_id = m->id;
	snprintf(fs->type, sizeof(fs->type), "%s", m->type);
	snprintf(fs->options, sizeof(fs->options), "%s,%s", m->options,
		 m->super);
	if (fs->kind == FS_NFS)
		fs_option(fs, "vers", fs->version, sizeof(fs->version));
}

/* How much of @path its mount point is: the longest has it.  0: it is not in
 * there. */
static size_t covers(const char *dir, const char *path)
{
	size_t len = strlen(dir);

	if (len == 1)
		return 1;
	return !strncmp(dir, path, len) && (path[len] == '/' || !path[len])
		       ? len
		       : 0;
}

/* @path, or if that is NULL @id.  Of several in one place the last is seen. */
static bool find(FILE *f, int id, const char *path, struct fs *fs)
{
	char *line = NULL;
	size_t size = 0, best = 0, len;
	struct mount m;

	while (getline(&line, &size, f) >= 0) {
		if (!parse_mount(line, &m))
			continue;
		len = path ? covers(m.dir, path) : m.id == id;
		if (len < best || !len)
			continue;
		best = len;
		take_mount(&m, fs);
	}
	free(line);
	return best;
}

bool fs_read_id(FILE *mountinfo, int mount_id, struct fs *fs)
{
	return find(mountinfo, mount_id, NULL, fs);
}

bool fs_read_path(FILE *mountinfo, const char *path, struct fs *fs)
{
	return find(mountinfo, 0, path, fs);
}

/* 0: it cannot be found out. */
static int mount_id(int fd)
{
	char path[48], line[128];
	int id = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	if (!f)
		return 0;
	while (!id && fgets(line, sizeof(line), f))
		if (sscanf(line, "mnt_id: %d", &id) != 1)
			id = 0;
	fclose(f);
	return id;
}

static enum fs_kind kind_of_magic(int fd)
{
	struct statfs sf;

	if (fstatfs(fd, &sf))
		return FS_LOCAL;
	for (size_t i = 0; i < ZL_ARRAY_SIZE(kinds); i++)
		if (kinds[i].magic && kinds[i].magic == (uint32_t)sf.f_type)
			return kinds[i].kind;
	return FS_LOCAL;
}

void fs_of(int fd, struct fs *fs)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	bool found = f && fs_read_id(f, mount_id(fd), fs);

	if (f)
		fclose(f);
	if (found)
		return;
	memset(fs, 0, sizeof(*fs));
	fs->kind = kind_of_magic(fd);
}

const struct fs *store_file_fs(const struct store *st)
{
	return &((const struct store_file *)st)->fs;
}

/*
 * The table of mounts in memory, for who asks of many paths.  proc(5): poll()
 * says when it has changed since it was asked last, to one of those who share a
 * descriptor; so a child has its own.
 */
static struct {
	pthread_mutex_t lock;
	FILE *f;
	pid_t pid;
	char *text;
} mounts = { .lock = PTHREAD_MUTEX_INITIALIZER };

static bool mounts_are_known(void)
{
	struct pollfd p = { .events = POLLPRI };

	if (!mounts.f || mounts.pid != getpid())
		return false;
	p.fd = fileno(mounts.f);
	return !poll(&p, 1, 0) && mounts.text;
}

static void read_mounts(void)
{
	size_t room = 0;

	if (mounts.f && mounts.pid != getpid())
		mounts.f = freopen("/proc/self/mountinfo", "re", mounts.f);
	else if (mounts.f)
		rewind(mounts.f);
	else
		mounts.f = fopen("/proc/self/mountinfo", "re");
	mounts.pid = getpid();
	free(mounts.text);
	mounts.text = NULL;
	if (mounts.f && getdelim(&mounts.text, &room, 0, mounts.f) < 0) {
		free(mounts.text);
		mounts.text = NULL;
	}
}

bool fs_of_path(const char *path, struct fs *fs)
{
	bool found = false;
	FILE *f = NULL;

	pthread_mutex_lock(&mounts.lock);
	if (!mounts_are_known())
		read_mounts();
	if (mounts.text)
		f = fmemopen(mounts.text, strlen(mounts.text), "r");
	if (f) {
		found = fs_read_path(f, path, fs);
		fclose(f);
	}
	pthread_mutex_unlock(&mounts.lock);
	return found;
}

bool fs_option(const struct fs *fs, const char *option, char *value,
	       size_t size)
{
	size_t len = strlen(option), end;
	const char *s = fs->options;

	for (; *s; s += end + (s[end] == ',')) {
		end = strcspn(s, ",");
		if (end < len || strncmp(s, option, len))
			continue;
		if (end > len && s[len] != '=')
			continue;
		if (value)
			snprintf(value, size, "%.*s",
				 (int)(end > len ? end - len - 1 : 0),
				 s + len + (end > len));
		return true;
	}
	return false;
}
