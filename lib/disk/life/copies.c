// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* What makes a copy of a disk's directory. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/dir.h"
#include "base/limit.h"
#include "base/num.h"
#include "disk/internal.h"
#include "disk/life/copies.h"
#include "disk/medium/journal.h"
#include "disk/medium/meta.h"
#include "disk/medium/sidecar.h"
#include "disk/medium/survey.h"
#include "store/copy.h"

bool copies_wants(const char *name)
{
	uint32_t slot;
	bool conv;

	return survey_zone_name(name, &conv, &slot) ||
	       !strcmp(name, DISK_JOURNAL) || !strcmp(name, DISK_FAULTS);
}

/* Those that are not by slot. */
static const char *const small_files[] = { DISK_JOURNAL, DISK_FAULTS,
					   DISK_SIDECAR };

void copies_names_of(const struct disk_meta *meta, struct copies_names *names)
{
	*names =
		(struct copies_names){ .nr_slots = (uint32_t)meta_slots(meta) };
	meta_set_layout(meta, &names->layout);
}

const char *copies_file(void *user, uint32_t nr)
{
	struct copies_names *names = user;

	if (nr < ZL_ARRAY_SIZE(small_files))
		return small_files[nr];
	nr -= ZL_ARRAY_SIZE(small_files);
	if (nr >= names->nr_slots)
		return NULL;
	store_slot_name(&names->layout, nr, names->name);
	return names->name;
}

int copies_make(const char *from, const char *to, struct store_copy *copy,
		struct zl_err *err)
{
	struct copies_names names;
	struct disk_meta meta;
	int ret = copies_meta(from, &meta, err);

	if (ret)
		return ret;
	copies_names_of(&meta, &names);
	copy->known = copies_file;
	copy->known_user = &names;
	return store_copy(from, to, copy, err);
}

static int copy_files(const char *from, const char *to, bool durable,
		      disk_progress_fn *progress, void *user,
		      struct zl_err *err)
{
	struct store_copy copy = { .wants = copies_wants,
				   .last = true,
				   .stays = true,
				   .durable = durable,
				   .progress = progress,
				   .user = user };

	return copies_make(from, to, &copy, err);
}

int disk_copy_files(const char *from, const char *to,
		    disk_progress_fn *progress, void *user, struct zl_err *err)
{
	return copy_files(from, to, false, progress, user, err);
}

int copies_make_durable(const char *from, const char *to,
			disk_progress_fn *progress, void *user,
			struct zl_err *err)
{
	return copy_files(from, to, true, progress, user, err);
}

/* With the names in a directory; -errno: it cannot be opened or listed. */
static int each_in(const char *dir, int (*fn)(void *user, const char *name))
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	ret = dir_each_of(fd, fn, &fd);
	close(fd);
	return ret;
}

/* What is no part of a copy; what is a directory stays. */
static int remove_other(void *fd, const char *name)
{
	if (copies_wants(name) || !unlinkat(*(int *)fd, name, 0))
		return 0;
	return -ENOTEMPTY;
}

int disk_copy_again(const char *from, const char *to,
		    bool (*leaves)(void *user, const char *name), void *user,
		    struct zl_err *err)
{
	struct store_copy copy = { .wants = copies_wants,
				   .leaves = leaves,
				   .last = true,
				   .stays = true,
				   .user = user };
	int ret = each_in(to, remove_other);

	if (ret)
		return zl_fail(err, -ret, "%s cannot be emptied: %s", to,
			       limit_strerror(-ret));
	return copies_make(from, to, &copy, err);
}

bool copies_is_contents(const char *name)
{
	return copies_wants(name) || !strcmp(name, DISK_SIDECAR);
}

static int remove_contents(void *fd, const char *name)
{
	if (copies_is_contents(name))
		unlinkat(*(int *)fd, name, 0);
	return 0;
}

void copies_empty(const char *dir)
{
	each_in(dir, remove_contents);
}

