// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* See fake.h. */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <ftw.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/refusal.h"
#include "lio/fake.h"

struct fake_state *fake;
struct lio fake_lio;
static char root[64];

const struct lio_backstore_args fake_args = {
	.name = "zloop0",
	.config = "@/srv/zloop/0",
	.unit_serial = "0123456789abcdef",
	.size_bytes = UINT64_C(2) << 30,
	.block_bytes = 4096,
	.max_xfer_bytes = 1 << 20,
	.min_data_area_mib = 128,
};

/* printf() into an array of PATH_MAX, which is large enough. */
__attribute__((format(printf, 2, 3))) static void join(char *buf,
						       const char *fmt, ...)
{
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(buf, PATH_MAX, fmt, ap);
	va_end(ap);
	assert_in_range(len, 0, PATH_MAX - 1);
}

static const char *full(const char *path)
{
	static char buf[2][PATH_MAX];
	static unsigned next;
	char *out = buf[next++ % 2];

	join(out, "%s%s", root, path);
	return out;
}

static void make_parents(const char *path)
{
	char dir[PATH_MAX];

	for (const char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
		join(dir, "%.*s", (int)(p - path), path);
		mkdir(full(dir), 0755);
	}
}

void fake_put(const char *path, const char *text)
{
	FILE *f;

	make_parents(path);
	f = fopen(full(path), "w");
	assert_non_null(f);
	fprintf(f, "%s\n", text);
	assert_int_equal(fclose(f), 0);
}

/* A socket: open() says ENXIO, as of a device that is not there yet. */
static void fake_put_dead(const char *path)
{
	make_parents(path);
	assert_int_equal(mknod(full(path), S_IFSOCK | 0600, 0), 0);
}

const char *fake_get(const char *path)
{
	static char text[4096];
	FILE *f = fopen(full(path), "r");
	size_t len;

	assert_non_null(f);
	len = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	while (len && text[len - 1] == '\n')
		len--;
	text[len] = 0;
	return text;
}

bool fake_has(const char *path)
{
	struct stat sb;

	return !lstat(full(path), &sb);
}

static int remove_entry(const char *path, const struct stat *sb, int type,
			struct FTW *ftw)
{
	(void)sb, (void)type, (void)ftw;
	return remove(path);
}

