// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
#include "base/json.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

/* A text on its way to what every json-c reads: ASCII, numbers of 64 bits. */
struct rewrite {
	const char *in; /* ends with a 0 behind its length */
	size_t at;	/* taken of it */
	char *out;	/* three times as long: six for two */
	size_t n;	/* put there */
	bool string, escaped;
};

static void copy(struct rewrite *w, size_t len)
{
	memcpy(w->out + w->n, w->in + w->at, len);
	w->n += len;
	w->at += len;
}

static void put(struct rewrite *w, const char *text)
{
	w->n += (size_t)(stpcpy(w->out + w->n, text) - (w->out + w->n));
}

static void character(struct rewrite *w)
{
	unsigned len = utf8_char_len(w->in + w->at);
	uint32_t code;
	char text[32];

	if (!len) { /* no byte of a character, which json-c refuses */
		put(w, "\xff");
		w->at++;
		return;
	}
	code = utf8_code(w->in + w->at, len);
	if (code < 0x10000)
		snprintf(text, sizeof(text), "\\u%04x", code & 0xffff);
	else
		snprintf(text, sizeof(text), "\\u%04x\\u%04x",
			 0xd7c0 + (code >> 10), 0xdc00 | (code & 0x3ff));
	put(w, text);
	w->at += len;
}

/* Must be escaped: this is an escape that there is not. */
static void control(struct rewrite *w)
{
	put(w, "\\x");
	w->at++;
}

/* A whole number beyond 64 bits becomes the nearest of them. */
static void number(struct rewrite *w)
{
	const char *s = w->in + w->at;
	const char *bound =
		*s == '-' ? "-9223372036854775808" : "18446744073709551615";
	size_t sign = *s == '-', len = sign, most = strlen(bound);

	while (isdigit((unsigned char)s[len]))
		len++;
	/* A fraction, or none that JSON knows, is left to json-c. */
	if (len < most || s[sign] == '0' || memchr(".eE", s[len], 3) ||
	    (len == most && memcmp(s, bound, most) <= 0)) {
		copy(w, len);
	} else {
		put(w, bound);
		w->at += len;
	}
}

static void step(struct rewrite *w)
{
	char c = w->in[w->at];
	bool escaped = w->escaped;

	w->escaped = w->string && !escaped && c == '\\';
	if (c == '"' && !escaped)
		w->string = !w->string;
	if (c & 0x80)
		character(w);
	else if (w->string && (unsigned char)c < ' ')
		control(w);
	else if (!w->string && (c == '-' || isdigit((unsigned char)c)))
		number(w);
	else
		copy(w, 1);
}

/* Until the text ends, or @end bytes have been put. */
static void rewrite(struct rewrite *w, size_t len, size_t end)
{
	w->at = w->n = 0;
	w->string = w->escaped = false;
	while (w->at < len && w->n < end)
		step(w);
}

static struct json_object *parse(struct rewrite *w, size_t len, int depth,
				 struct json_fault *fault)
{
	struct json_tokener *tok = json_tokener_new_ex(depth);
	struct json_object *o;
	size_t end;

	if (!tok)
		return NULL;
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT |
					    JSON_TOKENER_VALIDATE_UTF8);
	rewrite(w, len, SIZE_MAX);
	o = json_tokener_parse_ex(tok, w->out, (int)w->n);
	fault->no_memory = false;
	fault->why = json_tokener_get_error(tok);
	end = json_tokener_get_parse_end(tok);
	json_tokener_free(tok);
	rewrite(w, len, end);
	fault->at = w->at;
	return o;
}

struct json_object *json_read(const char *text, size_t len, int depth,
			      struct json_fault *fault)
{
	char *in = malloc(len + 1), *out = malloc(3 * len + 1);
	struct rewrite w = { .in = in, .out = out };
	struct json_object *o = NULL;

	*fault = (struct json_fault){ .no_memory = true };
	if (in && out && len <= INT32_MAX / 3) {
		*(char *)mempcpy(in, text, len) = 0;
		o = parse(&w, len, depth, fault);
	}
	free(in);
	free(out);
	return o;
}
