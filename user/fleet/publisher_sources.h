/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From what `publish` makes parts: files that others refresh, EC2, and an API server. */
#ifndef BG_FLEET_PUBLISHER_SOURCES_H
#define BG_FLEET_PUBLISHER_SOURCES_H

#include "fleet/input_stamps.h"
#include "fleet/publisher.h"

struct bg_publish_sources {
	const struct bg_publish *publish;
	struct bg_sweep_wanted wanted;
	int watch_fd;			/* for events of files */
	bool unwatched;			/* not all can be watched, and that was told */
	struct bg_input_stamps answers; /* as they were when they were read */
	struct bg_ec2_source ec2_source;
	struct bg_cluster_source cluster_source;
	struct bg_ec2_watched *ec2;	    /* NULL: no EC2 */
	struct bg_cluster_watched *cluster; /* NULL: no API server */
	__u64 changes;			    /* of both, as many as there were then, too */
	bool servers_are_well;		    /* when they were looked at last */
};

/* `changed` when a server has something new, or is to be asked. *publish must outlive it. */
int bg_sources_open(const struct bg_publish *publish, void (*changed)(void *context), void *context,
		    struct bg_publish_sources *sources, struct bg_error *err);
void bg_sources_close(struct bg_publish_sources *sources);

/* Asks what is due by now, and when that is next (CLOCK_MONOTONIC; 0: not before someone answers). */
void bg_sources_run(struct bg_publish_sources *sources);
double bg_sources_due_ms(const struct bg_publish_sources *sources);

/* Looks at all of it, and has its files watched. *same: as when it was read. Fails when an answer is too
 * old, EC2 has not described everything yet, or it is not known what the API server has. */
int bg_sources_look(struct bg_publish_sources *sources, bool *same, struct bg_error *err);
/* All of it into a model that is whole. */
int bg_sources_read(struct bg_publish_sources *sources, struct bg_sweep *sweep,
		    struct bg_error *err);

/* Is there reason to look, since a server has something new, or is well, or not, by now? */
bool bg_sources_have_changed(struct bg_publish_sources *sources);
/* There is no answer yet by which one could say what servers have, or that one does not say so. */
bool bg_sources_wait(const struct bg_publish_sources *sources);

#endif