static void remove_tree(const char *path)
{
	nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

void fake_drop(const char *path)
{
	remove_tree(full(path));
}

unsigned fake_count(const char *pattern)
{
	unsigned nr = 0;
	glob_t g;

	if (!glob(full(pattern), 0, NULL, &g)) {
		nr = (unsigned)g.gl_pathc;
		globfree(&g);
	}
	return nr;
}

/*
 * What configfs does.
 */

/* The part of a path that the fake kernel looks at. */
static const char *below_root(const char *path)
{
	return path + strlen(root);
}

static bool is(const char *path, const char *pattern)
{
	char whole[PATH_MAX];

	join(whole, FAKE_TARGET "/%s", pattern);
	return !fnmatch(whole, below_root(path), FNM_PATHNAME);
}

static int counted(void)
{
	char cwd[PATH_MAX];

	fake->stays |= !getcwd(cwd, sizeof(cwd)) || strcmp(cwd, "/");
	fake->inherits |= fcntl(FAKE_FD, F_GETFD) >= 0;
	return ++fake->changes == fake->fail_at ? -EIO : 0;
}

/* Files and default groups that come with a directory; a '/' ends a group. */
static const struct {
	const char *pattern, *child, *text;
} children[] = {
	{ "core/user_*/*", "info", "" },
	{ "core/user_*/*", "control", "" },
	{ "core/user_*/*", "enable", "0" },
	{ "core/user_*/*", "attrib/max_data_area_mb", "8" },
	{ "core/user_*/*", "attrib/cmd_ring_size_mb", "8" },
	{ "core/user_*/*", "wwn/vpd_unit_serial",
	  "T10 VPD Unit Serial Number: " },
	{ "loopback/*/tpgt_*", "nexus", "" },
	{ "loopback/*/tpgt_*", "address", "3:0:1" },
	{ "loopback/*/tpgt_*", "lun/", NULL },
	{ "iscsi/*/tpgt_*", "attrib/authentication", "-1" },
	{ "iscsi/*/tpgt_*", "attrib/generate_node_acls", "-1" },
	{ "iscsi/*/tpgt_*", "attrib/demo_mode_write_protect", "-1" },
	{ "iscsi/*/tpgt_*", "enable", "0" },
	{ "iscsi/*/tpgt_*", "dynamic_sessions", "" },
	{ "iscsi/*/tpgt_*", "lun/", NULL },
	{ "iscsi/*/tpgt_*", "np/", NULL },
	{ "iscsi/*/tpgt_*", "acls/", NULL },
	{ "iscsi/*/tpgt_*/acls/*", "auth/userid", "" },
	{ "iscsi/*/tpgt_*/acls/*", "auth/password", "" },
	{ "iscsi/*/tpgt_*/acls/*", "info",
	  "No active iSCSI Session for Initiator Endpoint: …" },
	{ "*/*/tpgt_*/lun/lun_*", "alua_tg_pt_gp", "" },
	{ "*/*/tpgt_*/acls/*/lun_*", "write_protect", "0" },
};
#define NR_CHILDREN (sizeof(children) / sizeof(children[0]))

static int fake_make_dir(const char *path)
{
	char child[PATH_MAX];
	int ret = counted();

	if (!ret && mkdir(path, 0755))
		ret = -errno;
	for (size_t i = 0; i < NR_CHILDREN && !ret; i++) {
		if (!is(path, children[i].pattern))
			continue;
		join(child, "%s/%s", below_root(path), children[i].child);
		if (children[i].text)
			fake_put(child, children[i].text);
		else
			make_parents(child);
	}
	return ret;
}

/* Only what somebody made keeps a directory. */
static bool is_kept(const char *path)
{
	static const char *const made[] = { "lun/lun_*", "np/*", "acls/*",
					    "lun_*", "tpgt_*" };
	char pattern[PATH_MAX];
	bool kept = false;
	glob_t g;

	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
		join(pattern, "%s/%s", below_root(path), made[i]);
		kept = kept || fake_count(pattern);
	}
	if (is(path, "core/user_*")) {
		join(pattern, "%s/*", below_root(path));
		kept = fake_count(pattern);
	}
	join(pattern, "%s/*", path);
	if (glob(pattern, 0, NULL, &g))
		return kept;
	for (size_t i = 0; i < g.gl_pathc; i++) {
		struct stat sb;

		kept = kept ||
		       (!lstat(g.gl_pathv[i], &sb) && S_ISLNK(sb.st_mode));
	}
	globfree(&g);
	return kept;
}

static int fake_remove_dir(const char *path)
{
	int ret = counted();

	if (ret)
		return ret;
	if (access(path, F_OK))
		return -ENOENT;
	if (is_kept(path))
		return -ENOTEMPTY;
	remove_tree(path);
	return 0;
}

static void make_disk(void)
{
	fake_put("/sys/bus/scsi/devices/3:0:1:0/block/sdq/size", "4194304");
	fake_put("/sys/block/sdq/size", "4194304");
	fake_put("/sys/block/sdq/dev", "65:0");
	fake_put("/sys/block/sdq/queue/zoned", "host-managed");
	fake_put("/sys/block/sdq/queue/nr_zones", fake->no_zones ? "0" : "32");
	if (fake->no_device)
		fake_put_dead("/dev/sdq");
	else
		fake_put("/dev/sdq", "");
}

static int fake_make_link(const char *to, const char *path)
{
	int ret = counted();

	if (!ret && access(to, F_OK))
		ret = -ENOENT;
	if (!ret && symlink(to, path))
		ret = -errno;
	if (!ret && is(path, "loopback/*/tpgt_1/lun/lun_0/*") && !fake->no_disk)
		make_disk();
	return ret;
}

static int fake_remove_link(const char *path)
{
	int ret = counted();

	if (!ret && unlink(path))
		ret = -errno;
	if (!ret && is(path, "loopback/*/tpgt_1/lun/lun_0/*")) {
		fake_drop("/sys/bus/scsi/devices/3:0:1:0");
		fake_drop("/sys/block/sdq");
		fake_drop("/dev/sdq");
	}
	return ret;
}

