/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a runtime sends on standard input: the plugin's part of the conflist. Pure. */
#ifndef BG_CNI_NETWORK_CONFIG_H
#define BG_CNI_NETWORK_CONFIG_H

#include "feed/json.h"

#define BG_GATE_TIMEOUT_S 10
#define BG_GATE_MOST_S 600

/* What the gate does with a pod whose branch it does not find armed. */
enum bg_gate_failure { BG_GATE_CLOSED, BG_GATE_OPEN };
extern const char *const bg_gate_failure_words[]; /* "closed", "open", NULL */

struct bg_network_config {
	struct bg_json_document *document;
	char cni_version[16]; /* "" = none was read */
	int failure;	      /* enum bg_gate_failure */
	int timeout_s;
	char pin_dir[256];
	const struct bg_json *prev_result; /* NULL = there is none */
	struct bg_text prev_text;	   /* the same, as it was written */
};

/* Versions of the specification that the plugin speaks, the newest last, then NULL. */
extern const char *const bg_cni_versions[];

/*
 * Returns 0, or one of the specification's codes with *err: 1 incompatible version, 6 it is
 * no JSON, 7 a value is wrong, 5 out of memory. *config needs bg_network_config_free() in any
 * case; what was read before the error stands in it. `text` must live as long.
 */
int bg_network_config_read(struct bg_text text, struct bg_network_config *config,
			   struct bg_error *err);
void bg_network_config_free(struct bg_network_config *config);

#endif
