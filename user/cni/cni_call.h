/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One call of the plugin by a runtime: VERSION, ADD, DEL, CHECK, STATUS or GC. */
#ifndef BG_CNI_CNI_CALL_H
#define BG_CNI_CNI_CALL_H

#include <stdio.h>

#include "feed/json.h"

/* What the specification puts into the environment; NULL = it is not there. */
struct bg_cni_call {
	const char *command;	  /* CNI_COMMAND */
	const char *container_id; /* CNI_CONTAINERID */
	const char *netns;	  /* CNI_NETNS */
	const char *interface;	  /* CNI_IFNAME */
	const char *args;	  /* CNI_ARGS */
};

/* More than that on standard input is refused. */
#define BG_CNI_MOST_BYTES (1u << 20)

/*
 * Answers it: the result or the error goes to `out`, as JSON; what a person is to know beside
 * that goes to `log`. Returns what to exit with. DEL, GC and VERSION succeed whatever `text` is;
 * `unread`, NULL if all was read, says why it is not whole.
 */
int bg_cni_answer(const struct bg_cni_call *call, struct bg_text text, const char *unread,
		  FILE *out, FILE *log);

#endif
