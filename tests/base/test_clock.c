// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The clock, and waiting on it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"

static void it_goes_forward(void **state)
{
	uint64_t ns = clock_ns(), ms = clock_ms();

	(void)state;
	clock_sleep_ms(20);
	assert_true(clock_ns() - ns >= 20000000);
	assert_true(clock_ms() - ms >= 19);
	/* The same clock, at most a tick behind. */
	ns = clock_tick_ns();
	assert_true(ns <= clock_ns());
	clock_sleep_ms(40);
	assert_true(clock_tick_ns() > ns);
}

static void a_wait_ends(void **state)
{
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	struct timespec end = clock_at_ms(1030);
	uint64_t before_ns;
	pthread_cond_t cond;

	(void)state;
	assert_int_equal(end.tv_sec, 1);
	assert_int_equal(end.tv_nsec, 30000000);
	clock_cond_init(&cond);
	pthread_mutex_lock(&lock);
	before_ns = clock_ns();
	end = clock_at_ms(clock_ms() + 30);
	while (pthread_cond_timedwait(&cond, &lock, &end) != ETIMEDOUT)
		;
	assert_true(clock_ns() - before_ns >= 29000000);
	pthread_mutex_unlock(&lock);
	pthread_cond_destroy(&cond);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_goes_forward),
		cmocka_unit_test(a_wait_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
