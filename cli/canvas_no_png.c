// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* In place of canvas_png.c where cairo's headers were not found. */
#include <errno.h>

#include "canvas.h"

int png_load(struct zl_err *err)
{
	return zl_fail(err, ENOTSUP,
		       "this zloop was built without PNG pictures (cairo); "
		       "draw with --svg");
}

/* What was not loaded is not called. */
int png_begin(struct canvas *c, double width, double height)
{
	(void)c, (void)width, (void)height;
	return -ENOTSUP;
}

int png_end(struct canvas *c, FILE *f)
{
	(void)c, (void)f;
	return -ENOTSUP;
}
