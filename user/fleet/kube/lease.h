/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who of several publishers writes: the holder of a Lease (coordination.k8s.io/v1). Decisions
 * alone, by our own clock: times in the Lease are never compared with it, only whether they are
 * others than before. So clocks of different nodes may say what they like. Pure.
 */
#ifndef BG_KUBE_LEASE_H
#define BG_KUBE_LEASE_H

#include <linux/types.h>

#include "fleet/kube/api_answer.h"

#define BG_LEASE_HOLDER_TEXT 256
#define BG_LEASE_TIME_TEXT 64

#define BG_LEASE_S 15		/* who has not renewed it for so long has lost it */
#define BG_LEASE_MOST_S 600	/* whatever a Lease says */
#define BG_LEASE_WRITE_MS 10000 /* so long after a renewal was asked for its holder may write */
#define BG_LEASE_RENEW_MS 3000
#define BG_LEASE_LOOK_MS 2000 /* who waits looks so often */

struct bg_lease_record {
	char holder[BG_LEASE_HOLDER_TEXT]; /* "": nobody has it */
	char acquired[BG_LEASE_TIME_TEXT], renewed[BG_LEASE_TIME_TEXT];
	json_int_t duration_s; /* 0: it does not say */
	json_int_t transitions;
	struct bg_k8s_version version;
	json_t *kept; /* of its metadata (standing.h) */
};

/* -EPROTO: it is no Lease. */
int bg_lease_read(const char *text, size_t length_bytes, struct bg_lease_record *record,
		  struct bg_error *err);
void bg_lease_record_release(struct bg_lease_record *record);

struct bg_lease {
	const char *identity; /* set by who has it */

	bool known;		     /* `seen` is what the server has, as far as we know */
	bool is_there;		     /* there is one */
	struct bg_lease_record seen; /* the last one */
	double since_ms;	     /* since when it has looked like that */
	/* Its renewTime if it is ours: as it is known, and as we asked for it last, which nobody
	 * may have answered; "": none. A Lease with our name and another time is that of another
	 * process with our name. */
	char ours[BG_LEASE_TIME_TEXT], asked[BG_LEASE_TIME_TEXT];
	double until_ms; /* so long we may write; 0: not */
};

/* What the server has; record NULL: there is none. Takes what is in it. */
void bg_lease_saw(struct bg_lease *lease, struct bg_lease_record *record, double now_ms);
/* What we asked for at this time is so. */
void bg_lease_won(struct bg_lease *lease, struct bg_lease_record *record, double asked_ms);

enum bg_lease_step {
	BG_LEASE_READ,	 /* what there is */
	BG_LEASE_CREATE, /* there is none */
	BG_LEASE_TAKE,	 /* who had it has lost it, or let go of it */
	BG_LEASE_RENEW,	 /* it is ours */
	BG_LEASE_WAIT,	 /* for its holder's end */
	BG_LEASE_RELEASE /* never by itself */
};
enum bg_lease_step bg_lease_next(const struct bg_lease *lease, double now_ms);

/* When a holder who waits, or another who does, should look again. */
double bg_lease_due_ms(const struct bg_lease *lease, double now_ms);
bool bg_lease_is_ours(const struct bg_lease *lease);

/* The body for this step (but READ and WAIT), with this time, which is remembered. The
 * caller frees it; NULL: no memory. */
char *bg_lease_body(struct bg_lease *lease, enum bg_lease_step step, const char *name_space,
		    const char *name, __u64 realtime_ns);

#endif
