// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
// Handlers and devices of the stand-in: loading, adding, the command thread,
// removal; the order is that of tcmu-runner's main.c.

#include "dev.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define CFGSTRING_BYTES 255 /* the kernel cuts what is longer */

static pthread_mutex_t lists_lock = PTHREAD_MUTEX_INITIALIZER;
static struct runner_handler *handlers; /* newest first */
static struct tcmu_device *devices;	/* removed ones too */
static unsigned int next_dev_id;

/* ---- handlers ---- */

int tcmur_register_handler(struct tcmur_handler *ops)
{
	struct runner_handler *h;
	int ret;

	for (h = handlers; h; h = h->next)
		if (!strcmp(h->ops->subtype, ops->subtype)) {
			tcmu_err_message(NULL, __func__, __LINE__,
					 "Handler %s is already registered\n",
					 ops->subtype);
			return -1;
		}
	ret = ops->init ? ops->init() : 0;
	if (ret)
		return ret;
	h = calloc(1, sizeof(*h));
	if (!h)
		runner_abort("out of memory");
	h->ops = ops;
	h->next = handlers;
	handlers = h;
	return 0;
}

__attribute__((format(printf, 2, 3))) static struct runner_handler *
load_failed(char **why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(why, fmt, ap) < 0)
		*why = NULL;
	va_end(ap);
	return NULL;
}

static struct runner_handler *handler_of(void *dl)
{
	struct runner_handler *h;

	for (h = handlers; h; h = h->next)
		if (h->dl == dl)
			return h;
	return NULL;
}

static struct runner_handler *handler_init_call(void *dl, const char *path,
						char **why)
{
	struct runner_handler *before = handlers;
	int (*init)(void);
	int ret;

	*(void **)&init = dlsym(dl, "handler_init");
	if (!init)
		return load_failed(why, "%s has no handler_init", path);
	ret = init();
	if (ret)
		return load_failed(why, "handler_init of %s returned %d", path,
				   ret);
	if (handlers == before)
		return load_failed(why, "%s registered no handler", path);
	if (!handlers->ops->open || !handlers->ops->close)
		return load_failed(why, "%s has no open or no close", path);
	handlers->dl = dl;
	return handlers;
}

struct runner_handler *runner_load(const char *path, char **why)
{
	struct runner_handler *h;
	void *dl;

	*why = NULL;
	dl = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!dl)
		return load_failed(why, "%s", dlerror());
	h = handler_of(dl);
	return h ? h : handler_init_call(dl, path, why);
}

const char *runner_subtype(const struct runner_handler *h)
{
	return h->ops->subtype;
}

const char *runner_cfg_desc(const struct runner_handler *h)
{
	return h->ops->cfg_desc;
}

bool runner_check_config(struct runner_handler *h, const char *cfgstring,
			 char **reason)
{
	*reason = NULL;
	return !h->ops->check_config || h->ops->check_config(cfgstring, reason);
}

/* ---- the daemon's small exports ---- */

void tcmur_dev_set_private(struct tcmu_device *dev, void *data)
{
	dev->handler_private = data;
}

void *tcmur_dev_get_private(struct tcmu_device *dev)
{
	return dev->handler_private;
}

int tcmur_dev_update_size(struct tcmu_device *dev, uint64_t new_size_bytes)
{
	if (!new_size_bytes)
		return -EINVAL;
	tcmu_dev_set_num_lbas(dev, tcmu_byte_to_lba(dev, new_size_bytes));
	tcmu_cfgfs_dev_set_ctrl_u64(dev, "dev_size", new_size_bytes);
	atomic_store(&dev->pending_uas, 1);
	return 0;
}

static void notified(struct tcmu_device *dev, const char *what)
{
	atomic_fetch_add(&dev->notified, 1);
	tcmu_warn_message(dev, __func__, __LINE__, "%s\n", what);
}

void tcmu_notify_conn_lost(struct tcmu_device *dev)
{
	notified(dev, "connection lost");
}

void tcmu_notify_lock_lost(struct tcmu_device *dev)
{
	notified(dev, "lock lost");
}

void tcmu_notify_cmd_timed_out(struct tcmu_device *dev)
{
	notified(dev, "command timed out");
}

struct tcmu_device *dev_by_path(const char *path, const char **rest)
{
	struct tcmu_device *dev;
	char folder[512];

	pthread_mutex_lock(&lists_lock);
	for (dev = devices; dev; dev = dev->next) {
		if (dev->magic != DEV_LIVE)
			continue;
		snprintf(folder, sizeof(folder),
			 "/sys/kernel/config/target/core/%s/%s",
			 dev->lib.hba_name, dev->lib.name);
		*rest = path + strlen(folder);
		if (!strncmp(path, folder, strlen(folder)) && **rest == '/')
			break;
		snprintf(folder, sizeof(folder), "/sys/class/uio/%s",
			 dev->lib.uio_name);
		*rest = path + strlen(folder);
		if (!strncmp(path, folder, strlen(folder)) && **rest == '/')
			break;
	}
	pthread_mutex_unlock(&lists_lock);
	return dev;
}

