// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Commands in flight. */
#include <stdlib.h>

#include "cmdpool.h"

void cmd_pool_init(struct cmd_pool *pool)
{
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->all_back, NULL);
	pool->free = NULL;
	pool->nr_out = 0;
}

void cmd_pool_wait(struct cmd_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	while (pool->nr_out)
		pthread_cond_wait(&pool->all_back, &pool->lock);
	pthread_mutex_unlock(&pool->lock);
}

void cmd_pool_free(struct cmd_pool *pool)
{
	struct cmd *cmd;

	while ((cmd = pool->free)) {
		pool->free = cmd->next;
		free(cmd);
	}
	pthread_cond_destroy(&pool->all_back);
	pthread_mutex_destroy(&pool->lock);
}

struct cmd *cmd_pool_get(struct cmd_pool *pool)
{
	struct cmd *cmd;

	pthread_mutex_lock(&pool->lock);
	cmd = pool->free;
	if (cmd)
		pool->free = cmd->next;
	else
		cmd = malloc(sizeof(*cmd));
	pool->nr_out += cmd != NULL;
	pthread_mutex_unlock(&pool->lock);
	return cmd;
}

void cmd_pool_put(struct cmd_pool *pool, struct cmd *cmd)
{
	pthread_mutex_lock(&pool->lock);
	cmd->next = pool->free;
	pool->free = cmd;
	if (!--pool->nr_out)
		pthread_cond_signal(&pool->all_back);
	pthread_mutex_unlock(&pool->lock);
}
