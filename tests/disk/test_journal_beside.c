// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Two who tell the journal of zones at the same time: what the first makes
 * durable does not count for what the second adds behind it.  The first is held
 * back, by the lock that it takes next, until the second has added something.
 */
#include "disk_fixture.h"

static struct store_ops ops;
static const struct store_ops *real_ops;
static struct disk *disk;
static pthread_t first;
static atomic_bool has_synced, held;
static atomic_uint nr_unsynced; /* records since the last that was durable */

int __real_pthread_mutex_lock(pthread_mutex_t *m);
int __wrap_pthread_mutex_lock(pthread_mutex_t *m);

static void nap_ms(unsigned ms)
{
	nanosleep(&(struct timespec){ .tv_nsec = ms * 1000000 }, NULL);
}

int __wrap_pthread_mutex_lock(pthread_mutex_t *m)
{
	if (atomic_load(&has_synced) && m == &disk->lock &&
	    pthread_equal(pthread_self(), first) &&
	    !atomic_exchange(&held, true)) {
		for (int ms = 0; ms < 5000 && !atomic_load(&nr_unsynced); ms++)
			nap_ms(1);
		nap_ms(50); /* … and has noted it */
	}
	return __real_pthread_mutex_lock(m);
}

static int watch_append(struct store *st, const char *name, const void *data,
			size_t len, bool sync)
{
	int ret = real_ops->meta_append(st, name, data, len, sync);

	if (sync)
		atomic_store(&nr_unsynced, 0);
	else
		atomic_fetch_add(&nr_unsynced, 1);
	if (sync && pthread_equal(pthread_self(), first))
		atomic_store(&has_synced, true);
	return ret;
}

static int offline(unsigned slot, unsigned nr)
{
	struct inject_fault f = { .kind = INJECT_OFFLINE,
				  .lba = (uint64_t)slot * ZONE,
				  .nr_blocks = (uint64_t)nr * ZONE };
	struct zl_err err;
	uint32_t id;

	return disk_fault_add(disk, &f, &id, &err);
}

static void *second(void *arg)
{
	(void)arg;
	while (!atomic_load(&has_synced))
		nap_ms(1);
	return (void *)(intptr_t)offline(2, 2);
}

/* Of two zones the last is told durably, unless it is what it is to be. */
static void each_makes_its_own_durable(void **state)
{
	struct fixture f;
	pthread_t thread;
	void *ret;

	(void)state;
	fixture_start(&f, FIXTURE_CFG, 0);
	disk = f.disk;
	assert_int_equal(offline(3, 1), 0);
	assert_int_equal(offline(7, 1), 0);
	real_ops = f.fault->ops;
	ops = *real_ops;
	ops.meta_append = watch_append;
	f.fault->ops = &ops;
	first = pthread_self();
	assert_int_equal(pthread_create(&thread, NULL, second, NULL), 0);
	assert_int_equal(offline(6, 2), 0);
	assert_int_equal(pthread_join(thread, &ret), 0);
	assert_int_equal((intptr_t)ret, 0);
	assert_true(held);
	assert_int_equal(nr_unsynced, 0);
	f.fault->ops = real_ops;
	fixture_stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_makes_its_own_durable),
	};

	return cmocka_run_group_tests_name("disk/journal_beside", tests, NULL,
					   NULL);
}
