// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* See steps.h. */
#include "steps.h"

#ifdef __x86_64__

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <x86intrin.h>

#define TRAP_FLAG UINT64_C(0x100)
#define TRACE_MAX (1 << 20)

extern const char __start_uncounted[], __stop_uncounted[];

static struct steps now;
static uintptr_t last_at;
static uintptr_t *trace;
static unsigned nr_trace;
static char trace_path[4096];

/* Past the prefixes that may stand before an operation code; *locked. */
static const uint8_t *operation(const uint8_t *at, bool *locked)
{
	*locked = false;
	for (;; at++) {
		if (*at == 0xf0)
			*locked = true;
		else if (*at != 0x66 && *at != 0xf2 && *at != 0xf3 &&
			 (*at & 0xf0) != 0x40) /* REX */
			return at;
	}
}

/* XCHG with memory is locked without saying so. */
static bool is_exchange(const uint8_t *op)
{
	return (op[0] == 0x86 || op[0] == 0x87) && op[1] >> 6 != 3;
}

/* After each instruction: @context is before the next one. */
static void on_trap(int signal, siginfo_t *info, void *context)
{
	const ucontext_t *uc = context;
	uintptr_t at = (uintptr_t)uc->uc_mcontext.gregs[REG_RIP];
	const uint8_t *op;
	bool locked;

	(void)signal, (void)info;
	/* A string instruction goes on: it is one, whatever its length. */
	if (at == last_at)
		return;
	last_at = at;
	if (at >= (uintptr_t)__start_uncounted &&
	    at < (uintptr_t)__stop_uncounted)
		return;
	op = operation((const uint8_t *)at, &locked);
	now.instructions++;
	now.syscalls += op[0] == 0x0f && op[1] == 0x05;
	now.atomics += locked || is_exchange(op);
	if (trace && nr_trace < TRACE_MAX)
		trace[nr_trace++] = at;
}

bool steps_init(void)
{
	struct sigaction sa = { .sa_sigaction = on_trap,
				.sa_flags = SA_SIGINFO };

	return !sigaction(SIGTRAP, &sa, NULL);
}

void steps_begin(void)
{
	sigset_t set;

	/* Blocked, it would end the process. */
	sigemptyset(&set);
	sigaddset(&set, SIGTRAP);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	memset(&now, 0, sizeof(now));
	last_at = 0;
	__writeeflags(__readeflags() | TRAP_FLAG);
}

void steps_end(struct steps *counted)
{
	__writeeflags(__readeflags() & ~TRAP_FLAG);
	*counted = now;
}

static void write_trace(FILE *f)
{
	Dl_info info;

	for (unsigned i = 0; i < nr_trace; i++)
		if (dladdr((void *)trace[i], &info) && info.dli_fname)
			fprintf(f, "%s %#lx\n", info.dli_fname,
				trace[i] - (uintptr_t)info.dli_fbase);
}

void steps_trace(const char *path)
{
	FILE *f;

	if (path) {
		snprintf(trace_path, sizeof(trace_path), "%s", path);
		nr_trace = 0;
		trace = calloc(TRACE_MAX, sizeof(*trace));
		return;
	}
	f = fopen(trace_path, "w");
	if (f) {
		write_trace(f);
		fclose(f);
	}
	free(trace);
	trace = NULL;
}

#else

bool steps_init(void)
{
	return false;
}

void steps_begin(void)
{
}

void steps_end(struct steps *counted)
{
	*counted = (struct steps){ 0 };
}

void steps_trace(const char *path)
{
	(void)path;
}

#endif
