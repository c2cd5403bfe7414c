// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Disks like a drive: which reader a word wants. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "cli.h"
#include "like.h"

/* A million zones as JSON. */
#define MAX_BYTES (512 * ZL_MIB)

/* All of a file, with a NUL behind it. */
static char *read_whole(int fd, size_t *len)
{
	size_t room = 65536;
	char *buf = malloc(room), *more;
	ssize_t n = buf ? 1 : -1;

	for (*len = 0; n > 0; *len += (size_t)n) {
		if (*len + 1 == room) {
			more = room < MAX_BYTES ? realloc(buf, 2 * room) : NULL;
			if (!more) {
				errno = room < MAX_BYTES ? ENOMEM : EFBIG;
				n = -1;
				break;
			}
			buf = more;
			room *= 2;
		}
		n = read(fd, buf + *len, room - 1 - *len);
		if (n <= 0)
			break;
	}
	if (n >= 0) {
		buf[*len] = 0;
		return buf;
	}
	free(buf);
	return NULL;
}

/* @text has @len bytes and a NUL. */
static int read_report(struct like *like, char *text, size_t len,
		       struct zl_err *err)
{
	like->place = "line";
	if (!text[strspn(text, " \t\r\n")] && strlen(text) == len)
		return zl_fail(err, EINVAL,
			       "%s is empty; give a report of a drive's zones, "
			       "e.g. what blkzone report prints",
			       like->name);
	if (strlen(text) != len)
		return like_raw(like, (uint8_t *)text, len, err);
	if (text[strspn(text, " \t\r\n")] == '{')
		return like_json(like, text, err);
	if (like_is_hex(text))
		return like_hex(like, text, err);
	return like_text(like, text, err);
}

static int read_file(struct like *like, int fd, struct zl_err *err)
{
	struct stat sb;
	size_t len;
	char *text;
	int ret;

	if (fstat(fd, &sb))
		return zl_fail(err, errno, "%s cannot be examined: %s",
			       like->name, strerror(errno));
	if (S_ISBLK(sb.st_mode))
		return like_device(like, fd, err);
	if (S_ISCHR(sb.st_mode) && !isatty(fd))
		return zl_fail(err, EINVAL,
			       "%s is no block device; use the drive's "
			       "/dev/sdX",
			       like->name);
	text = read_whole(fd, &len);
	if (!text)
		return zl_fail(err, errno, "%s cannot be read: %s", like->name,
			       strerror(errno));
	ret = read_report(like, text, len, err);
	free(text);
	return ret;
}

int like_open(struct like *like, const char *word, const struct disk_opts *opts,
	      struct zl_err *err)
{
	int fd, ret;

	*like = (struct like){ .place = "zone",
			       .max_open = LIKE_NONE,
			       .end = LIKE_NONE,
			       .nr_said = LIKE_NONE };
	snprintf(like->name, sizeof(like->name), "%s",
		 strcmp(word, "-") ? word : "standard input");
	ret = like_drive(like, word, opts, err);
	if (ret != -ENOENT)
		return ret;
	fd = strcmp(word, "-") ? open(word, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
			       : dup(STDIN_FILENO);
	if (fd < 0)
		return zl_fail(err, errno, "%s cannot be read: %s%s",
			       like->name, strerror(errno),
			       errno == ENOENT && !strchr(word, '/')
				       ? "; zloop help drives lists the drives "
					 "that have a name"
				       : "");
	ret = read_file(like, fd, err);
	close(fd);
	return ret;
}

void like_close(struct like *like)
{
	free(like->zones);
	like->zones = NULL;
}
