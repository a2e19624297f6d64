/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Lines on their way to somebody who may read slowly: a ring of bytes that never grows.
 * A line goes in whole or not at all, and bytes come out as the reader takes them. Pure.
 */
#ifndef BG_SOCKET_LINE_QUEUE_H
#define BG_SOCKET_LINE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

struct bg_line_queue {
	char *bytes; /* NULL until the first line */
	size_t room_bytes;
	size_t start, used_bytes;
};

/* Memory is taken with the first line. */
void bg_line_queue_init(struct bg_line_queue *queue, size_t room_bytes);
void bg_line_queue_free(struct bg_line_queue *queue);

/* With the newline that ends it. -ENOBUFS: there is no room now; -ENOMEM. */
int bg_line_queue_put(struct bg_line_queue *queue, const char *line, size_t length_bytes);

/* The first bytes that stand side by side, all of them in two calls; NULL: empty. */
const char *bg_line_queue_next(const struct bg_line_queue *queue, size_t *length_bytes);
/* So many of these were taken. */
void bg_line_queue_taken(struct bg_line_queue *queue, size_t length_bytes);

static inline size_t bg_line_queue_left_bytes(const struct bg_line_queue *queue)
{
	return queue->room_bytes - queue->used_bytes;
}

#endif
