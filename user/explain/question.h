/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A question about one packet: its ends, direction and service, and the frame that a
 * program judges. Pure.
 */
#ifndef BG_EXPLAIN_QUESTION_H
#define BG_EXPLAIN_QUESTION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "types.h"

/* Longer names are refused: no id in EC2 or Kubernetes is as long. */
#define BG_QUESTION_BRANCH_BYTES 128

struct bg_question {
	char branch[BG_QUESTION_BRANCH_BYTES]; /* id, interface or VLAN id */
	enum bg_direction direction;
	int protocol; /* 0-255 */
	struct bg_addr remote;
	struct bg_addr local;
	bool has_local;
	int port;      /* TCP, UDP: the destination's; -1 = not given */
	int icmp_type; /* ICMP: -1 = not given */
	int icmp_code; /* 0 when not given */
	bool has_icmp_code;
};

/* What the one who asks calls the fields, for errors. */
struct bg_question_words {
	const char *branch, *remote, *local, *protocol, *port, *icmp_type, *icmp_code;
};
extern const struct bg_question_words bg_question_keys;	   /* "Port" */
extern const struct bg_question_words bg_question_options; /* "--port" */

/* Are all fields there that this protocol needs, and none that it has not, and do they fit
 * together? -EINVAL with a text that names the field, and what was expected. */
int bg_question_check(const struct bg_question *question, const struct bg_question_words *words,
		      struct bg_error *err);

/* The same of the service alone, while the addresses are not known. */
int bg_question_check_service(const struct bg_question *question,
			      const struct bg_question_words *words, struct bg_error *err);

/* Source port of TCP and UDP, identifier of ICMP queries: as any client could have it. */
#define BG_QUESTION_CLIENT_PORT 49152

/* The longest frame that is made. */
#define BG_QUESTION_BYTES 128

/*
 * The first packet of the flow in question, with its Ethernet header and right
 * checksums: a SYN, a datagram, a query. `question->local` must be set. Returns
 * its length.
 */
size_t bg_question_frame(const struct bg_question *question, __u8 frame[BG_QUESTION_BYTES]);

/* "tcp 10.0.0.1:49152 -> 10.0.47.90:5432", as the packet goes; `text` holds
 * BG_QUESTION_TEXT bytes. */
#define BG_QUESTION_TEXT 256
const char *bg_question_format(const struct bg_question *question, char *text);

/* "tcp 5432", "icmp type 8 code 0", "47"; `text` holds BG_SERVICE_TEXT bytes. */
#define BG_SERVICE_TEXT 64
const char *bg_question_service(const struct bg_question *question, char *text);

#endif
