// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
// What libtcmu.so.2 (1.5.4) exports to handlers, behaving as it does there,
// warts included. configfs is a few fields of the device instead of files.

#include "dev.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- device fields ---- */

#define GET(type, name, field)                            \
	type tcmu_dev_get_##name(struct tcmu_device *dev) \
	{                                                 \
		return dev->lib.field;                    \
	}
#define GET_SET(type, name, field)                                    \
	GET(type, name, field)                                        \
	void tcmu_dev_set_##name(struct tcmu_device *dev, type value) \
	{                                                             \
		dev->lib.field = value;                               \
	}

GET_SET(uint32_t, block_size, block_size)
GET_SET(uint64_t, num_lbas, num_lbas)
GET_SET(uint32_t, max_xfer_len, max_xfer_len)
GET_SET(uint32_t, opt_xcopy_rw_len, opt_xcopy_rw_len)
GET_SET(uint32_t, max_unmap_len, max_unmap_len)
GET_SET(uint32_t, unmap_gran_align, unmap_gran_align)
GET_SET(bool, write_cache_enabled, write_cache_enabled)
GET_SET(bool, solid_state_media, solid_state_media)
GET_SET(bool, unmap_enabled, unmap_enabled)
GET_SET(void *, private, private_data)
GET(uint32_t, opt_unmap_gran, opt_unmap_gran)
GET(char *, cfgstring, cfgstring)
GET(const char *, uio_name, uio_name)

void tcmu_dev_set_opt_unmap_gran(struct tcmu_device *dev, uint32_t blocks,
				 bool split)
{
	(void)split;
	dev->lib.opt_unmap_gran = blocks;
}

static unsigned int block_shift(struct tcmu_device *dev)
{
	return (unsigned int)__builtin_ctz(dev->lib.block_size);
}

uint64_t tcmu_lba_to_byte(struct tcmu_device *dev, uint64_t lba)
{
	return lba << block_shift(dev);
}

uint64_t tcmu_byte_to_lba(struct tcmu_device *dev, uint64_t byte)
{
	return byte >> block_shift(dev);
}

uint64_t tcmu_cdb_to_byte(struct tcmu_device *dev, uint8_t *cdb)
{
	return tcmu_lba_to_byte(dev, tcmu_cdb_get_lba(cdb));
}

void tcmu_set_thread_name(const char *prefix, struct tcmu_device *dev)
{
	char *name;

	if (!prefix || asprintf(&name, "%s%s%s", prefix, dev ? "-" : "",
				dev ? dev->lib.uio_name : "") < 0)
		return;
	if (strlen(name) > 15)
		name[15] = '\0';
	pthread_setname_np(pthread_self(), name);
	free(name);
}

/* ---- CDBs ---- */

static uint64_t be(const uint8_t *p, unsigned int bytes)
{
	uint64_t v = 0;

	while (bytes--)
		v = v << 8 | *p++;
	return v;
}

int tcmu_cdb_get_length(uint8_t *cdb)
{
	switch (cdb[0] >> 5) {
	case 0:
		return 6;
	case 1:
	case 2:
		return 10;
	case 4:
		return 16;
	case 5:
		return 12;
	}
	if (cdb[0] == 0x7f)
		return 8 + cdb[7];
	tcmu_err_message(NULL, __func__, __LINE__, "CDB %x0x not supported.\n",
			 cdb[0]);
	return -EINVAL;
}

uint64_t tcmu_cdb_get_lba(uint8_t *cdb)
{
	switch (tcmu_cdb_get_length(cdb)) {
	case 6:
		return be(cdb + 1, 3) & 0x1fffff;
	case 10:
	case 12:
		return be(cdb + 2, 4);
	case 16:
		return be(cdb + 2, 8);
	}
	runner_abort("tcmu_cdb_get_lba: CDB %02x has no LBA for libtcmu",
		     cdb[0]);
}

uint32_t tcmu_cdb_get_xfer_length(uint8_t *cdb)
{
	switch (tcmu_cdb_get_length(cdb)) {
	case 6:
		return cdb[4];
	case 10:
		return (uint32_t)be(cdb + 7, 2);
	case 12:
		return (uint32_t)be(cdb + 6, 4);
	case 16:
		return (uint32_t)be(cdb + 10, 4);
	}
	runner_abort("tcmu_cdb_get_xfer_length: CDB %02x has none for libtcmu",
		     cdb[0]);
}

void tcmu_cdb_print_info(struct tcmu_device *dev, const struct tcmulib_cmd *cmd,
			 const char *info)
{
	char text[3 * RUNNER_CDB_BYTES + 1] = "";
	int len = tcmu_cdb_get_length(cmd->cdb);
	int i;

	for (i = 0; i < len; i++)
		sprintf(text + strlen(text), "%x ", cmd->cdb[i]);
	if (info)
		tcmu_dbg_message(dev, __func__, __LINE__, "%s%s\n", text, info);
	else
		tcmu_dbg_scsi_cmd_message(dev, __func__, __LINE__, "%s\n",
					  text);
}

