// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The processor's counter as a clock: see counter.h. */
#include "base/counter.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/num.h"

#define RATE_BITS 24
/* Compared again after so many: a tenth of a second at 2.7 GHz. */
#define MAX_GONE (UINT64_C(1) << 28)
/* Times longer than that are not multiplied. */
#define MAX_KNOWN (UINT64_C(1) << 39)
/* What comes between the two while they are compared may be one part in so many
 * of the time since then, and the rates before and after may differ so much. */
#define PARTS 128

static uint64_t rate_of(uint64_t gone, uint64_t passed_ns)
{
	return (passed_ns << RATE_BITS) / gone;
}

static bool agree(uint64_t a, uint64_t b)
{
	return (a > b ? a - b : b - a) <= b / PARTS;
}

static void restart(struct counter *c, uint64_t count, uint64_t ns)
{
	*c = (struct counter){
		.count = count, .ns = ns, .first_count = count, .first_ns = ns
	};
}

/* The counter has gone on by @gone, and the clock: at the rate that it has had
 * since the beginning? */
static bool goes_on(struct counter *c, uint64_t count, uint64_t ns)
{
	uint64_t gone = count - c->count;
	uint64_t in_all = count - c->first_count;
	uint64_t rate;

	if (in_all >= MAX_KNOWN || gone > in_all || ns < c->ns ||
	    ns - c->first_ns >= MAX_KNOWN)
		return false;
	rate = rate_of(gone, ns - c->ns);
	if (c->count != c->first_count &&
	    !agree(rate,
		   rate_of(c->count - c->first_count, c->ns - c->first_ns)))
		return false;
	c->rate = c->count == c->first_count
			  ? 0
			  : rate_of(in_all, ns - c->first_ns);
	c->count = count;
	c->ns = ns;
	return true;
}

static uint64_t compare(struct counter *c, uint64_t before,
			uint64_t (*count)(void), uint64_t (*clock)(void))
{
	uint64_t ns = clock(), after = count();
	/* Else it says nothing, and the next look is another try. */
	bool tells = after - before <= (after - c->count) / PARTS;

	if (!c->count || (tells && !goes_on(c, after, ns)))
		restart(c, after, ns);
	return ns;
}

uint64_t counter_ns(struct counter *c, uint64_t now, uint64_t (*count)(void),
		    uint64_t (*clock)(void))
{
	uint64_t gone = now - c->count;

	if (gone >= MAX_GONE)
		return compare(c, now, count, clock);
	return c->rate ? c->ns + (gone * c->rate >> RATE_BITS) : clock();
}

#ifdef __x86_64__
#include <cpuid.h>
#include <x86intrin.h>

#define LEAF	      0x80000007
#define INVARIANT_TSC (1u << 8)

static bool usable;

static uint64_t read_counter(void)
{
	return __rdtsc();
}

/* A kernel that found the counters of its processors to differ, or to stop,
 * counts with something else. */
static bool is_distrusted(void)
{
	static const char *const others[] = { "hpet", "acpi_pm", "jiffies",
					      "refined-jiffies", "pit" };
	char name[32] = "";
	FILE *f = fopen("/sys/devices/system/clocksource/clocksource0/"
			"current_clocksource",
			"re");

	if (!f)
		return false;
	if (fgets(name, sizeof(name), f))
		name[strcspn(name, "\n")] = 0;
	fclose(f);
	for (unsigned i = 0; i < ZL_ARRAY_SIZE(others); i++)
		if (!strcmp(name, others[i]))
			return true;
	return false;
}

static void find_out(void)
{
	unsigned a = 0, b = 0, c = 0, d = 0;

	usable = __get_cpuid(LEAF, &a, &b, &c, &d) && d & INVARIANT_TSC &&
		 !is_distrusted();
}

uint64_t counter_clock_ns(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	static __thread struct counter mine;

	pthread_once(&once, find_out);
	if (!usable)
		return clock_ns();
	return counter_ns(&mine, read_counter(), read_counter, clock_ns);
}
#else
uint64_t counter_clock_ns(void)
{
	return clock_ns();
}
#endif
