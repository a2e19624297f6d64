/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a model on the wire consists of. Each function writes a value, or reads and checks it,
 * as wire->writes says. `what` names it when it is not as it must be: that is kept, and
 * whatever comes after it is passed over.
 */
#ifndef BG_FEED_WIRE_VALUES_H
#define BG_FEED_WIRE_VALUES_H

#include "feed/model.h"

struct bg_wire {
	bool writes;
	unsigned char *bytes; /* written: grows; read: only looked at */
	size_t at, room;      /* read: room is the length */
	int rc;		      /* of the first thing that went wrong */
	const char *wrong;
};

void bg_wire_fails(struct bg_wire *wire, int rc, const char *what);
void bg_wire_must(struct bg_wire *wire, bool condition, const char *what);

void bg_wire_raw(struct bg_wire *wire, void *data, size_t length);
/* These return the value; the least one when something went wrong. */
__u64 bg_wire_number(struct bg_wire *wire, __u64 value, __u64 least, __u64 most, const char *what);
int bg_wire_integer(struct bg_wire *wire, int value, int least, int most, const char *what);
void bg_wire_flag(struct bg_wire *wire, bool *value, const char *what);

/*
 * How many entries an array has, and when it is read, room for them: as BG_GROW would
 * have made it, and zeroed. An entry takes `least_bytes` at least, which limits how many
 * there can be; the count is stored only when the array is there.
 */
void bg_wire_array(struct bg_wire *wire, void **entries, size_t *count, size_t entry_bytes,
		   size_t least_bytes, const char *what);
#define BG_WIRE_ARRAY(wire, entries, count, least_bytes)                                           \
	bg_wire_array((wire), (void **)&(entries), &(count), sizeof(*(entries)), (least_bytes),    \
		      #entries)

/* UTF-8. */
void bg_wire_text(struct bg_wire *wire, char **value, const char *what);
/* A text of the document, as the parser takes it: so long, and nothing that ends lines or
 * drives a terminal. */
void bg_wire_words(struct bg_wire *wire, char **value, size_t least, size_t most, const char *what);
void bg_wire_words_or_none(struct bg_wire *wire, char **value, const char *what);
/* The name of an interface: 15 bytes and their end. It becomes a part of pins' names. */
void bg_wire_interface(struct bg_wire *wire, char name[16], bool may_lack, const char *what);

void bg_wire_addresses(struct bg_wire *wire, struct bg_addr **list, size_t *count);
void bg_wire_prefixes(struct bg_wire *wire, struct bg_prefix **list, size_t *count, bool sorted);
/* Indices of groups, ascending, none twice. */
void bg_wire_group_list(struct bg_wire *wire, size_t **list, size_t *count, size_t groups);
void bg_wire_timeouts(struct bg_wire *wire, struct bg_timeouts *timeouts);

#endif
