// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Looking at a disk's directory, in use or not, without changing anything. */
#include <errno.h>
#include <string.h>

#include "cli.h"
#include "disk/snapshot.h"

/* Of all that opening finds this alone takes long, and changes the disk. */
static int settle(const char *dir, struct zl_err *err)
{
	zl_log_fn *before = zl_log_set(cli_log);
	int ret = disk_settle(dir, DISK_MOMENT_MS, err);

	zl_log_set(before);
	return ret;
}

int cli_look(const char *dir, struct disk **disk, struct zl_err *err)
{
	struct disk_open_args args = { .look_only = true };
	int ret;

	if (!cli_answers(dir, err))
		return -ETIMEDOUT;
	ret = settle(dir, err);
	return ret ? ret : disk_open(dir, &args, disk, err);
}

int cli_look_word(const char *word, char dir[PATH_MAX], struct disk **disk,
		  struct zl_err *err)
{
	int ret = cli_disk_dir(word, dir, err);

	return ret ? ret : cli_look(dir, disk, err);
}

int cli_glance(const char *word, struct cli_glance *g, struct zl_err *err)
{
	struct disk_meta meta;
	struct disk *disk;
	int ret = cli_disk_dir(word, g->dir, err);

	if (ret)
		return ret;
	/* What is wrong is said better by who looks closely. */
	if (disk_read_meta(g->dir, &meta)) {
		ret = cli_look(g->dir, &disk, err);
		if (ret)
			return ret;
		meta = *disk_meta(disk);
		disk_close(disk);
	}
	disk_meta_geo(&meta, &g->geo);
	strcpy(g->serial, meta.serial);
	g->open = cli_is_served(g->dir, g->serial);
	return 0;
}

/* A file system of this machine's may number its files as it likes; and who
 * copies a disk here has both before his eyes. */
bool cli_is_copy(const char *dir, const struct disk_holder *h)
{
	return h->copied && disk_is_shared(dir);
}

struct json_object *cli_holder_json(const char *dir)
{
	struct disk_holder h;
	struct json_object *o;

	if (disk_read_holder(dir, &h, NULL) || !*h.host)
		return NULL;
	o = json_object_new_object();
	json_object_object_add(o, "host", json_text(h.host));
	json_add_u64(o, "since", h.since_s);
	json_object_object_add(o, "options", json_text(h.options));
	json_add_bool(o, "here", h.here);
	json_add_bool(o, "stopped", h.clean);
	json_add_bool(o, "copied", cli_is_copy(dir, &h));
	return o;
}