/* ---- iovecs ---- */

static void iovec_consume(struct iovec *iov, size_t count)
{
	iov->iov_base = (char *)iov->iov_base + count;
	iov->iov_len -= count;
}

size_t tcmu_iovec_seek(struct iovec *iov, size_t count)
{
	struct iovec *at = iov;

	while (count && count >= at->iov_len) {
		count -= at->iov_len;
		at->iov_len = 0;
		at++;
	}
	if (count)
		iovec_consume(at, count);
	return (size_t)(at - iov);
}

void tcmu_cmd_seek(struct tcmulib_cmd *cmd, size_t count)
{
	cmd->iov_cnt -= tcmu_iovec_seek(cmd->iovec, count);
}

size_t tcmu_iovec_length(struct iovec *iov, size_t iov_cnt)
{
	size_t sum = 0;

	while (iov_cnt--)
		sum += iov++->iov_len;
	return sum;
}

void tcmu_iovec_zero(struct iovec *iov, size_t iov_cnt)
{
	for (; iov_cnt--; iov++)
		memset(iov->iov_base, 0, iov->iov_len);
}

bool tcmu_iovec_zeroed(struct iovec *iov, size_t iov_cnt)
{
	size_t i;

	for (; iov_cnt--; iov++)
		for (i = 0; i < iov->iov_len; i++)
			if (((char *)iov->iov_base)[i])
				return false;
	return true;
}

off_t tcmu_iovec_compare(void *mem, struct iovec *iov, size_t size)
{
	const uint8_t *p = mem;
	size_t at = 0;
	size_t i;

	for (; at < size; iov++)
		for (i = 0; i < iov->iov_len && at < size; i++, at++)
			if (p[at] != ((uint8_t *)iov->iov_base)[i])
				return (off_t)at;
	return -1;
}

/* To (or from) @mem; consumes the iovec. */
static size_t iovec_copy(struct iovec *iov, size_t iov_cnt, char *mem,
			 size_t len, bool into_iovec)
{
	size_t done = 0;

	for (; iov_cnt && done < len; iov++, iov_cnt--) {
		size_t n = len - done;

		if (n > iov->iov_len)
			n = iov->iov_len;
		if (n && into_iovec)
			memcpy(iov->iov_base, mem + done, n);
		else if (n)
			memcpy(mem + done, iov->iov_base, n);
		iovec_consume(iov, n);
		done += n;
	}
	return done;
}

size_t tcmu_memcpy_into_iovec(struct iovec *iov, size_t iov_cnt, void *src,
			      size_t len)
{
	return iovec_copy(iov, iov_cnt, src, len, true);
}

size_t tcmu_memcpy_from_iovec(void *dest, size_t len, struct iovec *iov,
			      size_t iov_cnt)
{
	return iovec_copy(iov, iov_cnt, dest, len, false);
}

/* ---- sense data and status ---- */

void __tcmu_sense_set_data(uint8_t *sense, uint8_t key, uint16_t asc_ascq)
{
	sense[0] |= 0x70; /* keeps what was there, as libtcmu does */
	sense[2] = key;
	sense[7] = 10;
	sense[12] = (uint8_t)(asc_ascq >> 8);
	sense[13] = (uint8_t)asc_ascq;
}

int tcmu_sense_set_data(uint8_t *sense, uint8_t key, uint16_t asc_ascq)
{
	memset(sense, 0, TCMU_SENSE_BUFFERSIZE);
	__tcmu_sense_set_data(sense, key, asc_ascq);
	return TCMU_STS_PASSTHROUGH_ERR;
}

void tcmu_sense_set_info(uint8_t *sense, uint32_t info)
{
	memset(sense, 0, 18);
	sense[0] = 0x80; /* VALID */
	sense[3] = (uint8_t)(info >> 24);
	sense[4] = (uint8_t)(info >> 16);
	sense[5] = (uint8_t)(info >> 8);
	sense[6] = (uint8_t)info;
}

void tcmu_sense_set_key_specific_info(uint8_t *sense, uint16_t info)
{
	memset(sense, 0, 18);
	sense[15] = 0x80; /* SKSV */
	sense[16] = (uint8_t)(info >> 8);
	sense[17] = (uint8_t)info;
}

