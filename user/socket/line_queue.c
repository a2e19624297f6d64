// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The ring of bytes behind every client of the socket. server.c fills and empties it; it
 * never waits, and never throws a line away that it has taken.
 */
#include "socket/line_queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void bg_line_queue_init(struct bg_line_queue *queue, size_t room_bytes)
{
	*queue = (struct bg_line_queue){ .room_bytes = room_bytes };
}

void bg_line_queue_free(struct bg_line_queue *queue)
{
	free(queue->bytes);
	bg_line_queue_init(queue, queue->room_bytes);
}

/* There is room. */
static void append(struct bg_line_queue *queue, const char *bytes, size_t length_bytes)
{
	size_t end = (queue->start + queue->used_bytes) % queue->room_bytes;
	size_t first = queue->room_bytes - end;

	if (first > length_bytes)
		first = length_bytes;
	memcpy(queue->bytes + end, bytes, first);
	memcpy(queue->bytes, bytes + first, length_bytes - first);
	queue->used_bytes += length_bytes;
}

int bg_line_queue_put(struct bg_line_queue *queue, const char *line, size_t length_bytes)
{
	if (length_bytes >= bg_line_queue_left_bytes(queue))
		return -ENOBUFS;
	if (!queue->bytes)
		queue->bytes = malloc(queue->room_bytes);
	if (!queue->bytes)
		return -ENOMEM;
	append(queue, line, length_bytes);
	append(queue, "\n", 1);
	return 0;
}

const char *bg_line_queue_next(const struct bg_line_queue *queue, size_t *length_bytes)
{
	size_t first = queue->room_bytes - queue->start;

	if (!queue->used_bytes)
		return NULL;
	*length_bytes = first < queue->used_bytes ? first : queue->used_bytes;
	return queue->bytes + queue->start;
}

void bg_line_queue_taken(struct bg_line_queue *queue, size_t length_bytes)
{
	queue->used_bytes -= length_bytes;
	queue->start = (queue->start + length_bytes) % queue->room_bytes;
}
