/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Gets a Lease, and keeps it: one request at a time, each when it is due. */
#ifndef BG_KUBE_LEASE_KEEPER_H
#define BG_KUBE_LEASE_KEEPER_H

#include "fleet/kube/lease.h"
#include "fleet/web/backoff.h"
#include "fleet/web/web.h"

struct bg_lease_keeper {
	/* --- set by who has it --- */
	struct bg_web *web;
	const char *server; /* its URL */
	const char *name_space, *name;
	struct bg_lease lease;
	struct bg_backoff backoff;

	/* --- */
	struct bg_error wrong; /* why it is not known who has it; "" = it is */
	double due_ms;	       /* when bg_lease_keeper_run() has something to do; 0: it waits */
	enum bg_lease_step step;
	double asked_ms;
	struct bg_web_transfer *transfer;
};

/* Asks for what is due, if nothing is under way. */
void bg_lease_keeper_run(struct bg_lease_keeper *keeper);
/* May we write now? */
bool bg_lease_keeper_leads(const struct bg_lease_keeper *keeper);
/* Lets go of it, if it is ours; is true while that is under way. */
bool bg_lease_keeper_leave(struct bg_lease_keeper *keeper);
void bg_lease_keeper_release(struct bg_lease_keeper *keeper);

#endif