/* Sense that libtcmu gives to a status; keep: on top of what is there. */
static const struct status_sense {
	int8_t sts;
	uint8_t key;
	uint16_t asc_ascq;
	bool keep;
} status_sense[] = {
	{ TCMU_STS_NOT_HANDLED, 0x5, 0x2000, false },
	{ TCMU_STS_WR_ERR, 0x3, 0x0c00, false },
	{ TCMU_STS_RD_ERR, 0x3, 0x1100, false },
	{ TCMU_STS_MISCOMPARE, 0xe, 0x1d00, true },
	{ TCMU_STS_INVALID_CMD, 0x5, 0x2000, false },
	{ TCMU_STS_INVALID_CDB, 0x5, 0x2400, false },
	{ TCMU_STS_INVALID_PARAM_LIST, 0x5, 0x2600, false },
	{ TCMU_STS_INVALID_PARAM_LIST_LEN, 0x5, 0x1a00, false },
	{ TCMU_STS_FENCED, 0x2, 0x040b, false },
	{ TCMU_STS_HW_ERR, 0x4, 0x4400, false },
	{ TCMU_STS_RANGE, 0x5, 0x2100, false },
	{ TCMU_STS_FRMT_IN_PROGRESS, 0x2, 0x0404, true },
	{ TCMU_STS_CAPACITY_CHANGED, 0x6, 0x2a09, false },
	{ TCMU_STS_NOTSUPP_SAVE_PARAMS, 0x5, 0x3900, false },
	{ TCMU_STS_WR_ERR_INCOMPAT_FRMT, 0x5, 0x3005, false },
	{ TCMU_STS_TRANSITION, 0x2, 0x040a, false },
	{ TCMU_STS_IMPL_TRANSITION_ERR, 0x6, 0x2a07, false },
	{ TCMU_STS_EXPL_TRANSITION_ERR, 0x4, 0x670a, false },
	{ TCMU_STS_NOTSUPP_SEG_DESC_TYPE, 0x5, 0x2609, false },
	{ TCMU_STS_NOTSUPP_TGT_DESC_TYPE, 0x5, 0x2607, false },
	{ TCMU_STS_CP_TGT_DEV_NOTCONN, 0xa, 0x0d02, false },
	{ TCMU_STS_INVALID_CP_TGT_DEV_TYPE, 0xa, 0x0d03, false },
	{ TCMU_STS_TOO_MANY_SEG_DESC, 0x5, 0x2608, false },
	{ TCMU_STS_TOO_MANY_TGT_DESC, 0x5, 0x2606, false },
};

static const struct status_sense *sense_of(int sts)
{
	size_t i;

	for (i = 0; i < sizeof(status_sense) / sizeof(status_sense[0]); i++)
		if (status_sense[i].sts == sts)
			return &status_sense[i];
	return NULL;
}

uint8_t sts_to_scsi(int sts, uint8_t *sense)
{
	const struct status_sense *s;

	switch (sts) {
	case TCMU_STS_OK:
		return 0x00;
	case TCMU_STS_NO_RESOURCE:
		return 0x28; /* TASK SET FULL */
	case TCMU_STS_TIMEOUT:
	case TCMU_STS_BUSY:
		return 0x08;
	}
	s = sense_of(sts);
	if (s && s->keep)
		__tcmu_sense_set_data(sense, s->key, s->asc_ascq);
	else if (s)
		tcmu_sense_set_data(sense, s->key, s->asc_ascq);
	return 0x02; /* CHECK CONDITION */
}

bool sts_completes(int sts)
{
	switch (sts) {
	case TCMU_STS_OK:
	case TCMU_STS_NO_RESOURCE:
	case TCMU_STS_PASSTHROUGH_ERR:
	case TCMU_STS_TIMEOUT:
	case TCMU_STS_BUSY:
		return true;
	}
	return sense_of(sts) != NULL;
}

/* ---- configfs ---- */

#define CORE "/sys/kernel/config/target/core/"
#define UIO  "/sys/class/uio/"

void cfgfs_record(struct tcmu_device *dev, const char *text, size_t len)
{
	struct cfgfs *c = &dev->cfgfs;
	char **writes;
	char *copy = strndup(text, len);

	pthread_mutex_lock(&c->lock);
	writes = realloc(c->writes, (c->num_writes + 1) * sizeof(*writes));
	if (!copy || !writes)
		runner_abort("out of memory");
	writes[c->num_writes++] = copy;
	c->writes = writes;
	pthread_mutex_unlock(&c->lock);
}

int tcmu_cfgfs_dev_get_attr_int(struct tcmu_device *dev, const char *name)
{
	if (!strcmp(name, "hw_block_size") || !strcmp(name, "block_size"))
		return (int)dev->cfgfs.hw_block_size;
	if (!strcmp(name, "hw_max_sectors"))
		return (int)dev->cfgfs.hw_max_sectors;
	if (!strcmp(name, "hw_queue_depth"))
		return (int)ring_depth(dev->ring);
	if (!strcmp(name, "cmd_time_out"))
		return 30;
	if (!strcmp(name, "emulate_write_cache"))
		return dev->cfgfs.write_cache;
	tcmu_err_message(NULL, __func__, __LINE__,
			 "Kernel does not support configfs file %s.\n", name);
	return -ENOENT;
}

