// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* zloop list: the disks of this machine, attached or not. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "target.h"

struct list_args {
	bool json;
	int first; /* of the directories */
};

static const struct argp_option options[] = {
	{ "json", 'j', NULL, 0, "Print JSON", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct list_args *a = state->input;

	(void)arg;
	switch (key) {
	case 'j':
		a->json = true;
		return 0;
	default:
		return cli_key_any(key, state, &a->first);
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "[DIRECTORY...]",
	.doc = "List the disks that are attached, and those that are not in "
	       "/var/local/zloop and in each DIRECTORY, which is a disk's or "
	       "one that has disks in it.",
};

/* A row. */
struct disk_row {
	char name[LIO_NAME_MAX];
	char dir[PATH_MAX];
	struct cli_dir is;
	char device[LIO_DEVICE_MAX];
	char state[192];
	uint64_t size_bytes;
	bool attached;
	struct json_object *exports; /* an array of objects */
};

struct list {
	struct disk_row *rows;
	size_t nr, room;
	const char *daemon; /* what is wrong with tcmu-runner, "" if nothing */
	struct lio_luns *luns;
};

static struct disk_row *new_row(struct list *l, const char *dir)
{
	struct disk_row *row;

	if (l->nr == l->room) {
		l->room = l->room ? 2 * l->room : 16;
		l->rows = realloc(l->rows, l->room * sizeof(*l->rows));
		if (!l->rows)
			abort();
	}
	row = &l->rows[l->nr++];
	*row = (struct disk_row){ .exports = json_object_new_array() };
	snprintf(row->dir, sizeof(row->dir), "%s", dir);
	row->is = cli_dir_of(dir);
	return row;
}

/*
 * Those that are attached.
 */

static bool add_export(void *user, const struct lio_export *ex)
{
	struct json_object *o = json_object_new_object();
	struct disk_row *row = user;
	char device[LIO_DEVICE_MAX];

	json_add_str(o, "fabric", ex->fabric);
	json_add_str(o, "target", ex->wwn);
	json_add_u64(o, "lun", ex->lun);
	if (!lio_export_device(cli_lio(), ex, device)) {
		char path[LIO_DEVICE_MAX + 8];

		snprintf(path, sizeof(path), "/dev/%s", device);
		json_add_str(o, "device", path);
		if (!*row->device)
			strcpy(row->device, device);
	}
	if (!strcmp(ex->fabric, "iscsi"))
		json_add_u64(o, "sessions", lio_export_sessions(cli_lio(), ex));
	json_object_array_add(row->exports, o);
	return true;
}

static bool add_backstore(void *user, const struct lio_backstore *bs)
{
	struct list *l = user;
	struct disk_row *row = new_row(l, lio_backstore_dir(bs));

	strcpy(row->name, bs->name);
	row->size_bytes = bs->size_bytes;
	row->attached = true;
	snprintf(row->state, sizeof(row->state), "%s",
		 !bs->enabled			? "not enabled"
		 : *l->daemon			? l->daemon
		 : !cli_answers(row->dir, NULL) ? "its server does not answer"
		 : !cli_is_dir(row->dir)	? "directory is gone"
						: "attached");
	lio_luns_each(l->luns, bs, add_export, row);
	return true;
}

/*
 * Those that are not.
 */

static bool is_listed(const struct list *l, const char *dir)
{
	struct cli_dir is = cli_dir_of(dir);

	for (size_t i = 0; i < l->nr; i++)
		if (!strcmp(l->rows[i].dir, dir) ||
		    cli_dir_is(l->rows[i].is, is))
			return true;
	return false;
}

/* What is no disk yet, or cannot be opened any more, is none the less there. */
static bool add_broken(struct list *l, const char *dir)
{
	char sidecar[PATH_MAX + 16];
	struct disk_meta meta = { .capacity_bytes = 0 };
	bool half = disk_is_half_made(dir, &meta);
	struct disk_row *row;

	snprintf(sidecar, sizeof(sidecar), "%s/zloop.json", dir);
	if (!half && access(sidecar, F_OK))
		return false;
	row = new_row(l, dir);
	row->size_bytes = half ? meta.capacity_bytes : 0;
	strcpy(row->state, half ? "half made" : "damaged");
	return true;
}

/* Whether a disk is there. */
static bool add_dir(struct list *l, const char *dir, struct zl_err *err)
{
	struct disk_row *row;
	struct disk *disk;
	char who[128];

	if (is_listed(l, dir))
		return true;
	if (cli_look(dir, &disk, err))
		return cli_answers(dir, NULL) && add_broken(l, dir);
	row = new_row(l, dir);
	row->size_bytes = disk_meta(disk)->capacity_bytes;
	if (disk_in_use(dir, disk, 0, who, sizeof(who)))
		snprintf(row->state, sizeof(row->state), "in use by %s", who);
	else
		strcpy(row->state, "detached");
	disk_close(disk);
	return true;
}

static int is_no_hidden(const struct dirent *entry)
{
	return *entry->d_name != '.';
}

/* How many disks there are in the directories in @dir. */
static size_t add_dirs_in(struct list *l, const char *dir)
{
	struct dirent **entries;
	char path[PATH_MAX];
	size_t found = 0;
	int nr = cli_answers(dir, NULL)
			 ? scandir(dir, &entries, is_no_hidden, alphasort)
			 : -1;

	for (int i = 0; i < nr; i++) {
		if (snprintf(path, sizeof(path), "%s/%s", dir,
			     entries[i]->d_name) < PATH_MAX)
			found += add_dir(l, path, NULL);
		free(entries[i]);
	}
	if (nr >= 0)
		free(entries);
	return found;
}

static int add_given(struct list *l, int argc, char **argv)
{
	int status = CLI_OK;
	struct zl_err err;

	for (int i = 0; i < argc; i++)
		if (!add_dir(l, argv[i], &err) && !add_dirs_in(l, argv[i])) {
			cli_error("%s", err.msg);
			status = CLI_FAILED;
		}
	return status;
}

/*
 * Printing.
 */

static void print_exports(const struct disk_row *row)
{
	size_t nr = json_object_array_length(row->exports);

	for (size_t i = 0; i < nr; i++) {
		struct json_object *o =
			json_object_array_get_idx(row->exports, i);
		const char *fabric = json_object_get_string(
			json_object_object_get(o, "fabric"));

		/* The device says it all. */
		if (strcmp(fabric, "loopback"))
			printf(" %s",
			       json_object_get_string(
				       json_object_object_get(o, "target")));
	}
}

static void print_text(const struct list *l)
{
	char size[CLI_SIZE_MAX], device[LIO_DEVICE_MAX + 8];
	size_t name_len = 4, state_len = 5;

	for (size_t i = 0; i < l->nr; i++) {
		name_len = max_u64(name_len, strlen(l->rows[i].name));
		state_len = max_u64(state_len, strlen(l->rows[i].state));
	}
	if (l->nr)
		printf("%-*s  %-9s  %-9s  %-*s  %s\n", (int)name_len, "NAME",
		       "DEVICE", "SIZE", (int)state_len, "STATE",
		       "DIRECTORY  TARGETS");
	for (size_t i = 0; i < l->nr; i++) {
		const struct disk_row *row = &l->rows[i];

		snprintf(device, sizeof(device), "/dev/%s", row->device);
		printf("%-*s  %-9s  %-9s  %-*s  %s", (int)name_len,
		       *row->name ? row->name : "-",
		       *row->device ? device : "-",
		       row->size_bytes ? cli_size(row->size_bytes, size) : "-",
		       (int)state_len, row->state, row->dir);
		print_exports(row);
		putchar('\n');
	}
}

/* Of a disk of this machine; "" if there is none. */
static void find_sg(const char *device, char sg[LIO_DEVICE_MAX + 8])
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *dir;

	*sg = 0;
	snprintf(path, sizeof(path), "%s/sys/block/%s/device/scsi_generic",
		 cli_lio()->root, device);
	dir = *device ? opendir(path) : NULL;
	while (dir && (entry = readdir(dir)))
		if (*entry->d_name != '.')
			snprintf(sg, LIO_DEVICE_MAX + 8, "/dev/%.24s",
				 entry->d_name);
	if (dir)
		closedir(dir);
}

/* NULL: it has none. */
static struct json_object *id_json(const struct disk_row *row)
{
	const char *last = strrchr(row->dir, '/');
	uint64_t id;

	if (!strncmp(row->name, "zloop", 5) &&
	    !parse_u64(row->name + 5, strlen(row->name + 5), &id))
		return json_object_new_uint64(id);
	last = last ? last + 1 : row->dir;
	if (!*row->name && !parse_u64(last, strlen(last), &id))
		return json_object_new_uint64(id);
	return NULL;
}

/* What the sidecar says. */
static void add_meta(const struct disk_row *row, struct json_object *o)
{
	struct disk_meta m;
	bool answers = cli_answers(row->dir, NULL);
	bool known = answers && !disk_read_meta(row->dir, &m);

	json_object_object_add(o, "serial",
			       known ? json_object_new_string(m.serial) : NULL);
	json_object_object_add(
		o, "model",
		!known ? NULL
		       : json_object_new_string(m.host_aware ? "host-aware"
							     : "host-managed"));
	json_object_object_add(o, "zones",
			       known ? json_object_new_uint64(div_up_u64(
					       m.capacity_bytes, m.zone_bytes))
				     : NULL);
	json_object_object_add(o, "zone_size_bytes",
			       known ? json_object_new_uint64(m.zone_bytes)
				     : NULL);
	json_object_object_add(o, "holder",
			       answers ? cli_holder_json(row->dir) : NULL);
}

static struct json_object *row_json(const struct disk_row *row)
{
	struct json_object *o = json_object_new_object();
	char device[LIO_DEVICE_MAX + 8], sg[LIO_DEVICE_MAX + 8];

	snprintf(device, sizeof(device), "/dev/%s", row->device);
	find_sg(row->device, sg);
	json_object_object_add(o, "name",
			       *row->name ? json_text(row->name) : NULL);
	json_add_str(o, "directory", row->dir);
	json_object_object_add(o, "capacity_bytes",
			       row->size_bytes
				       ? json_object_new_uint64(row->size_bytes)
				       : NULL);
	json_object_object_add(o, "device",
			       *row->device ? json_object_new_string(device)
					    : NULL);
	json_object_object_add(o, "sg", *sg ? json_text(sg) : NULL);
	json_object_object_add(o, "id", id_json(row));
	add_meta(row, o);
	json_add_bool(o, "attached", row->attached);
	json_add_str(o, "state", row->state);
	json_object_object_add(o, "exports", json_object_get(row->exports));
	return o;
}

static void print_json(const struct list *l)
{
	struct json_object *all = json_object_new_array();

	for (size_t i = 0; i < l->nr; i++)
		json_object_array_add(all, row_json(&l->rows[i]));
	json_print(all);
}

static void free_list(struct list *l)
{
	for (size_t i = 0; i < l->nr; i++)
		json_object_put(l->rows[i].exports);
	free(l->rows);
	lio_luns_free(l->luns);
}

struct json_object *cli_backstore_json(const struct lio_backstore *bs)
{
	struct list l = { .daemon = "", .luns = lio_luns_read(cli_lio()) };
	struct json_object *o;

	add_backstore(&l, bs);
	o = row_json(&l.rows[0]);
	free_list(&l);
	return o;
}

static const char *daemon_trouble(void)
{
	switch (lio_daemon_state(cli_lio(), NULL)) {
	case LIO_DAEMON_NONE:
		return "no tcmu-runner";
	case LIO_DAEMON_HANGS:
		return "tcmu-runner hangs";
	case LIO_DAEMON_STARTING:
		return "tcmu-runner starts";
	case LIO_DAEMON_NO_HANDLER:
		/* Others may not look. */
		return geteuid() && !*cli_lio()->root ? "not known, not root"
						      : "no handler";
	case LIO_DAEMON_READY:
		break;
	}
	return "";
}

int list_main(int argc, char **argv)
{
	struct list l = { .daemon = daemon_trouble(),
			  .luns = lio_luns_read(cli_lio()) };
	struct list_args a = { .json = false };
	int status;

	cli_parse(&argp, argc, argv, &a);
	lio_each_backstore(cli_lio(), add_backstore, &l);
	status = add_given(&l, argc - a.first, argv + a.first);
	add_dirs_in(&l, disk_opt_table[OPT_BASE_DIR].def);
	if (a.json)
		print_json(&l);
	else
		print_text(&l);
	free_list(&l);
	return status;
}
