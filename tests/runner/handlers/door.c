// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
// A well-behaved handler for the tests of the stand-in: a disk in memory that
// sends every command that may block through flush, with its CDB's first byte
// overwritten, to a thread that completes it.

#include "handler/tcmur_abi.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct job {
	struct job *next;
	struct tcmur_cmd *cmd;
	uint8_t opcode;
};

struct disk {
	struct tcmu_device *dev;
	char *data;
	size_t bytes;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	struct job *head;
	struct job **tail;
	bool quit;
	uint8_t opcode; /* remembered between handle_cmd and flush */
};

static bool door_check_config(const char *cfgstring, char **reason)
{
	if (!strstr(cfgstring, "refuse"))
		return true;
	*reason = strdup("refused as asked");
	return false;
}

static int run_job(struct disk *d, struct job *job)
{
	struct tcmulib_cmd *lib = job->cmd->lib_cmd;
	size_t len = tcmu_iovec_length(lib->iovec, lib->iov_cnt);
	uint64_t off;

	lib->cdb[0] = job->opcode;
	off = tcmu_cdb_to_byte(d->dev, lib->cdb);
	if (off > d->bytes || len > d->bytes - off)
		return tcmu_sense_set_data(lib->sense_buf, 0x5, 0x2100);
	if (lib->cdb[1] & 0x01) /* reserved in READ and WRITE: be slow */
		usleep(20000);
	if (job->opcode == 0x88)
		tcmu_memcpy_into_iovec(lib->iovec, lib->iov_cnt, d->data + off,
				       len);
	else if (job->opcode == 0x8a)
		tcmu_memcpy_from_iovec(d->data + off, len, lib->iovec,
				       lib->iov_cnt);
	return TCMU_STS_OK;
}

static struct job *next_job(struct disk *d)
{
	struct job *job;

	pthread_mutex_lock(&d->lock);
	while (!d->head && !d->quit)
		pthread_cond_wait(&d->cond, &d->lock);
	job = d->head;
	if (job)
		d->head = job->next;
	if (!d->head)
		d->tail = &d->head;
	pthread_mutex_unlock(&d->lock);
	return job;
}

static void *work(void *arg)
{
	struct disk *d = arg;
	struct job *job;

	tcmu_set_thread_name("door", d->dev);
	while ((job = next_job(d))) {
		tcmur_cmd_complete(d->dev, job->cmd, run_job(d, job));
		free(job);
	}
	return NULL;
}

static int door_open(struct tcmu_device *dev, bool reopen)
{
	struct disk *d;

	if (reopen || strstr(tcmu_dev_get_cfgstring(dev), "fail"))
		return -EIO;
	d = calloc(1, sizeof(*d));
	d->dev = dev;
	d->bytes = tcmu_lba_to_byte(dev, tcmu_dev_get_num_lbas(dev));
	d->data = calloc(1, d->bytes);
	d->tail = &d->head;
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->cond, NULL);
	pthread_create(&d->thread, NULL, work, d);
	tcmur_dev_set_private(dev, d);
	tcmu_info_message(dev, __func__, __LINE__, "opened\n");
	return 0;
}

static void door_close(struct tcmu_device *dev)
{
	struct disk *d = tcmur_dev_get_private(dev);

	pthread_mutex_lock(&d->lock);
	d->quit = true;
	pthread_cond_signal(&d->cond);
	pthread_mutex_unlock(&d->lock);
	pthread_join(d->thread, NULL);
	tcmu_info_message(dev, __func__, __LINE__, "closed\n");
	free(d->data);
	free(d);
}

/* Opcode 7Fh: waits in handle_cmd; bytes 8 to 23 hold two sem_t pointers. */
static int wait_here(const uint8_t *cdb)
{
	sem_t *sems[2];

	memcpy(sems, cdb + 8, sizeof(sems));
	sem_post(sems[0]);
	while (sem_wait(sems[1]))
		;
	return TCMU_STS_OK;
}

static int door_handle_cmd(struct tcmu_device *dev, struct tcmur_cmd *cmd)
{
	struct disk *d = tcmur_dev_get_private(dev);
	uint8_t *cdb = cmd->lib_cmd->cdb;

	switch (cdb[0]) {
	case 0x00: /* TEST UNIT READY */
		return TCMU_STS_OK;
	case 0x01: /* REZERO UNIT, obsolete: end with the status in byte 4 */
		if (cdb[4] == TCMU_STS_PASSTHROUGH_ERR)
			return tcmu_sense_set_data(cmd->lib_cmd->sense_buf, 0x5,
						   0x2104);
		return cdb[4];
	case 0x7f:
		return wait_here(cdb);
	case 0x12: /* INQUIRY: fills 36 bytes, whatever was asked for */
		tcmu_memcpy_into_iovec(
			cmd->lib_cmd->iovec, cmd->lib_cmd->iov_cnt,
			"0123456789abcdefghijklmnopqrstuvwxyz", 36);
		return TCMU_STS_OK;
	case 0x88: /* READ(16), WRITE(16): by the door */
	case 0x8a:
		d->opcode = cdb[0];
		cdb[0] = 0x35;
		return TCMU_STS_NOT_HANDLED;
	}
	return TCMU_STS_NOT_HANDLED;
}

static int door_flush(struct tcmu_device *dev, struct tcmur_cmd *cmd)
{
	struct disk *d = tcmur_dev_get_private(dev);
	struct job *job = calloc(1, sizeof(*job));

	job->cmd = cmd;
	job->opcode = d->opcode ? d->opcode : 0x35;
	d->opcode = 0;
	pthread_mutex_lock(&d->lock);
	*d->tail = job;
	d->tail = &job->next;
	pthread_cond_signal(&d->cond);
	pthread_mutex_unlock(&d->lock);
	return TCMU_STS_OK;
}

/* Completes inside the callout. */
static int door_read(struct tcmu_device *dev, struct tcmur_cmd *cmd,
		     struct iovec *iov, size_t iov_cnt, size_t len, off_t off)
{
	struct disk *d = tcmur_dev_get_private(dev);

	tcmu_memcpy_into_iovec(iov, iov_cnt, d->data + off, len);
	tcmur_cmd_complete(dev, cmd, TCMU_STS_OK);
	return TCMU_STS_OK;
}

/* Fails inside the callout. */
static int door_write(struct tcmu_device *dev, struct tcmur_cmd *cmd,
		      struct iovec *iov, size_t iov_cnt, size_t len, off_t off)
{
	(void)dev;
	(void)cmd;
	(void)iov;
	(void)iov_cnt;
	(void)len;
	(void)off;
	return TCMU_STS_WR_ERR;
}

static int door_reconfig(struct tcmu_device *dev, struct tcmulib_cfg_info *cfg)
{
	(void)dev;
	return cfg->type == TCMULIB_CFG_DEV_SIZE ? 0 : -EINVAL;
}

static struct tcmur_handler door = {
	.name = "test: door",
	.subtype = "door",
	.cfg_desc = "door/anything",
	.check_config = door_check_config,
	.reconfig = door_reconfig,
	.open = door_open,
	.close = door_close,
	.handle_cmd = door_handle_cmd,
	.read = door_read,
	.write = door_write,
	.flush = door_flush,
};

int handler_init(void)
{
	return tcmur_register_handler(&door);
}