uint64_t tcmu_cfgfs_dev_get_info_u64(struct tcmu_device *dev, const char *name,
				     int *ret)
{
	*ret = 0;
	if (!strcmp(name, "Size"))
		return dev->cfgfs.size_bytes;
	if (!strcmp(name, "MaxDataAreaMB"))
		return 8;
	*ret = -EINVAL;
	return 0;
}

char *tcmu_cfgfs_dev_get_wwn(struct tcmu_device *dev)
{
	char *copy;

	pthread_mutex_lock(&dev->cfgfs.lock);
	copy = strdup(dev->cfgfs.wwn);
	pthread_mutex_unlock(&dev->cfgfs.lock);
	return copy;
}

int tcmu_cfgfs_dev_set_ctrl_u64(struct tcmu_device *dev, const char *key,
				uint64_t value)
{
	char text[256];

	snprintf(text, sizeof(text), "%s=%" PRIu64, key, value);
	if (!strcmp(key, "dev_size"))
		dev->cfgfs.size_bytes = value;
	cfgfs_record(dev, text, strlen(text));
	return 0;
}

int tcmu_cfgfs_dev_exec_action(struct tcmu_device *dev, const char *name,
			       uint32_t value)
{
	char text[256];

	snprintf(text, sizeof(text), "action/%s=%" PRIu32, name, value);
	cfgfs_record(dev, text, strlen(text));
	return 0;
}

/* "uioN/name", the way to the names of a device's configfs folder. */
static char *uio_text(struct tcmu_device *dev)
{
	char *text;

	if (asprintf(&text, "tcm-user/%s/%s/%s",
		     dev->lib.hba_name + strlen("user_"), dev->lib.name,
		     dev->lib.cfgstring) < 0)
		return NULL;
	return text;
}

static char *no_file(const char *path)
{
	tcmu_err_message(NULL, __func__, __LINE__,
			 "Kernel does not support configfs file %s.\n", path);
	errno = ENOENT;
	return NULL;
}

char *tcmu_cfgfs_get_str(const char *path)
{
	const char *rest;
	struct tcmu_device *dev = dev_by_path(path, &rest);
	char *text;

	if (!dev)
		return no_file(path);
	if (!strncmp(path, UIO, strlen(UIO)) && !strcmp(rest, "/name"))
		return uio_text(dev);
	if (!strcmp(rest, "/info") &&
	    asprintf(&text, "Config: %s Size: %" PRIu64 " MaxDataAreaMB: 8 ",
		     dev->lib.cfgstring, dev->cfgfs.size_bytes) >= 0)
		return text;
	return no_file(path);
}

int tcmu_cfgfs_get_int(const char *path)
{
	const char *rest;
	struct tcmu_device *dev = dev_by_path(path, &rest);

	if (dev && !strncmp(rest, "/attrib/", 8))
		return tcmu_cfgfs_dev_get_attr_int(dev, rest + 8);
	if (dev && !strcmp(rest, "/enable"))
		return dev->cfgfs.configured;
	no_file(path);
	return -ENOENT;
}

/*
 * The kernel tells the daemon of a device that is configured, and waits for its
 * answer: the thread that opens devices, and the command thread, which the
 * removal of a device waits for, would wait for themselves.
 */
static void set_write_cache(struct tcmu_device *dev, const char *value)
{
	if (dev->cfgfs.configured)
		runner_abort("emulate_write_cache of a configured device is "
			     "written by the daemon");
	dev->cfgfs.write_cache = atoi(value);
}

int tcmu_cfgfs_set_str(const char *path, const char *value, int value_bytes)
{
	const char *rest;
	struct tcmu_device *dev = dev_by_path(path, &rest);

	if (dev && !strcmp(rest, "/attrib/emulate_write_cache")) {
		set_write_cache(dev, value);
		return 0;
	}
	if (!dev || strcmp(rest, "/control")) {
		no_file(path);
		return -ENOENT;
	}
	if (dev->cfgfs.control_error)
		return dev->cfgfs.control_error;
	cfgfs_record(dev, value, strnlen(value, (size_t)value_bytes));
	return 0;
}

int tcmu_cfgfs_set_u32(const char *path, uint32_t value)
{
	char text[16];

	snprintf(text, sizeof(text), "%" PRIu32, value);
	return tcmu_cfgfs_set_str(path, text, (int)strlen(text) + 1);
}
