// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Commands in flight. */
#include <stdlib.h>

#include "cmdpool.h"

void cmd_pool_init(struct cmd_pool *pool)
{
	pthread_mutex_init(&pool->lock, NULL);
	pool->free = NULL;
}

void cmd_pool_free(struct cmd_pool *pool)
{
	struct cmd *cmd;

	while ((cmd = pool->free)) {
		pool->free = cmd->next;
		free(cmd);
	}
	pthread_mutex_destroy(&pool->lock);
}

struct cmd *cmd_pool_get(struct cmd_pool *pool)
{
	struct cmd *cmd;

	pthread_mutex_lock(&pool->lock);
	cmd = pool->free;
	if (cmd)
		pool->free = cmd->next;
	pthread_mutex_unlock(&pool->lock);
	return cmd ? cmd : malloc(sizeof(*cmd));
}

void cmd_pool_put(struct cmd_pool *pool, struct cmd *cmd)
{
	pthread_mutex_lock(&pool->lock);
	cmd->next = pool->free;
	pool->free = cmd;
	pthread_mutex_unlock(&pool->lock);
}