/* The kernel keeps each value; info shows two of them. */
static void control(const char *path, const char *text)
{
	char dir[PATH_MAX], file[PATH_MAX], config[512], size[64], info[1024];
	const char *eq = strchr(text, '=');

	join(dir, "%.*s", (int)(strrchr(path, '/') - path - strlen(root)),
	     below_root(path));
	join(file, "%s/.%.*s", dir, (int)(eq - text), text);
	fake_put(file, eq + 1);
	join(file, "%s/.dev_config", dir);
	snprintf(config, sizeof(config), "%s",
		 fake_has(file) ? fake_get(file) : "NULL");
	join(file, "%s/.dev_size", dir);
	snprintf(size, sizeof(size), "%.60s",
		 fake_has(file) ? fake_get(file) : "0");
	snprintf(info, sizeof(info),
		 "Status: DEACTIVATED  Max Queue Depth: 0  SectorSize: 4096  "
		 "HwMaxSectors: 256\n        Config: %s  Size: %s "
		 "MaxDataAreaMB: 8 DataPagesPerBlk: 1",
		 config, size);
	join(file, "%s/info", dir);
	fake_put(file, info);
}

static int wait_for_daemon(void)
{
	if (fake->refuses && !fake->silently)
		refusal_note(fake_args.config, "it is on a read-only mount");
	if (fake->refuses)
		return -ENOENT;
	if (fake->daemon_dies)
		fake_stop_daemon();
	while (fake->hang)
		usleep(1000);
	return fake->resettable ? -EIO : 0;
}

static int fake_write(const char *path, const char *text)
{
	char serial[256];
	int ret = counted();

	if (ret)
		return ret;
	if (access(path, F_OK))
		return -ENOENT;
	if (is(path, "core/user_*/*/enable"))
		ret = wait_for_daemon();
	if (ret)
		return ret;
	if (strstr(path, "/reset_netlink") && fake->resettable)
		fake->hang = false;
	if (is(path, "core/user_*/*/control")) {
		control(path, text);
		return 0;
	}
	snprintf(serial, sizeof(serial), "%s%s",
		 is(path, "core/user_*/*/wwn/vpd_unit_serial")
			 ? "T10 VPD Unit Serial Number: "
			 : "",
		 text);
	fake_put(below_root(path), serial);
	return 0;
}

static const struct lio_ops fake_ops = {
	.make_dir = fake_make_dir,
	.remove_dir = fake_remove_dir,
	.make_link = fake_make_link,
	.remove_link = fake_remove_link,
	.write = fake_write,
};

/*
 * The rest of the machine.
 */

void fake_start_daemon(void)
{
	fake_put("/proc/1/comm", "init");
	fake_put("/proc/4242/comm", "tcmu-runner");
	fake_put("/proc/4242/maps",
		 "7f00-7f01 r-xp 00000000 08:01 7 /usr/lib/x/tcmu-runner/"
		 "handler_zloop.so");
}

void fake_stop_daemon(void)
{
	fake_drop("/proc/4242");
}

int fake_enter(void **state)
{
	static const char *const params[] = { "block_netlink",
					      "reset_netlink" };
	char path[128];

	(void)state;
	strcpy(root, "/tmp/zl-lio-XXXXXX");
	if (!mkdtemp(root))
		return -1;
	fake = mmap(NULL, sizeof(*fake), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(fake, MAP_FAILED);
	fake_lio = (struct lio){ root, &fake_ops, 20000 };
	make_parents(FAKE_TARGET "/core/alua/");
	make_parents(FAKE_TARGET "/loopback/");
	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof(path),
			 "/sys/module/target_core_user/parameters/%s",
			 params[i]);
		fake_put(path, "unblocked");
	}
	fake_start_daemon();
	setenv("ZLOOP_RUN_DIR", full("/run"), 1);
	return 0;
}

int fake_leave(void **state)
{
	(void)state;
	remove_tree(root);
	return munmap(fake, sizeof(*fake));
}

void fake_assert_clean(void)
{
	assert_int_equal(fake_count(FAKE_TARGET "/core/user_*"), 0);
	assert_int_equal(fake_count(FAKE_TARGET "/loopback/*"), 0);
	assert_int_equal(fake_count(FAKE_TARGET "/iscsi/*"), 0);
}
