// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * What the kernel multicasts of its user backstores: the generic netlink family
 * TCM-USER, group "config" (include/uapi/linux/target_core_user.h).
 */
#include <errno.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lio/internal.h"

#define FAMILY "TCM-USER"
#define GROUP  "config"

/* The commands and attributes of that header. */
enum {
	CMD_ADDED = 1,
	CMD_REMOVED = 2,
	CMD_RECONFIG = 3
};
enum {
	ATTR_DEVICE = 1,
	ATTR_MINOR = 2,
	ATTR_DEV_CFG = 4,
	ATTR_DEV_SIZE = 5,
	ATTR_WRITECACHE = 6,
	ATTR_MAX = 9,
};

struct lio_events {
	struct nl_sock *sock;
	int family;
	bool got;
	struct lio_event event;
};

static const struct nla_policy policy[ATTR_MAX + 1] = {
	[ATTR_DEVICE] = { .type = NLA_STRING },
	[ATTR_MINOR] = { .type = NLA_U32 },
	[ATTR_DEV_CFG] = { .type = NLA_STRING },
	[ATTR_DEV_SIZE] = { .type = NLA_U64 },
	[ATTR_WRITECACHE] = { .type = NLA_U8 },
};

/* "tcm-user/HBA/NAME/CONFIG" */
static int take_device(struct lio_event *event, const char *device)
{
	const char *s = strchr(device, '/'), *config;
	char hba[16], name[LIO_NAME_MAX];

	if (!s || sscanf(s, "/%15[0-9]/%127[^/]/", hba, name) != 2)
		return -EINVAL;
	snprintf(event->hba, sizeof(event->hba), "user_%s", hba);
	strcpy(event->name, name);
	config = strchr(s + strlen(hba) + 2, '/');
	return config ? lio_print(event->config, sizeof(event->config), "%s",
				  config + 1)
		      : -EINVAL;
}

static int take_attrs(struct lio_event *event, struct nlattr **attrs)
{
	if (attrs[ATTR_MINOR])
		event->minor = nla_get_u32(attrs[ATTR_MINOR]);
	if (attrs[ATTR_DEV_CFG])
		snprintf(event->new_config, sizeof(event->new_config), "%s",
			 nla_get_string(attrs[ATTR_DEV_CFG]));
	if (attrs[ATTR_DEV_SIZE]) {
		event->has_size = true;
		event->new_size_bytes = nla_get_u64(attrs[ATTR_DEV_SIZE]);
	}
	if (attrs[ATTR_WRITECACHE]) {
		event->has_write_cache = true;
		event->new_write_cache = nla_get_u8(attrs[ATTR_WRITECACHE]);
	}
	return attrs[ATTR_DEVICE]
		       ? take_device(event, nla_get_string(attrs[ATTR_DEVICE]))
		       : -EINVAL;
}

int lio_event_parse(const void *msg, size_t len, int family,
		    struct lio_event *event)
{
	struct nlmsghdr *hdr = (struct nlmsghdr *)msg;
	struct nlattr *attrs[ATTR_MAX + 1];

	*event = (struct lio_event){ .kind = LIO_ADDED };
	if (!nlmsg_ok(hdr, (int)len) || hdr->nlmsg_type != family ||
	    !genlmsg_valid_hdr(hdr, 0) ||
	    genlmsg_parse(hdr, 0, attrs, ATTR_MAX, policy))
		return -EINVAL;
	switch (((struct genlmsghdr *)nlmsg_data(hdr))->cmd) {
	case CMD_ADDED:
		break;
	case CMD_REMOVED:
		event->kind = LIO_REMOVED;
		break;
	case CMD_RECONFIG:
		event->kind = LIO_RECONFIGURED;
		break;
	default:
		return -EINVAL;
	}
	return take_attrs(event, attrs);
}

static int take_message(struct nl_msg *msg, void *user)
{
	struct nlmsghdr *hdr = nlmsg_hdr(msg);
	struct lio_events *ev = user;

	if (lio_event_parse(hdr, hdr->nlmsg_len, ev->family, &ev->event))
		return NL_SKIP;
	ev->got = true;
	/* One datagram has one event. */
	return NL_STOP;
}

static int join(struct lio_events *ev, struct zl_err *err)
{
	int group, ret = genl_connect(ev->sock);

	if (ret < 0)
		return zl_fail(err, EIO, "netlink cannot be used: %s",
			       nl_geterror(ret));
	ev->family = genl_ctrl_resolve(ev->sock, FAMILY);
	group = genl_ctrl_resolve_grp(ev->sock, FAMILY, GROUP);
	if (ev->family < 0 || group < 0)
		return zl_fail(err, ENODEV,
			       "the kernel has no netlink family " FAMILY
			       "; load its module: modprobe target_core_user");
	ret = nl_socket_add_membership(ev->sock, group);
	if (ret < 0)
		return zl_fail(err, EPERM,
			       "the netlink group " GROUP " of " FAMILY
			       " cannot be joined: %s",
			       nl_geterror(ret));
	/* What comes while nobody reads: a few hundred bytes each. */
	nl_socket_set_buffer_size(ev->sock, 1 << 20, 0);
	nl_socket_disable_seq_check(ev->sock);
	nl_socket_modify_cb(ev->sock, NL_CB_VALID, NL_CB_CUSTOM, take_message,
			    ev);
	nl_socket_set_nonblocking(ev->sock);
	return 0;
}

int lio_events_open(struct lio_events **events, struct zl_err *err)
{
	struct lio_events *ev = calloc(1, sizeof(*ev));
	int ret;

	if (ev)
		ev->sock = nl_socket_alloc();
	if (!ev || !ev->sock) {
		free(ev);
		return zl_fail(err, ENOMEM, "out of memory");
	}
	ret = join(ev, err);
	if (ret)
		lio_events_close(ev);
	else
		*events = ev;
	return ret;
}

void lio_events_close(struct lio_events *ev)
{
	if (!ev)
		return;
	nl_socket_free(ev->sock);
	free(ev);
}

int lio_events_next(struct lio_events *ev, int timeout_ms,
		    struct lio_event *event)
{
	struct pollfd fd = { .fd = nl_socket_get_fd(ev->sock),
			     .events = POLLIN };
	int ret;

	for (ev->got = false; !ev->got;) {
		ret = poll(&fd, 1, timeout_ms);
		if (ret <= 0)
			return ret < 0 ? -errno : 0;
		ret = nl_recvmsgs_default(ev->sock);
		if (ret == -NLE_NOMEM)
			return -ENOBUFS; /* some were lost */
		if (ret < 0 && ret != -NLE_AGAIN)
			return -EIO;
	}
	*event = ev->event;
	return 1;
}
