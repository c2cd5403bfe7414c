// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* A disk's socket: made, or found to be somebody else's. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limit.h"
#include "control/internal.h"

#define DYING_MS 1000 /* how long the end of a process may take */

/* A socket that was left over refuses, one whose queue is full says EAGAIN.
 * -errno: who knows. */
static int is_served(const struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool served;

	if (fd < 0)
		return -errno;
	served = !connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) ||
		 errno == EAGAIN;
	close(fd);
	return served;
}

/* A process that was killed may have lost the disk's lock a moment before its
 * socket. */
static int stays_served(const struct sockaddr_un *addr)
{
	uint64_t end_ms = clock_ms() + DYING_MS;
	int served;

	do
		served = is_served(addr);
	while (served > 0 && clock_wait_step(end_ms, 10));
	return served;
}

/* Nobody can connect before listen(): the mode is right by then. */
static int bind_to(int fd, const struct sockaddr_un *addr)
{
	unlink(addr->sun_path);
	if (bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) ||
	    chmod(addr->sun_path, 0600) || listen(fd, 8))
		return -errno;
	return 0;
}

static int listen_at(const struct sockaddr_un *addr, int *fd)
{
	int ret;

	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*fd < 0)
		return -errno;
	ret = bind_to(*fd, addr);
	if (ret)
		close(*fd);
	return ret;
}

int socket_make(const char *path, int *fd, struct zl_err *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int ret;

	strcpy(addr.sun_path, path);
	ret = stays_served(&addr);
	if (ret > 0)
		return zl_fail(err, EADDRINUSE,
			       "%s is another process's, which has a disk of "
			       "this serial number open, perhaps a copy",
			       path);
	if (!ret)
		ret = listen_at(&addr, fd);
	if (!ret)
		return 0;
	return zl_fail(err, -ret, "the socket %s cannot be made: %s", path,
		       limit_strerror(-ret));
}
