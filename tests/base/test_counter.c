// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* A counter as a clock, with a counter and a clock of the test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/counter.h"

#define US UINT64_C(1000)
#define MS UINT64_C(1000000)
#define S  UINT64_C(1000000000)

static uint64_t time_ns, count_now; /* what is */
static uint64_t per_us;		    /* the counter */
static uint64_t pause_ns;	    /* while the clock is read */
static unsigned nr_looks;

static void pass(uint64_t ns)
{
	time_ns += ns;
	count_now += ns * per_us / US;
}

static uint64_t test_count(void)
{
	return count_now;
}

static uint64_t test_clock(void)
{
	uint64_t ns = time_ns;

	nr_looks++;
	pass(pause_ns);
	return ns;
}

static uint64_t look(struct counter *c)
{
	return counter_ns(c, test_count(), test_count, test_clock);
}

static uint64_t error_ns(struct counter *c)
{
	uint64_t is = time_ns, ns = look(c);

	return ns > is ? ns - is : is - ns;
}

static void start(struct counter *c, uint64_t counts_per_us)
{
	*c = (struct counter){ 0 };
	time_ns = 77 * S;
	count_now = 12345678901;
	per_us = counts_per_us;
	pause_ns = 0;
	nr_looks = 0;
}

/* Looks each 100 us for so long; the largest error. */
static uint64_t worst_ns(struct counter *c, uint64_t for_ns)
{
	uint64_t worst = 0, e;

	for (uint64_t end = time_ns + for_ns; time_ns < end;) {
		pass(100 * US);
		e = error_ns(c);
		worst = e > worst ? e : worst;
	}
	return worst;
}

static void it_is_learned_and_then_read(void **state)
{
	static const uint64_t rates[] = { 100, 999, 2700, 5100 };
	struct counter c;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		start(&c, rates[i]);
		assert_in_range(worst_ns(&c, 20 * S), 0, 100);
		nr_looks = 0;
		assert_in_range(worst_ns(&c, 20 * S), 0, 100);
		/* Ten times a second, or as often at other rates. */
		assert_in_range(nr_looks, 7, 400);
	}
}

/* The clock is read in a system call, which may take its time. */
static void pauses(void **state)
{
	struct counter c;

	(void)state;
	start(&c, 2700);
	pause_ns = 50 * US;
	assert_in_range(worst_ns(&c, 20 * S), 0, 60 * US);
	pause_ns = 20 * MS;
	assert_in_range(worst_ns(&c, S), 0, 60 * US);
	pause_ns = 50 * US;
	nr_looks = 0;
	assert_in_range(worst_ns(&c, 20 * S), 0, 60 * US);
	assert_in_range(nr_looks, 7, 400);
}

/* Nobody looked for hours; the machine slept. */
static void long_pauses(void **state)
{
	struct counter c;

	(void)state;
	start(&c, 2700);
	worst_ns(&c, 2 * S);
	for (int i = 0; i < 10; i++) {
		pass(10000 * S);
		assert_in_range(worst_ns(&c, 2 * S), 0, US);
		count_now += UINT64_C(1) << 50;
		assert_in_range(error_ns(&c), 0, US);
		assert_in_range(worst_ns(&c, 2 * S), 0, US);
	}
}

/* Moved to another machine. */
static void another_counter(void **state)
{
	struct counter c;

	(void)state;
	start(&c, 2700);
	worst_ns(&c, 2 * S);
	count_now = 1000;
	assert_in_range(worst_ns(&c, 2 * S), 0, 100);
	per_us = 2000;
	/* Until it is compared again. */
	assert_in_range(worst_ns(&c, 300 * MS), 0, 40 * MS);
	assert_in_range(worst_ns(&c, 20 * S), 0, 100);
}

/* A counter that cannot be relied on: the clock is read each time. */
static void an_uneven_counter(void **state)
{
	struct counter c;

	(void)state;
	start(&c, 2700);
	for (int i = 0; i < 100; i++) {
		per_us = i % 2 ? 2700 : 1500;
		pass(200 * MS);
		assert_int_equal(error_ns(&c), 0);
	}
}

static void this_machine(void **state)
{
	uint64_t was = 0, ns, clock;

	(void)state;
	for (int i = 0; i < 200; i++) {
		clock_sleep_ms(5);
		clock = clock_ns();
		ns = counter_clock_ns();
		/* Loaded machines let others in between. */
		assert_true(ns + 50 * MS > clock);
		assert_true(ns < clock_ns() + MS);
		assert_true(ns + MS > was);
		was = ns;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_learned_and_then_read),
		cmocka_unit_test(pauses),
		cmocka_unit_test(long_pauses),
		cmocka_unit_test(another_counter),
		cmocka_unit_test(an_uneven_counter),
		cmocka_unit_test(this_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
