// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Scattered buffers: every split of a few bytes into three pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/iov.h"

#define LEN 7

/* @buf as pieces of @a, @b and the rest; the array has an empty one as well. */
struct split {
	uint8_t buf[LEN];
	struct iovec iov[4];
};

static void split_init(struct split *s, size_t a, size_t b)
{
	memcpy(s->buf, "abcdefg", LEN);
	s->iov[0] = (struct iovec){ s->buf, a };
	s->iov[1] = (struct iovec){ s->buf + a, b };
	s->iov[2] = (struct iovec){ NULL, 0 };
	s->iov[3] = (struct iovec){ s->buf + a + b, LEN - a - b };
}

static void bytes(void **state)
{
	struct iovec huge[2] = { { NULL, SIZE_MAX }, { NULL, 1 } };
	struct split s;

	(void)state;
	split_init(&s, 2, 3);
	assert_int_equal(iov_bytes(s.iov, 4), LEN);
	assert_int_equal(iov_bytes(s.iov, 0), 0);
	assert_true(iov_bytes(huge, 2) == SIZE_MAX);
}

/* At @from, @len bytes (more than there are for some), of the split @s. */
static void try_all(struct split *s, size_t a, size_t b, size_t from,
		    size_t len)
{
	size_t there = len < LEN - from ? len : LEN - from;
	uint8_t got[LEN + 2], want[LEN];
	struct iov_cur cur;

	split_init(s, a, b);
	cur = iov_start(s->iov, 4);
	assert_int_equal(iov_skip(&cur, from), from);
	memset(got, '.', sizeof(got));
	assert_int_equal(iov_get(&cur, got, len), there);
	assert_memory_equal(got, &"abcdefg"[from], there);
	assert_int_equal(got[there], '.');
	assert_int_equal(iov_skip(&cur, 99), LEN - from - there);
	assert_int_equal(iov_skip(&cur, 1), 0);

	cur = iov_start(s->iov, 4);
	iov_skip(&cur, from);
	assert_int_equal(iov_put(&cur, "123456789", len), there);
	memcpy(want, "abcdefg", LEN);
	memcpy(want + from, "123456789", there);
	assert_memory_equal(s->buf, want, LEN);

	cur = iov_start(s->iov, 4);
	iov_skip(&cur, from);
	assert_int_equal(iov_zero(&cur, len), there);
	memset(want + from, 0, there);
	assert_memory_equal(s->buf, want, LEN);
}

static void every_split(void **state)
{
	struct split s;

	(void)state;
	for (size_t a = 0; a <= LEN; a++)
		for (size_t b = 0; a + b <= LEN; b++)
			for (size_t from = 0; from <= LEN; from++)
				for (size_t len = 0; len <= LEN + 1; len++)
					try_all(&s, a, b, from, len);
}

static void try_match(size_t a, size_t b, size_t differs)
{
	uint8_t data[LEN + 1] = "abcdefg", rest[LEN];
	struct iov_cur cur;
	struct split s;

	split_init(&s, a, b);
	if (differs < LEN)
		data[differs] = '#';
	cur = iov_start(s.iov, 4);
	assert_int_equal(iov_match(&cur, data, LEN), differs);
	/* The cursor stands at the difference. */
	assert_int_equal(iov_get(&cur, rest, LEN), LEN - differs);
	assert_memory_equal(rest, &"abcdefg"[differs], LEN - differs);
}

static void match_finds_the_first_difference(void **state)
{
	struct iov_cur cur;
	struct split s;

	(void)state;
	for (size_t a = 0; a <= LEN; a++)
		for (size_t b = 0; a + b <= LEN; b++)
			for (size_t differs = 0; differs <= LEN; differs++)
				try_match(a, b, differs);
	split_init(&s, 2, 2);
	cur = iov_start(s.iov, 4);
	assert_int_equal(iov_match(&cur, "abcdefgh", 8), LEN);
	cur = iov_start(s.iov, 4);
	assert_int_equal(iov_match(&cur, "abc", 3), 3);
}

static void slice(void **state)
{
	struct iovec out[2];
	struct iov_cur cur;
	struct split s;
	size_t n = 99;

	(void)state;
	split_init(&s, 2, 3);
	cur = iov_start(s.iov, 4);
	iov_skip(&cur, 1);
	/* Out of elements: "b", "cde" of the six bytes asked for. */
	assert_int_equal(iov_slice(&cur, 6, out, 2, &n), 4);
	assert_int_equal(n, 2);
	assert_ptr_equal(out[0].iov_base, s.buf + 1);
	assert_int_equal(out[0].iov_len, 1);
	assert_ptr_equal(out[1].iov_base, s.buf + 2);
	assert_int_equal(out[1].iov_len, 3);
	assert_int_equal(iov_slice(&cur, 2, out, 2, &n), 2);
	assert_int_equal(n, 1);
	assert_ptr_equal(out[0].iov_base, s.buf + 5);
	assert_int_equal(iov_slice(&cur, 2, out, 2, &n), 0);
	assert_int_equal(n, 0);
	cur = iov_start(s.iov, 4);
	assert_int_equal(iov_slice(&cur, 5, out, 0, &n), 0);
	assert_int_equal(n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes),
		cmocka_unit_test(every_split),
		cmocka_unit_test(match_finds_the_first_difference),
		cmocka_unit_test(slice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
