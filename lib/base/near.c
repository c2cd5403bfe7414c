// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
#include "base/near.h"

#include <stdbool.h>
#include <string.h>

#include "base/num.h"

#define MAX_LEN 32

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned least = a < b ? a : b;

	return least < c ? least : c;
}

/* Optimal string alignment: letters changed, put in, left out, or swapped. */
static unsigned distance(const char *a, size_t a_len, const char *b,
			 size_t b_len)
{
	unsigned d[MAX_LEN + 1][MAX_LEN + 1];

	for (unsigned i = 0; i <= a_len; i++)
		d[i][0] = i;
	for (unsigned j = 0; j <= b_len; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= a_len; i++)
		for (size_t j = 1; j <= b_len; j++) {
			d[i][j] =
				min3(d[i - 1][j] + 1, d[i][j - 1] + 1,
				     d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] &&
			    d[i - 2][j - 2] + 1 < d[i][j])
				d[i][j] = d[i - 2][j - 2] + 1;
		}
	return d[a_len][b_len];
}

/* More than that is another word. */
static unsigned limit(size_t len)
{
	return len < 4 ? 1 : len < 8 ? 2 : 3;
}

void near_try(struct near *n, const char *candidate)
{
	size_t len = strlen(candidate);
	bool begins = n->len > 2 && n->len < len &&
		      !memcmp(n->word, candidate, n->len);
	unsigned cost;

	if (!n->len || n->len > MAX_LEN || len > MAX_LEN)
		return;
	cost = begins ? 1 : distance(n->word, n->len, candidate, len);
	if (cost > limit(min_u64(n->len, len)) || (n->best && cost >= n->cost))
		return;
	n->best = candidate;
	n->cost = cost;
}
