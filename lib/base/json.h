/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* Reading JSON (RFC 8259) that others wrote. */
#ifndef ZL_BASE_JSON_H
#define ZL_BASE_JSON_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

/* What is wrong with a text. */
struct json_fault {
	bool no_memory; /* nothing, as far as is known */
	enum json_tokener_error
		why; /* json_tokener_continue: it does not end */
	size_t at;   /* bytes of the text before it was seen */
};

/*
 * The value that the @len bytes of @text are, an object or an array, read
 * strictly and the same by every json-c: 0.18, strict, refuses characters
 * beyond ASCII and whole numbers beyond 64 bits.  Here such a number is the
 * nearest of 64 bits, as 0.16 has it.  @depth is how deep it may nest.
 *
 * NULL: @fault says why, or the text is "null".
 */
struct json_object *json_read(const char *text, size_t len, int depth,
			      struct json_fault *fault);

#endif
