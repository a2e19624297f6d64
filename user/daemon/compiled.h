/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A model on its way to a revision: what takes long is done in a thread beside the loop, as
 * far as an image in a map that nothing uses yet; putting it in force is the loop's.
 */
#ifndef BG_DAEMON_COMPILED_H
#define BG_DAEMON_COMPILED_H

#include "base/cleanup.h"
#include "datapath/datapath.h"

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
	struct bg_publish_times times;
};

/* All but the loop may use it while it is made. */
void bg_compiled_make(struct bg_compiled *compiled);
void bg_compiled_free(struct bg_compiled *compiled); /* what it holds; {} is fine */

struct bg_daemon;

/* Puts it in force; if that fails, or it could not be made, what was in force stays. */
int bg_compiled_publish(struct bg_compiled *compiled, struct bg_daemon *daemon,
			struct bg_error *err);

/* Room for this image and for its growth, in blocks; a power of two. */
__u32 bg_capacity_for(const struct bg_image *image);

#endif