int copies_meta(const char *dir, struct disk_meta *meta, struct zl_err *err)
{
	enum sidecar_state state;
	struct store *st;
	int ret = store_file_open(dir, &st, err);

	if (ret)
		return ret;
	ret = sidecar_read(st, dir, meta, &state, err);
	store_close(st);
	if (ret == -ENOENT)
		return zl_fail(err, ENOENT, "%s has no " DISK_SIDECAR, dir);
	if (!ret && state != SIDECAR_READY)
		return zl_fail(err, EINVAL,
			       "the disk in %s is half made; zloop create "
			       "completes it",
			       dir);
	return ret;
}

/*
 * The journal.
 */

struct tail {
	uint8_t *data;
	size_t len, room;
	uint64_t seq;
};

static int add_record(struct tail *t, enum journal_type type, uint32_t slot,
		      uint64_t value)
{
	uint8_t *more;

	if (t->len == t->room) {
		t->room = t->room ? t->room * 2 : 1024;
		more = realloc(t->data, t->room);
		if (!more)
			return -ENOMEM;
		t->data = more;
	}
	journal_encode(t->data + t->len, t->seq++, type, slot, value);
	t->len += JOURNAL_RECORD_BYTES;
	return 0;
}

/* Realms [first, end).  They may be active there already, by the records so
 * far, and what those say of their zones is void nevertheless: so they are
 * elsewhere first. */
static int add_activation(struct tail *t, unsigned nr_domains, uint32_t first,
			  uint32_t end, uint8_t domain)
{
	int ret = 0;

	for (unsigned i = 1; i <= nr_domains && !ret; i++)
		ret = add_record(t, JR_ACTIVATE, first,
				 journal_activate_value(
					 end - first, UINT8_MAX,
					 (uint8_t)((domain + i) % nr_domains)));
	return ret;
}

static int add_activations(struct tail *t, const struct zone_domains *domains,
			   const uint8_t *active)
{
	uint32_t end;
	int ret = 0;

	for (uint32_t r = 0; r < domains->nr_realms && !ret; r = end) {
		for (end = r + 1;
		     end < domains->nr_realms && active[end] == active[r];)
			end++;
		if (active[r] != UINT8_MAX)
			ret = add_activation(t, domains->nr, r, end, active[r]);
	}
	return ret;
}

static int add_records(struct tail *t, const struct zone_geo *geo,
		       const struct disk_copy_news *news, uint64_t owed)
{
	uint32_t nr = zone_geo_slots(geo);
	int ret = 0;

	if (news && news->active)
		ret = add_activations(t, &geo->domains, news->active);
	for (uint32_t i = 0; news && news->non_seq && !ret && i < nr; i++)
		if (news->non_seq[i] >= 0)
			ret = add_record(t, JR_NON_SEQ, i,
					 (uint64_t)news->non_seq[i]);
	/* What was copied is a disk of its own. */
	if (!ret)
		ret = add_record(t, JR_HOLDER, HOLDER_DIR << 16, 0);
	/* Its hosts are others, or find another disk. */
	if (!ret && owed)
		ret = add_record(t, JR_OWED, 0, 0);
	return ret ? ret : add_record(t, JR_CLEAN, 0, 0);
}

/* Half a record at the end would shift those behind it, and nobody reads what
 * is behind the older ones of a file that was rewritten in place. */
static uint64_t journal_end(const struct journal_state *state)
{
	return min_u64(state->end,
		       state->bytes - state->bytes % JOURNAL_RECORD_BYTES);
}

int copies_end_journal(struct store *st, const char *name,
		       const struct disk_meta *meta,
		       const struct disk_copy_news *news, bool durable,
		       struct zl_err *err)
{
	struct journal_state state;
	struct tail t = { 0 };
	struct zone_geo geo;
	uint64_t end;
	int ret;

	meta_geo(meta, &geo);
	ret = journal_load(st, name, &geo, &state, NULL, NULL, err);

	if (ret)
		return ret;
	t.seq = state.next_seq;
	end = journal_end(&state);
	if (state.bytes > end)
		ret = store_meta_cut(st, DISK_JOURNAL, end);
	if (!ret)
		ret = add_records(&t, &geo, news, state.owed);
	if (!ret)
		ret = store_meta_append(st, DISK_JOURNAL, t.data, t.len,
					durable);
	free(t.data);
	if (ret)
		return zl_fail(err, -ret,
			       "%s/" DISK_JOURNAL " cannot be written: %s",
			       name, limit_strerror(-ret));
	return 0;
}
