/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A node's parts as a web server has them: the files of a directory of parts, by their names. */
#ifndef BG_FLEET_SERVED_PARTS_H
#define BG_FLEET_SERVED_PARTS_H

#include <stdbool.h>

#include "fleet/parts/part.h"
#include "fleet/web/web.h"

struct bg_served_part;

/* How a round ended, once all that the node needs was asked for. */
struct bg_served_round {
	int rc;		     /* below 0: it is not known what the server has, by `err` */
	bool changed;	     /* something is another one than a round ago */
	double asked_ms;     /* what the server wants us to wait; 0: nothing */
	struct bg_error err; /* "" if rc is 0 */
};

/* All 0 but for what who has it sets. */
struct bg_served {
	/* --- set by who has it --- */
	struct bg_web *web;
	const char *url, *node; /* "https://HOST/PATH/" */
	int limit_ms;		/* for each answer */
	/* By bg_web_step(); it may begin no round itself. */
	void (*ended)(void *context, const struct bg_served_round *round);
	void *context;

	/* --- */
	struct bg_served_part **part;
	size_t count;
	size_t under_way;
	bool in_round, changed;
};

/* Begins a round, unless there is one. Everything is asked for anew, as a question whether it is
 * another one if the server gave it an ETag. */
void bg_served_ask(struct bg_served *served);
/* What the last round found, to be used outside of rounds. */
struct bg_part_source bg_served_source(struct bg_served *served);
void bg_served_release(struct bg_served *served);

#endif