/* ---- the command thread ---- */

/* Runs in the cancelled command thread, or in the remover if that is done. */
static void stop_device(void *arg)
{
	struct tcmu_device *dev = arg;

	if (dev->stopped)
		return;
	/* A load, so that what the remover did before comes before this: that
	 * pthread_cancel() orders the two is nothing TSan knows. */
	if (!dev->stopping)
		dev->stopping = true;
	if (!dev->cancel_in_batch)
		slots_abort_if_open(dev, "at close");
	dev->ops->close(dev);
	slots_abort_if_open(dev, "by close");
	dev->stopped = true;
}

static void obey_hold(struct tcmu_device *dev)
{
	uint32_t releases = dev->releases;

	if (!dev->hold)
		return;
	sem_post(&dev->held);
	while (dev->releases == releases)
		futex_wait_cancellable(&dev->releases, releases);
}

static void *command_thread(void *arg)
{
	struct tcmu_device *dev = arg;

	tcmu_set_thread_name("cmdproc", dev);
	pthread_cleanup_push(stop_device, dev);
	for (;;) {
		uint32_t wakes = ring_wakes(dev->ring);

		obey_hold(dev);
		run_batch(dev);
		if (dev->cancel_in_batch)
			sem_post(&dev->held);
		/* The daemon's wait is one even when there is something. */
		pthread_testcancel();
		ring_wait(dev->ring, wakes);
	}
	pthread_cleanup_pop(0);
	return NULL;
}

void runner_hold(struct tcmu_device *dev)
{
	dev->hold = true;
	ring_wake(dev->ring);
	while (sem_wait(&dev->held))
		;
}

void runner_release(struct tcmu_device *dev)
{
	dev->hold = false;
	atomic_fetch_add(&dev->releases, 1);
	futex_wake_all(&dev->releases);
}

void runner_settle(struct tcmu_device *dev)
{
	int i;

	/* Between two holds there is a whole batch. */
	for (i = 0; i < 2; i++) {
		runner_hold(dev);
		runner_release(dev);
	}
}

/* ---- adding ---- */

/* "…;tcmur_cmd_time_out=N;…" never reaches the handler. */
static void take_runner_args(char *cfgstring)
{
	char *arg = strstr(cfgstring, ";tcmur_cmd_time_out=");
	char *end;

	if (!arg)
		return;
	end = strchr(arg + 1, ';');
	end = end ? end + 1 : arg + strlen(arg);
	memmove(arg, end, strlen(end) + 1);
}

static void lib_init(struct tcmu_device *dev, const struct runner_dev_params *p)
{
	struct lib_dev *l = &dev->lib;
	unsigned int id;

	pthread_mutex_lock(&lists_lock);
	id = next_dev_id++;
	dev->next = devices;
	devices = dev;
	pthread_mutex_unlock(&lists_lock);

	snprintf(l->name, sizeof(l->name), "%s", p->name ? p->name : "disk");
	snprintf(l->hba_name, sizeof(l->hba_name), "user_%u", id % 100000000);
	snprintf(l->uio_name, sizeof(l->uio_name), "uio%u", id % 100000000);
	snprintf(l->cfgstring, CFGSTRING_BYTES + 1, "%s", p->cfgstring);
	take_runner_args(l->cfgstring);
	l->private_data = dev;
	l->block_size = dev->cfgfs.hw_block_size;
	l->num_lbas = tcmu_byte_to_lba(dev, p->size_bytes);
	l->max_xfer_len = dev->cfgfs.hw_max_sectors;
	l->opt_xcopy_rw_len = dev->cfgfs.hw_max_sectors;
	l->opt_unmap_gran = dev->cfgfs.hw_max_sectors;
	l->max_unmap_len = UINT32_MAX;
	l->unmap_enabled = dev->ops->unmap != NULL;
}

static void cfgfs_init(struct cfgfs *c, const struct runner_dev_params *p)
{
	pthread_mutex_init(&c->lock, NULL);
	c->size_bytes = p->size_bytes;
	c->hw_block_size = p->hw_block_size ? p->hw_block_size : 512;
	c->hw_max_sectors = p->hw_max_sectors ? p->hw_max_sectors : 128;
	c->control_error = p->control_error;
	c->configured = p->configured;
	c->write_cache = p->write_cache;
	snprintf(c->wwn, sizeof(c->wwn), "%s", p->wwn ? p->wwn : "");
}

