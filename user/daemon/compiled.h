/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A model on its way to a revision in force. Four steps, by turns in a thread beside the loop,
 * which does what may take long, and in the loop, which does what it shares with all else:
 *
 *	bg_compiled_make	the image, in a map that nothing uses yet; rules	thread
 *	bg_compiled_prepare	branches						loop
 *	bg_compiled_put		in force, by one update					thread
 *	bg_compiled_end		what the loop knows of it				loop
 *
 * Where a step fails, those after it do nothing, and _end() takes all back.
 */
#ifndef BG_DAEMON_COMPILED_H
#define BG_DAEMON_COMPILED_H

#include "base/cleanup.h"
#include "datapath/publish.h"

struct bg_compiled {
	/* what is to be compiled, and for which datapath: its numbers are the thread's meanwhile */
	struct bg_datapath *datapath;
	struct bg_datapath_options options; /* of a larger one */
	struct bg_model *model;
	bool same; /* the feed's content is that of the revision in force */
	/* what came of it */
	int rc;
	struct bg_error err;
	bool is_in_force;	    /* its image is in force already */
	int image_fd;		    /* a filled map, -1 = none */
	struct bg_datapath *larger; /* the image needs it, NULL = it does not */
	struct bg_publish publish;
	struct bg_publish_times times;
};

struct bg_daemon;

void bg_compiled_make(struct bg_compiled *compiled);
void bg_compiled_prepare(struct bg_compiled *compiled);
void bg_compiled_put(struct bg_compiled *compiled);
/* If it failed, what was in force stays. -EAGAIN, -ENOMEM: it may go well later. */
int bg_compiled_end(struct bg_compiled *compiled, struct bg_daemon *daemon, struct bg_error *err);

/* It cannot go on. */
void bg_compiled_fail(struct bg_compiled *compiled, int rc, const struct bg_error *err);
/* For the start, which has nothing else to do: the first three. */
void bg_compiled_do(struct bg_compiled *compiled);
void bg_compiled_free(struct bg_compiled *compiled); /* what it holds; {} is fine */

/* Room for this image and for its growth, in blocks; a power of two. */
__u32 bg_capacity_for(const struct bg_image *image);

#endif