static int ring_setup(struct tcmu_device *dev,
		      const struct runner_dev_params *p)
{
	void *area;

	dev->ring = p->shared_ring;
	if (!dev->ring) {
		dev->own_ring_bytes = runner_ring_bytes(&p->ring);
		area = mmap(NULL, dev->own_ring_bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (area == MAP_FAILED)
			return -errno;
		dev->ring = runner_ring_init(area, &p->ring);
	}
	ring_attach(dev->ring);
	return 0;
}

static void locks_init(struct tcmu_device *dev)
{
	pthread_mutex_init(&dev->mailbox, NULL);
	pthread_mutex_init(&dev->track_lock, NULL);
	pthread_cond_init(&dev->track_empty, NULL);
	sem_init(&dev->held, 0, 0);
}

/* What a removed device keeps is its struct, see there. */
static void dev_retire(struct tcmu_device *dev)
{
	unsigned int i;

	dev->magic = DEV_GONE;
	slots_free(dev);
	workers_free(dev);
	if (dev->own_ring_bytes)
		munmap(dev->ring, dev->own_ring_bytes);
	for (i = 0; i < dev->cfgfs.num_writes; i++)
		free(dev->cfgfs.writes[i]);
	free(dev->cfgfs.writes);
}

static int config_refused(struct tcmu_device *dev)
{
	char *reason;
	bool ok;

	ok = runner_check_config(dev->handler, dev->lib.cfgstring, &reason);
	if (!ok)
		tcmu_err_message(NULL, __func__, __LINE__,
				 "check_config failed for %s because of %s\n",
				 dev->lib.uio_name,
				 reason ? reason : "(no reason)");
	free(reason);
	return ok ? 0 : -EINVAL;
}

static int dev_start(struct tcmu_device *dev)
{
	int ret;

	ret = config_refused(dev);
	if (ret)
		return ret;
	ret = dev->ops->open(dev, false);
	if (ret)
		return ret;
	dev->cfgfs.configured = true;
	if (pthread_create(&dev->command_thread, NULL, command_thread, dev))
		runner_abort("cannot create the command thread");
	return 0;
}

int runner_add(struct runner_handler *h, const struct runner_dev_params *p,
	       struct tcmu_device **devp)
{
	struct tcmu_device *dev = calloc(1, sizeof(*dev));
	int ret;

	*devp = NULL;
	if (!dev)
		return -ENOMEM;
	dev->magic = DEV_LIVE;
	dev->handler = h;
	dev->ops = h->ops;
	dev->drain_timeout_ms =
		p->drain_timeout_ms ? p->drain_timeout_ms : 10000;
	ret = ring_setup(dev, p);
	if (ret) {
		free(dev);
		return ret;
	}
	locks_init(dev);
	cfgfs_init(&dev->cfgfs, p);
	lib_init(dev, p);
	slots_make(dev);
	ret = workers_start(dev);
	if (!ret)
		ret = dev_start(dev);
	if (ret) {
		workers_cancel(dev);
		dev_retire(dev);
		return ret;
	}
	*devp = dev;
	return 0;
}

/* ---- removing ---- */

static void nap(void)
{
	struct timespec ts = { .tv_nsec = 100000 };

	nanosleep(&ts, NULL);
}

int runner_drain(struct tcmu_device *dev, int timeout_ms)
{
	int naps = 0;

	while (ring_outstanding(dev->ring)) {
		if (naps++ / 10 >= timeout_ms)
			return -ETIMEDOUT;
		nap();
	}
	return 0;
}

/*
 * Not the daemon's: closes the gap between its last look at the queue and
 * the cancellation, in which a command could slip in and be lost.
 */
static void wait_not_busy(struct tcmu_device *dev)
{
	int naps = 0;

	while (dev->busy && naps++ / 10 < dev->drain_timeout_ms)
		nap();
}

/* The daemon's queue was empty when it looked. */
static void remove_now(struct tcmu_device *dev)
{
	void *ret;

	pthread_cancel(dev->command_thread);
	pthread_join(dev->command_thread, &ret);
	if (ret != PTHREAD_CANCELED)
		runner_abort("the command thread ended by itself");
	stop_device(dev);

	/* The last completer may still be on its way out. */
	while (dev->completers)
		nap();
	if (dev->own_ring_bytes && ring_outstanding(dev->ring)) {
		runner_ring_reset(dev->ring);
		while (ring_outstanding(dev->ring))
			nap();
	}
	dev_retire(dev);
}

static void remove_stopped(struct tcmu_device *dev)
{
	workers_cancel(dev);
	wait_not_busy(dev);
	if (track_wait_empty(dev, dev->drain_timeout_ms))
		slots_abort_if_open(dev, "before close");
	remove_now(dev);
}

void runner_remove(struct tcmu_device *dev)
{
	if (runner_drain(dev, dev->drain_timeout_ms)) {
		slots_abort_if_open(dev, "before removal");
		runner_abort("commands were never fetched before removal");
	}
	dev->stopping = true;
	remove_stopped(dev);
}

void runner_remove_busy(struct tcmu_device *dev)
{
	dev->stopping = true;
	remove_stopped(dev);
}

void runner_remove_in_batch(struct tcmu_device *dev)
{
	if (dev->ops->nr_threads || dev->tracked)
		runner_abort("the daemon's queue is not empty");
	dev->cancel_in_batch = true;
	runner_release(dev);
	while (sem_wait(&dev->held))
		;
	remove_now(dev);
}

/* ---- the rest ---- */

static int reconfig(struct tcmu_device *dev, struct tcmulib_cfg_info *cfg)
{
	return dev->ops->reconfig ? dev->ops->reconfig(dev, cfg) : -EOPNOTSUPP;
}

int runner_resize(struct tcmu_device *dev, uint64_t size_bytes)
{
	struct tcmulib_cfg_info cfg = { .type = TCMULIB_CFG_DEV_SIZE,
					.data.dev_size = size_bytes };
	uint64_t lbas = tcmu_byte_to_lba(dev, size_bytes);
	int ret;

	if (!dev->ops->reconfig)
		return -EOPNOTSUPP;
	if (lbas == dev->lib.num_lbas)
		return 0;
	ret = reconfig(dev, &cfg);
	if (ret)
		return ret;
	tcmu_dev_set_num_lbas(dev, lbas);
	dev->cfgfs.size_bytes = size_bytes;
	atomic_store(&dev->pending_uas, 1);
	return 0;
}

int runner_set_write_cache(struct tcmu_device *dev, bool enabled)
{
	struct tcmulib_cfg_info cfg = { .type = TCMULIB_CFG_WRITE_CACHE,
					.data.write_cache = enabled };
	int ret = reconfig(dev, &cfg);

	if (!ret)
		dev->cfgfs.write_cache = enabled;
	return ret;
}

int runner_write_cache(struct tcmu_device *dev)
{
	return dev->cfgfs.write_cache;
}

int runner_set_config(struct tcmu_device *dev, const char *cfgstring)
{
	struct tcmulib_cfg_info cfg = { .type = TCMULIB_CFG_DEV_CFGSTR };
	char *copy = strdup(cfgstring);
	int ret;

	cfg.data.dev_cfgstring = copy;
	ret = copy ? reconfig(dev, &cfg) : -ENOMEM;
	free(copy);
	return ret;
}

void runner_set_wwn(struct tcmu_device *dev, const char *wwn)
{
	pthread_mutex_lock(&dev->cfgfs.lock);
	snprintf(dev->cfgfs.wwn, sizeof(dev->cfgfs.wwn), "%s", wwn);
	pthread_mutex_unlock(&dev->cfgfs.lock);
}

struct runner_ring *runner_ring(struct tcmu_device *dev)
{
	return dev->ring;
}

void runner_submit(struct tcmu_device *dev, struct runner_cmd *cmd)
{
	runner_ring_submit(dev->ring, cmd);
}

int runner_try_submit(struct tcmu_device *dev, struct runner_cmd *cmd)
{
	return runner_ring_try_submit(dev->ring, cmd);
}

int runner_exec(struct tcmu_device *dev, const uint8_t *cdb, size_t cdb_len,
		enum runner_dir dir, void *data, size_t data_len,
		uint8_t *sense)
{
	struct runner_cmd cmd = { .cdb_len = (uint16_t)cdb_len,
				  .dir = dir,
				  .data = data,
				  .data_len = (uint32_t)data_len };
	int status;

	if (cdb_len > sizeof(cmd.cdb))
		runner_abort("the test submits a CDB of %zu bytes", cdb_len);
	memcpy(cmd.cdb, cdb, cdb_len);
	status = runner_ring_exec(dev->ring, &cmd, 0);
	if (sense)
		memcpy(sense, cmd.sense, sizeof(cmd.sense));
	sem_destroy(&cmd.wait);
	return status;
}

const char *runner_control_write(struct tcmu_device *dev, unsigned int index)
{
	const char *text = NULL;

	pthread_mutex_lock(&dev->cfgfs.lock);
	if (index < dev->cfgfs.num_writes)
		text = dev->cfgfs.writes[index];
	pthread_mutex_unlock(&dev->cfgfs.lock);
	return text;
}

void runner_stats(struct tcmu_device *dev, struct runner_stats *s)
{
	s->batches = dev->batches;
	s->sync = dev->sync;
	s->async = dev->async;
	s->kicks = dev->kicks;
	s->notified = dev->notified;
}
